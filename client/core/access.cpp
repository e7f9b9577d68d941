// SPDX-License-Identifier: MIT
#include "client/core/access.hpp"

#include "protocol/pattern.hpp"
#include "protocol/walk.hpp"

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

// The pattern that an access tells in place of extents. EINVAL: it is malformed or too large;
// EFBIG: it lies beyond what a file can have.
Result<std::vector<protocol::Strided>> pattern_of(const orfa_access& access) {
    static_assert(ORFA_STRIDED_BYTES == protocol::kMaxRequestBytes);
    static_assert(ORFA_STRIDED_RANGES == protocol::kMaxPieces);
    std::vector<protocol::Strided> pattern;
    std::uint64_t pieces = 0;
    std::uint64_t bytes = 0;
    if (access.extent_count > 0 || access.strided_count > protocol::kMaxListEntries / 2)
        return Status::from_errno(EINVAL);
    pattern.reserve(access.strided_count);
    for (std::size_t i = 0; i < access.strided_count; ++i) {
        const orfa_strided& told = access.strided[i];
        pattern.push_back({told.offset, told.length, told.count > 1 ? told.stride : 0,
                           told.repeats > 1 ? told.repeat_stride : 0, told.count, told.repeats});
        const auto& entry = pattern.back();
        const std::uint64_t all = std::uint64_t{told.count} * told.repeats;
        if (all == 0 || told.length == 0 || all > protocol::kMaxPieces - pieces ||
            told.length > (protocol::kMaxRequestBytes - bytes) / all)
            return Status::from_errno(EINVAL);
        if (protocol::unfolds_to(entry, protocol::kMaxPieces, kLargestOffset) == 0)
            return Status::from_errno(EFBIG);
        pieces += all;
        bytes += all * told.length;
    }
    return pattern;
}

}  // namespace

std::uint64_t Share::pieces() const {
    if (!is_pattern()) return extents.size();
    std::uint64_t pieces = 0;
    for (const protocol::Strided& entry : pattern)
        pieces += std::uint64_t{entry.count} * entry.repeats;
    return pieces / std::max(striping.stripe_count, 1U) + 1;
}

std::uint64_t Share::hull() const {
    std::uint64_t first = ~std::uint64_t{0};
    std::uint64_t end = 0;
    const auto add = [&](std::uint64_t start, std::uint64_t behind) {
        first = std::min(first, start);
        end = std::max(end, behind);
    };
    for (const protocol::Extent& extent : extents)
        add(extent.offset, extent.offset + extent.length);
    for (const protocol::Strided& entry : pattern)
        add(entry.offset, protocol::end_of(entry));
    return (end - first) / std::max(striping.stripe_count, 1U);
}

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
        if (part == 0 || share->extents.size() == kMostExtents ||
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
    return access.strided_count > 0 ? share_pattern(layout, access) : cut_extents(layout, access);
}

Status Shares::share_pattern(const protocol::Layout& layout, const orfa_access& access) {
    const auto pattern = pattern_of(access);
    if (!pattern.ok()) return pattern.status();
    bytes_ = protocol::bytes_of(*pattern);
    const auto in_memory = sum(access.segments, access.segment_count);
    if (!in_memory.ok() || *in_memory != bytes_) return Status::from_errno(EINVAL);
    for (std::uint32_t column = 0; column < layout.stripe_count; ++column) {
        protocol::Striping striping{};  // of one column: the object is the file
        if (layout.stripe_count > 1) striping = {layout.stripe_size, layout.stripe_count, column};
        const std::uint64_t bytes = protocol::bytes_of(*pattern, striping);
        if (bytes == 0) continue;
        Share& share = open_share(column);
        share.bytes = bytes;
        share.striping = striping;
        share.pattern = *pattern;
        for (std::size_t i = 0; i < access.segment_count; ++i)
            if (const orfa_segment& segment = access.segments[i]; segment.length > 0)
                share.segments.push_back({static_cast<std::byte*>(segment.data), segment.length});
    }
    return {};
}

Status Shares::cut_extents(const protocol::Layout& layout, const orfa_access& access) {
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
