// SPDX-License-Identifier: MIT
// The arithmetic of striping, against counting byte by byte (in units of 512 to keep it short).
#include "protocol/layout.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace orfa::protocol {
namespace {

constexpr std::uint64_t kUnit = 512;
constexpr std::uint32_t kServers = 5;

struct Place {
    std::uint32_t column;
    std::uint64_t object_offset;
};

// Where each unit of a file lies, by dealing stripes out in turn.
std::vector<Place> deal(const Layout& layout, std::uint64_t units) {
    std::vector<std::uint64_t> next(layout.stripe_count, 0);
    std::vector<Place> places;
    for (std::uint64_t unit = 0; unit < units; ++unit) {
        const auto column =
            static_cast<std::uint32_t>(unit * kUnit / layout.stripe_size % layout.stripe_count);
        places.push_back({column, next[column]});
        next[column] += kUnit;
    }
    return places;
}

std::vector<Layout> layouts() {
    std::vector<Layout> all;
    for (const std::uint64_t stripe : {4096U, 8192U, 12288U})
        for (std::uint32_t count = 1; count <= kServers; ++count)
            for (std::uint32_t first = 0; first < kServers; ++first)
                all.push_back({stripe, count, first});
    return all;
}

TEST(Layout, PiecesAreWhereDealingPutsThem) {
    for (const Layout& layout : layouts()) {
        const auto places = deal(layout, 200);
        for (std::uint64_t unit = 0; unit < places.size(); ++unit) {
            const Piece piece = first_piece(layout, unit * kUnit, ~0ULL >> 1);
            EXPECT_EQ(piece.column, places[unit].column);
            EXPECT_EQ(piece.object_offset, places[unit].object_offset);
            EXPECT_EQ(piece.length, layout.stripe_size - unit * kUnit % layout.stripe_size);
        }
    }
}

TEST(Layout, SplittingAndMergingAreInverse) {
    std::mt19937_64 random(3);
    for (int i = 0; i < 20'000; ++i) {
        const Layout layout{4096 * (random() % 64 + 1),
                            static_cast<std::uint32_t>(random() % kServers + 1),
                            static_cast<std::uint32_t>(random() % kServers)};
        const std::uint64_t begin = random() >> (random() % 40 + 4);
        std::uint64_t offset = begin;
        const std::uint64_t end = begin + random() % 1'000'000;
        while (offset < end) {
            const Piece piece = first_piece(layout, offset, end - offset);
            ASSERT_GT(piece.length, 0U);
            ASSERT_LT(piece.column, layout.stripe_count);
            ASSERT_EQ(file_offset(layout, piece.column, piece.object_offset), offset);
            ASSERT_EQ(file_offset(layout, piece.column, piece.object_offset + piece.length - 1),
                      offset + piece.length - 1);
            offset += piece.length;
        }
        ASSERT_EQ(offset, end);
    }
}

TEST(Layout, ObjectSizesAreThoseOfAFullFile) {
    for (const Layout& layout : layouts()) {
        const auto places = deal(layout, 160);
        std::vector<std::uint64_t> sizes(layout.stripe_count, 0);
        for (std::uint64_t unit = 0; unit <= places.size(); ++unit) {
            const std::uint64_t file_size = unit * kUnit;
            std::uint64_t merged = 0;
            for (std::uint32_t column = 0; column < layout.stripe_count; ++column) {
                EXPECT_EQ(object_size(layout, column, file_size), sizes[column]);
                merged = std::max(merged, file_size_from(layout, column, sizes[column]));
            }
            EXPECT_EQ(merged, file_size);
            if (unit < places.size()) sizes[places[unit].column] += kUnit;
        }
    }
}

TEST(Layout, ObjectSizesOfRandomFilesAgreeWithTheirPieces) {
    std::mt19937_64 random(4);
    for (int i = 0; i < 3000; ++i) {
        const Layout layout{4096 * (random() % 16 + 1),
                            static_cast<std::uint32_t>(random() % kServers + 1), 0};
        const std::uint64_t size = random() % 3'000'000;
        std::vector<std::uint64_t> sizes(layout.stripe_count, 0);
        for (std::uint64_t at = 0; at < size;) {
            const Piece piece = first_piece(layout, at, size - at);
            EXPECT_EQ(piece.object_offset, sizes[piece.column]);
            sizes[piece.column] += piece.length;
            at += piece.length;
        }
        for (std::uint32_t column = 0; column < layout.stripe_count; ++column)
            ASSERT_EQ(object_size(layout, column, size), sizes[column]);
    }
}

TEST(Layout, ColumnsAndServersAreInverse) {
    for (const Layout& layout : layouts()) {
        std::vector<bool> used(kServers, false);
        for (std::uint32_t column = 0; column < layout.stripe_count; ++column) {
            const std::uint32_t server = server_of(layout, column, kServers);
            ASSERT_LT(server, kServers);
            EXPECT_FALSE(used[server]);
            used[server] = true;
            EXPECT_EQ(column_of(layout, server, kServers), column);
        }
        for (std::uint32_t server = 0; server < kServers; ++server)
            if (!used[server]) {
                EXPECT_EQ(column_of(layout, server, kServers), layout.stripe_count);
            }
    }
}

TEST(Layout, WhatCannotBeComputedWithIsNotValid) {
    const Layout good{65536, 2, 1};
    EXPECT_TRUE(is_valid(good, 2));
    EXPECT_FALSE(is_valid(good, 1));
    EXPECT_FALSE(is_valid({0, 1, 0}, 2));
    EXPECT_FALSE(is_valid({4095, 1, 0}, 2));
    EXPECT_FALSE(is_valid({4097, 1, 0}, 2));
    EXPECT_FALSE(is_valid({kMaxStripeSize + 4096, 1, 0}, 2));
    EXPECT_TRUE(is_valid({kMaxStripeSize, 1, 0}, 2));
    EXPECT_FALSE(is_valid({4096, 0, 0}, 2));
    EXPECT_FALSE(is_valid({4096, 3, 0}, 2));
    EXPECT_TRUE(is_valid({4096, kMaxStripeCount, 0}, ~0U));
    EXPECT_FALSE(is_valid({4096, kMaxStripeCount + 1, 0}, ~0U));
    EXPECT_FALSE(is_valid({4096, 1, 2}, 2));
}

TEST(Layout, EvenTheLargestOffsetsDoNotOverflow) {
    const Layout layout{kMaxStripeSize, 4, 0};
    const std::uint64_t far = (1ULL << 62) + 12345;
    const Piece piece = first_piece(layout, far, 100);
    EXPECT_EQ(file_offset(layout, piece.column, piece.object_offset), far);
    EXPECT_EQ(file_size_from(layout, piece.column, piece.object_offset + 1), far + 1);
}

}  // namespace
}  // namespace orfa::protocol
