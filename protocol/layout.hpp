// SPDX-License-Identifier: MIT
// Simple striping: pure functions between ranges of a file and ranges of servers' objects.
//
// Stripe k (bytes [k * size, (k + 1) * size)) is on server (first + k % count) % servers, as stripe
// k / count of that server's object.
#pragma once

#include "protocol/messages.hpp"

#include <algorithm>
#include <cstdint>

namespace orfa::protocol {

inline constexpr std::uint64_t kMinStripeSize = 4096;
inline constexpr std::uint64_t kMaxStripeSize = 1ULL << 32;
inline constexpr std::uint32_t kMaxStripeCount = 1U << 16;

// Whether the wire's layout can be computed with: bounds, and a stripe size of whole 4 KiB pages.
constexpr bool is_valid(const Layout& layout, std::uint32_t servers) {
    return layout.stripe_size >= kMinStripeSize && layout.stripe_size <= kMaxStripeSize &&
           layout.stripe_size % kMinStripeSize == 0 && layout.stripe_count >= 1 &&
           layout.stripe_count <= kMaxStripeCount && layout.stripe_count <= servers &&
           layout.first_server < servers;
}

// A range of a file that lies in one stripe, and where it is.
struct Piece {
    std::uint32_t column;  // 0 .. stripe_count - 1: which of the file's servers
    std::uint64_t object_offset;
    std::uint64_t length;
};

// The server of a column.
constexpr std::uint32_t server_of(const Layout& layout, std::uint32_t column,
                                  std::uint32_t servers) {
    return (layout.first_server + column) % servers;
}

// The column of a server, or stripe_count when it holds nothing of the file.
constexpr std::uint32_t column_of(const Layout& layout, std::uint32_t server,
                                  std::uint32_t servers) {
    const std::uint32_t column = (server + servers - layout.first_server) % servers;
    return std::min(column, layout.stripe_count);
}

// The first part of [offset, offset + length) that lies in one stripe.
constexpr Piece first_piece(const Layout& layout, std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t stripe = offset / layout.stripe_size;
    const std::uint64_t within = offset % layout.stripe_size;
    return {static_cast<std::uint32_t>(stripe % layout.stripe_count),
            stripe / layout.stripe_count * layout.stripe_size + within,
            std::min(length, layout.stripe_size - within)};
}

// Where byte `object_offset` of a column's object is in the file.
constexpr std::uint64_t file_offset(const Layout& layout, std::uint32_t column,
                                    std::uint64_t object_offset) {
    const std::uint64_t stripe = object_offset / layout.stripe_size;
    return (stripe * layout.stripe_count + column) * layout.stripe_size +
           object_offset % layout.stripe_size;
}

// The size that a column's object has when the file is `file_size` bytes long and without holes.
constexpr std::uint64_t object_size(const Layout& layout, std::uint32_t column,
                                    std::uint64_t file_size) {
    const std::uint64_t round = layout.stripe_size * layout.stripe_count;
    const std::uint64_t rest = file_size % round;
    const std::uint64_t start = layout.stripe_size * column;
    const std::uint64_t part = rest > start ? std::min(rest - start, layout.stripe_size) : 0;
    return file_size / round * layout.stripe_size + part;
}

// The file's size as far as a column's object of `size` bytes tells: the end of its last byte.
constexpr std::uint64_t file_size_from(const Layout& layout, std::uint32_t column,
                                       std::uint64_t size) {
    return size == 0 ? 0 : file_offset(layout, column, size - 1) + 1;
}

}  // namespace orfa::protocol
