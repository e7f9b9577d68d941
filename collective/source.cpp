// SPDX-License-Identifier: MIT
#include "collective/source.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::collective {

Status Source::fetch() {
    part_ = {};
    extent_ = segment_ = 0;
    in_extent_ = in_segment_ = 0;
    at_ = kEnd;
    ORFA_TRY(next_(part_));
    if (part_.extent_count > 0) at_ = part_.extents[0].offset;
    return {};
}

// The next `length` bytes are done; they lie in one extent and one segment.
Status Source::pass(std::uint64_t length) {
    in_extent_ += length;
    in_segment_ += length;
    at_ += length;
    if (in_segment_ == part_.segments[segment_].length) {
        ++segment_;
        in_segment_ = 0;
    }
    if (in_extent_ < part_.extents[extent_].length) return {};
    in_extent_ = 0;
    if (++extent_ == part_.extent_count) return fetch();
    at_ = part_.extents[extent_].offset;
    return {};
}

Status Source::deal(const Window& window, std::span<Parcel> parcels) {
    std::uint64_t least = window.begin();  // nothing before it may come
    std::uint64_t from = 0;                // of the unit that `parcel` and `place` are for
    std::uint64_t to = 0;
    std::uint64_t place = 0;
    Parcel* parcel = nullptr;
    while (at_ < window.end()) {
        if (at_ < least) return Status::from_errno(EINVAL);
        if (at_ >= to) {
            from = at_;
            to = at_ + window.left_in_unit(at_);
            place = window.place_of(at_);
            parcel = &parcels[window.aggregator_of(at_)];
        }
        const orfa_segment& segment = part_.segments[segment_];
        const std::uint64_t length = std::min(
            {to - at_, part_.extents[extent_].length - in_extent_, segment.length - in_segment_});
        parcel->places.append(place + (at_ - from), length);
        parcel->memory.append(reinterpret_cast<std::uintptr_t>(segment.data) + in_segment_, length);
        least = at_ + length;
        ORFA_TRY(pass(length));
    }
    return {};
}

}  // namespace orfa::collective
