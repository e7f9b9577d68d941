// SPDX-License-Identifier: MIT
#include "server/access_list.hpp"

#include "protocol/layout.hpp"
#include "protocol/pattern.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::server {
namespace {

// Offsets stay below this, so that no sum of two can overflow.
constexpr std::uint64_t kLargestOffset = 1ULL << 62;

bool get_extents(protocol::Reader& reader, std::uint32_t count,
                 std::vector<protocol::Strided>& out) {
    for (std::uint32_t i = 0; i < count; ++i) {
        protocol::Extent extent{};
        if (!reader.get(extent)) return false;
        out.push_back({extent.offset, extent.length, 0, 0, 1, 1});
    }
    return true;
}

// Whether the pattern's numbers can be computed with, and keep to the bounds.
bool is_sound(const std::vector<protocol::Strided>& pattern) {
    std::uint64_t pieces = 0;
    std::uint64_t bytes = 0;
    for (const auto& entry : pattern) {
        const std::uint64_t more =
            protocol::unfolds_to(entry, protocol::kMaxPieces - pieces, kLargestOffset);
        if (more == 0 || entry.length == 0 ||
            entry.length > (protocol::kMaxRequestBytes - bytes) / more)
            return false;
        pieces += more;
        bytes += more * entry.length;
    }
    return true;
}

bool is_sound(const protocol::Striping& striping) {
    if (striping.stripe_count == 0) return striping.stripe_size == 0 && striping.column == 0;
    const protocol::Layout layout{striping.stripe_size, striping.stripe_count, 0};
    return protocol::is_valid(layout, striping.stripe_count) &&
           striping.column < striping.stripe_count;
}

// The bytes of the segments, in *bytes.
bool add_up(const std::vector<fabric::RemoteSegment>& segments, std::uint64_t* bytes) {
    *bytes = 0;
    for (const auto& segment : segments) {
        if (segment.length == 0 || segment.length > protocol::kMaxRequestBytes ||
            segment.addr + segment.length < segment.addr)
            return false;
        *bytes += segment.length;
    }
    return true;
}

}  // namespace

std::size_t entry_bytes(const protocol::IoRequest& request) {
    return request.pattern == protocol::Pattern::kStrided ? sizeof(protocol::Strided)
                                                          : sizeof(protocol::Extent);
}

Status check_bounds(const protocol::IoRequest& request) {
    const bool sound =
        request.entry_count <= protocol::kMaxListEntries &&
        request.segment_count <= protocol::kMaxListEntries &&
        request.entry_count + request.segment_count <= protocol::kMaxListEntries &&
        request.total_bytes <= protocol::kMaxRequestBytes &&
        (request.pattern == protocol::Pattern::kExtents ||
         request.pattern == protocol::Pattern::kStrided) &&
        (request.flags & ~std::uint32_t{protocol::kListsInMemory | protocol::kTogether |
                                        protocol::kWholeMemory}) == 0;
    return Status::from_errno(sound ? 0 : EPROTO);
}

Status parse_lists(const protocol::IoRequest& request, protocol::Reader& reader, AccessList& list) {
    list.pattern.clear();
    list.segments.clear();
    list.striping = request.striping;
    list.whole_memory = (request.flags & protocol::kWholeMemory) != 0;
    const bool there = request.pattern == protocol::Pattern::kStrided
                           ? reader.get_array(request.entry_count, list.pattern)
                           : get_extents(reader, request.entry_count, list.pattern);
    if (!there || !reader.get_array(request.segment_count, list.segments) ||
        !is_sound(list.pattern) || !is_sound(list.striping))
        return Status::from_errno(EPROTO);
    std::uint64_t in_memory = 0;
    if (!add_up(list.segments, &in_memory)) return Status::from_errno(EPROTO);
    const std::uint64_t wanted =
        list.whole_memory ? protocol::bytes_of(list.pattern) : request.total_bytes;
    const bool agrees = protocol::bytes_of(list.pattern, list.striping) == request.total_bytes &&
                        (list.segments.empty() || in_memory == wanted);
    return Status::from_errno(agrees ? 0 : EPROTO);
}

void SegmentCursor::move_to(std::uint64_t position) {
    while (position_ < position) {
        const std::uint64_t part =
            std::min(position - position_, segments_[index_].length - within_);
        within_ += part;
        position_ += part;
        if (within_ == segments_[index_].length) {
            ++index_;
            within_ = 0;
        }
    }
}

void SegmentCursor::take(std::uint64_t length, std::vector<fabric::RemoteSegment>& out) {
    while (length > 0) {
        const auto& segment = segments_[index_];
        const std::uint64_t addr = segment.addr + within_;
        const std::uint64_t part = std::min(length, segment.length - within_);
        if (!out.empty() && out.back().key == segment.key &&
            out.back().addr + out.back().length == addr)
            out.back().length += part;
        else
            out.push_back({addr, segment.key, part});
        move_to(position_ + part);
        length -= part;
    }
}

}  // namespace orfa::server
