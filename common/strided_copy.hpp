// SPDX-License-Identifier: MIT
// Copies between packed bytes and pieces of one length at one distance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace orfa {

// Calls move(i, length) for i = 0 .. count - 1. The compiler turns copies of a constant size into
// moves; a call each would cost more than they do.
template <typename Move>
void for_each_piece(std::uint64_t length, std::uint64_t count, Move move) {
    const auto all = [&](auto constant) {
        for (std::int64_t i = 0; i < static_cast<std::int64_t>(count); ++i)
            move(i, constant());
    };
    switch (length) {
        case 4:
            return all([] { return std::size_t{4}; });
        case 8:
            return all([] { return std::size_t{8}; });
        case 16:
            return all([] { return std::size_t{16}; });
        case 32:
            return all([] { return std::size_t{32}; });
        case 64:
            return all([] { return std::size_t{64}; });
        default:
            return all([length] { return std::size_t{length}; });
    }
}

// Copies `count` pieces of `length` bytes: from `packed`, where they lie one behind the other, to
// where they lie `stride` bytes from each other.
inline void spread_pieces(std::byte* to, std::int64_t stride, const std::byte* packed,
                          std::uint64_t length, std::uint64_t count) {
    for_each_piece(length, count, [=](std::int64_t i, std::size_t bytes) {
        std::memcpy(to + i * stride, packed + i * static_cast<std::int64_t>(bytes), bytes);
    });
}

// The reverse.
inline void gather_pieces(std::byte* packed, const std::byte* from, std::int64_t stride,
                          std::uint64_t length, std::uint64_t count) {
    for_each_piece(length, count, [=](std::int64_t i, std::size_t bytes) {
        std::memcpy(packed + i * static_cast<std::int64_t>(bytes), from + i * stride, bytes);
    });
}

}  // namespace orfa
