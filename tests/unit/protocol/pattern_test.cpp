// SPDX-License-Identifier: MIT
// Folding lists of extents into nested strided patterns, and back.
#include "protocol/pattern.hpp"

#include "protocol/walk.hpp"

#include <gtest/gtest.h>

#include <random>

namespace orfa::protocol {
namespace {

std::vector<Strided> folded(const std::vector<Extent>& extents) {
    std::vector<Strided> out;
    fold(extents, out);
    return out;
}

std::vector<Extent> unfolded(const std::vector<Strided>& runs) {
    std::vector<Extent> out;
    Walk walk(runs, {});
    for (PieceRun run = walk.next(); run.count > 0; run = walk.next())
        for (std::uint64_t i = 0; i < run.count; ++i)
            out.push_back({run.offset + i * run.stride, run.length});
    return out;
}

// Rows of a plane of a box of a three-dimensional array, as a subarray type lists them.
std::vector<Extent> box(unsigned planes, unsigned rows) {
    std::vector<Extent> out;
    for (unsigned z = 0; z < planes; ++z)
        for (unsigned y = 0; y < rows; ++y)
            out.push_back({1000 + z * 4096 + y * 64, 16});
    return out;
}

TEST(Pattern, AVectorIsOneEntry) {
    EXPECT_EQ(folded(box(1, 1000)), (std::vector<Strided>{{1000, 16, 64, 0, 1000, 1}}));
}

TEST(Pattern, ASubarrayIsOneEntry) {
    EXPECT_EQ(folded(box(50, 20)), (std::vector<Strided>{{1000, 16, 64, 4096, 20, 50}}));
}

TEST(Pattern, WhatDoesNotRepeatStaysAsItIs) {
    const std::vector<Extent> extents{{0, 5}, {100, 6}, {50, 6}, {40, 6}, {200, 7}};
    EXPECT_EQ(unfolded(folded(extents)), extents);
    EXPECT_TRUE(folded({}).empty());
    EXPECT_EQ(folded({{7, 8}}), (std::vector<Strided>{{7, 8, 0, 0, 1, 1}}));
}

TEST(Pattern, UnfoldingIsTheInverseOfFolding) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 2000; ++round) {
        std::vector<Extent> extents;
        while (extents.size() < 60) {
            // Few different numbers, so that much repeats, and some of it only almost.
            const std::uint64_t count = random() % 6 + 1;
            const std::uint64_t start = random() % 8 * 100;
            const std::uint64_t stride = random() % 4 * 10;
            for (std::uint64_t i = 0; i < count; ++i)
                extents.push_back({start + i * stride, random() % 9 == 0 ? 3U : 4U});
        }
        const auto runs = folded(extents);
        ASSERT_EQ(unfolded(runs), extents);
        for (const Strided& run : runs)
            ASSERT_EQ(unfolds_to(run, 1000, 1 << 20), std::uint64_t{run.count} * run.repeats);
    }
}

TEST(Pattern, NumbersThatCanNotBeAreFound) {
    constexpr std::uint64_t kLargest = 1ULL << 62;
    EXPECT_EQ(unfolds_to({0, 1, 2, 100, 10, 5}, 50, kLargest), 50U);
    EXPECT_EQ(unfolds_to({0, 1, 2, 100, 10, 5}, 49, kLargest), 0U);
    EXPECT_EQ(unfolds_to({0, 1, 2, 100, 0, 5}, 50, kLargest), 0U);
    EXPECT_EQ(unfolds_to({0, 1, 2, 100, 10, 0}, 50, kLargest), 0U);
    EXPECT_EQ(unfolds_to({0, 1, 1, 1, ~0U, ~0U}, 50, kLargest), 0U);
    EXPECT_EQ(unfolds_to({kLargest, 1, 0, 0, 1, 1}, 50, kLargest), 1U);
    EXPECT_EQ(unfolds_to({kLargest + 1, 1, 0, 0, 1, 1}, 50, kLargest), 0U);
    EXPECT_EQ(unfolds_to({kLargest, 1, 1, 0, 2, 1}, 50, kLargest), 0U);
    EXPECT_EQ(unfolds_to({0, 1, ~0ULL, 0, 3, 1}, 50, kLargest), 0U);  // would wrap
    EXPECT_EQ(unfolds_to({0, 1, 1, kLargest / 2, 2, 4}, 50, kLargest), 0U);
    EXPECT_EQ(unfolds_to({0, 1, ~0ULL, ~0ULL, 1, 1}, 50, kLargest), 1U);  // strides of nothing
}

}  // namespace
}  // namespace orfa::protocol
