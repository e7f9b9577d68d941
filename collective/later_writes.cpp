// SPDX-License-Identifier: MIT
#include "collective/later_writes.hpp"

#include <algorithm>

namespace orfa::collective {

void LaterWrites::pass(std::uint64_t round) {
    first_ = std::max(first_, round + 1);
    next_ = std::max(next_, first_);
}

void LaterWrites::add(const Range& written) {
    const std::uint64_t number = next_ / kGroup;
    Group& group = groups_[number % groups_.size()];
    if (group.number != number) group = {number, {}};
    if (group.hull == Range{}) group.hull = written;
    if (written.start < written.end)
        group.hull = {std::min(group.hull.start, written.start),
                      std::max(group.hull.end, written.end)};
    ranges_[next_++ % kMostRounds] = written;
}

void LaterWrites::collect(const Range& hull, std::vector<Range>& out) const {
    for (std::uint64_t round = first_; round < next_;) {
        const std::uint64_t number = round / kGroup;
        const std::uint64_t stop = std::min(next_, (number + 1) * kGroup);
        if (!groups_[number % groups_.size()].hull.meets(hull)) {
            round = stop;
            continue;
        }
        for (; round < stop; ++round) {
            const Range& range = ranges_[round % kMostRounds];
            if (range.meets(hull))
                out.push_back({std::max(range.start, hull.start), std::min(range.end, hull.end)});
        }
    }
}

}  // namespace orfa::collective
