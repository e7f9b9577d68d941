// SPDX-License-Identifier: MIT
#include "collective/assembly.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::collective {

void Assembly::reset(std::size_t ranks) {
    places_.resize(ranks);
    for (auto& places : places_)
        places.clear();
}

Status Assembly::describe(std::size_t rank, std::span<const std::byte> description,
                          std::uint64_t limit, std::uint64_t bytes) {
    return Status::from_errno(decode(description, limit, bytes, places_[rank]) ? 0 : EPROTO);
}

orfa_access Assembly::access(const Window& window, std::uint32_t aggregator, std::byte* buffer) {
    const std::vector<std::span<const Run>> lists(places_.begin(), places_.end());
    unite(lists, ranges_);
    segments_.clear();
    extents_.clear();
    for (const Range& range : ranges_) {
        segments_.push_back({buffer + range.start, range.end - range.start});
        for (std::uint64_t place = range.start; place < range.end;) {
            const std::uint64_t offset = window.offset_of(aggregator, place);
            const std::uint64_t length = std::min(range.end - place, window.left_in_unit(offset));
            if (!extents_.empty() && extents_.back().offset + extents_.back().length == offset)
                extents_.back().length += length;
            else
                extents_.push_back({offset, length});
            place += length;
        }
    }
    return {segments_.data(), segments_.size(), extents_.data(), extents_.size(), nullptr, 0};
}

std::uint64_t Assembly::place_behind(std::uint64_t moved) const {
    for (const Range& range : ranges_) {
        if (moved < range.end - range.start) return range.start + moved;
        moved -= range.end - range.start;
    }
    return ~std::uint64_t{0};
}

}  // namespace orfa::collective
