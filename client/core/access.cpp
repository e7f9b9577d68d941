// SPDX-License-Identifier: MIT
#include "client/core/access.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::client {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};
constexpr std::uint64_t kLargestOffset = 1ULL << 62;

// The bytes of a list; EINVAL when they, or an offset, are beyond what a file can have.
template <typename Item>
Result<std::uint64_t> sum(const Item* items, std::size_t count) {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (items[i].length > kLargestOffset || bytes > kLargestOffset)
            return Status::from_errno(EINVAL);
        bytes += items[i].length;
    }
    return bytes;
}

// Counts the run that a new extent begins, which is not yet in the list, unless it goes on with the
// one before.
void count_run(Share& share, std::uint64_t offset) {
    const auto& all = share.extents;
    const std::size_t n = all.size();
    const bool goes_on = n >= 2 && offset > all[n - 1].offset &&
                         all[n - 1].length == all[n - 2].length &&
                         offset - all[n - 1].offset == all[n - 1].offset - all[n - 2].offset;
    if (!goes_on) ++share.runs;
}

}  // namespace

Share& Shares::open_share(std::uint32_t column) {
    if (used_ == shares_.size()) shares_.emplace_back();
    current_[column] = used_;
    Share& share = shares_[used_++];
    share.clear();
    share.column = column;
    return share;
}

void Shares::add(std::uint32_t column, std::uint64_t object_offset, std::byte* data,
                 std::uint64_t length) {
    Share* share = current_[column] == kNone ? &open_share(column) : &shares_[current_[column]];
    while (length > 0) {
        const std::uint64_t part = std::min(length, protocol::kMaxRequestBytes - share->bytes);
        if (part == 0 || share->extents.size() == protocol::kMaxExtents ||
            share->runs + share->segments.size() + 2 > protocol::kMaxListEntries) {
            share = &open_share(column);
            continue;
        }
        if (!share->extents.empty() &&
            share->extents.back().offset + share->extents.back().length == object_offset) {
            share->extents.back().length += part;
        } else {
            count_run(*share, object_offset);
            share->extents.push_back({object_offset, part});
        }
        if (!share->segments.empty() &&
            share->segments.back().data + share->segments.back().length == data)
            share->segments.back().length += part;
        else
            share->segments.push_back({data, part});
        share->bytes += part;
        object_offset += part;
        data += part;
        length -= part;
    }
}

Status Shares::cut(const protocol::Layout& layout, const orfa_access& access) {
    used_ = 0;
    current_.assign(layout.stripe_count, kNone);
    const auto in_memory = sum(access.segments, access.segment_count);
    const auto in_file = sum(access.extents, access.extent_count);
    if (!in_memory.ok() || !in_file.ok() || *in_memory != *in_file)
        return Status::from_errno(EINVAL);
    bytes_ = *in_file;
    const orfa_segment* segment = access.segments;
    std::uint64_t within = 0;  // bytes of *segment that are done
    for (std::size_t i = 0; i < access.extent_count; ++i) {
        std::uint64_t offset = access.extents[i].offset;
        std::uint64_t left = access.extents[i].length;
        if (offset > kLargestOffset) return Status::from_errno(EFBIG);
        while (left > 0) {
            while (within == segment->length) {
                ++segment;
                within = 0;
            }
            const auto piece =
                protocol::first_piece(layout, offset, std::min(left, segment->length - within));
            add(piece.column, piece.object_offset, static_cast<std::byte*>(segment->data) + within,
                piece.length);
            offset += piece.length;
            left -= piece.length;
            within += piece.length;
        }
    }
    return {};
}

}  // namespace orfa::client
