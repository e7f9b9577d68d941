// SPDX-License-Identifier: MIT
#include "server/access_list.hpp"

#include "protocol/pattern.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::server {
namespace {

// Offsets stay below this, so that no sum of two can overflow.
constexpr std::uint64_t kLargestOffset = 1ULL << 62;

// The extents that `count` nested strided entries stand for.
bool get_strided(protocol::Reader& reader, std::uint32_t count,
                 std::vector<protocol::Extent>& out) {
    for (std::uint32_t i = 0; i < count; ++i) {
        protocol::Strided run{};
        if (!reader.get(run) ||
            protocol::unfolds_to(run, protocol::kMaxExtents - out.size(), kLargestOffset) == 0)
            return false;
        protocol::unfold(run, out);
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
        (request.flags & ~std::uint32_t{protocol::kListsInMemory | protocol::kTogether}) == 0;
    return Status::from_errno(sound ? 0 : EPROTO);
}

Status parse_lists(const protocol::IoRequest& request, protocol::Reader& reader, AccessList& list) {
    list.extents.clear();
    list.segments.clear();
    const bool pattern = request.pattern == protocol::Pattern::kStrided
                             ? get_strided(reader, request.entry_count, list.extents)
                             : reader.get_array(request.entry_count, list.extents);
    if (!pattern || !reader.get_array(request.segment_count, list.segments))
        return Status::from_errno(EPROTO);
    std::uint64_t in_file = 0;
    for (const auto& extent : list.extents) {
        if (extent.length == 0 || extent.length > protocol::kMaxRequestBytes ||
            extent.offset > kLargestOffset)
            return Status::from_errno(EPROTO);
        in_file += extent.length;
    }
    std::uint64_t in_memory = 0;
    for (const auto& segment : list.segments) {
        if (segment.length == 0 || segment.length > protocol::kMaxRequestBytes ||
            segment.addr + segment.length < segment.addr)
            return Status::from_errno(EPROTO);
        in_memory += segment.length;
    }
    const bool agrees = in_file == request.total_bytes &&
                        (list.segments.empty() || in_memory == request.total_bytes);
    return Status::from_errno(agrees ? 0 : EPROTO);
}

void SegmentCursor::take(std::uint64_t length, std::vector<fabric::RemoteSegment>& out) {
    while (length > 0) {
        const auto& segment = segments_[index_];
        const std::uint64_t part = std::min(length, segment.length - within_);
        out.push_back({segment.addr + within_, segment.key, part});
        skip(part);
        length -= part;
    }
}

void SegmentCursor::skip(std::uint64_t length) {
    while (length > 0) {
        const std::uint64_t part = std::min(length, segments_[index_].length - within_);
        within_ += part;
        length -= part;
        if (within_ == segments_[index_].length) {
            ++index_;
            within_ = 0;
        }
    }
}

}  // namespace orfa::server
