// SPDX-License-Identifier: MIT
// Patterns of the file as each server sees them, against a list of every byte.
#include "protocol/walk.hpp"

#include "protocol/layout.hpp"

#include <gtest/gtest.h>

#include <random>

namespace orfa::protocol {
namespace {

// Where each byte of the pattern lies in the file.
std::vector<std::uint64_t> offsets_of(const std::vector<Strided>& pattern) {
    std::vector<std::uint64_t> offsets;
    for (const Strided& entry : pattern)
        for (std::uint64_t repeat = 0; repeat < entry.repeats; ++repeat)
            for (std::uint64_t piece = 0; piece < entry.count; ++piece)
                for (std::uint64_t i = 0; i < entry.length; ++i)
                    offsets.push_back(entry.offset + repeat * entry.repeat_stride +
                                      piece * entry.stride + i);
    return offsets;
}

Strided random_entry(std::mt19937_64& random) {
    const std::uint64_t scale = random() % 2 == 0 ? 100 : 6000;
    Strided entry{random() % 30'000,
                  random() % scale + 1,
                  0,
                  0,
                  static_cast<std::uint32_t>(random() % 12 + 1),
                  static_cast<std::uint32_t>(random() % 6 + 1)};
    // Now and then pieces overlap, touch, or are all the same.
    if (entry.count > 1) entry.stride = random() % 9 == 0 ? random() % 50 : random() % (2 * scale);
    if (entry.repeats > 1) entry.repeat_stride = random() % 60'000;
    return entry;
}

struct Columns {
    std::vector<int> seen;  // how often each byte of the pattern came
    std::size_t runs = 0;
};

// Walks as each server of the layout does; every byte must come where it lies.
Columns walk_all(const std::vector<Strided>& pattern, const Layout& layout,
                 const std::vector<std::uint64_t>& offsets) {
    Columns columns{std::vector<int>(offsets.size()), 0};
    for (std::uint32_t column = 0; column < layout.stripe_count; ++column) {
        const Striping striping{layout.stripe_size, layout.stripe_count, column};
        std::uint64_t bytes = 0;
        std::uint64_t behind = 0;  // positions ascend
        Walk walk(pattern, striping);
        for (PieceRun run = walk.next(); run.count > 0; run = walk.next()) {
            EXPECT_GE(run.position, behind);
            for (std::uint64_t i = 0; i < run.length * run.count; ++i) {
                const std::uint64_t offset =
                    run.offset + i / run.length * run.stride + i % run.length;
                EXPECT_EQ(file_offset(layout, column, offset), offsets.at(run.position + i));
                ++columns.seen.at(run.position + i);
            }
            behind = run.position + run.length * run.count;
            bytes += run.length * run.count;
            ++columns.runs;
        }
        EXPECT_EQ(bytes, bytes_of(pattern, striping));
    }
    return columns;
}

TEST(Walk, EachByteComesOnceAtItsServer) {
    std::mt19937_64 random(11);
    for (int round = 0; round < 1000 && !testing::Test::HasFailure(); ++round) {
        std::vector<Strided> pattern;
        for (std::uint64_t n = random() % 3 + 1; n > 0; --n)
            pattern.push_back(random_entry(random));
        const Layout layout{4096 * (random() % 3 + 1), static_cast<std::uint32_t>(random() % 4 + 1),
                            0};
        const auto offsets = offsets_of(pattern);
        EXPECT_EQ(bytes_of(pattern), offsets.size());
        for (const int times : walk_all(pattern, layout, offsets).seen)
            ASSERT_EQ(times, 1) << "round " << round;
    }
}

TEST(Walk, WithoutStripesARowIsOneRun) {
    const std::vector<Strided> pattern{{100, 5, 10, 1000, 7, 3}, {9, 8, 0, 0, 1, 1}};
    Walk walk(pattern, {});
    for (std::uint64_t row = 0; row < 3; ++row) {
        const PieceRun run = walk.next();
        EXPECT_EQ(run.position, row * 35);
        EXPECT_EQ(run.offset, 100 + row * 1000);
        EXPECT_EQ(run.stride, 10U);
        EXPECT_EQ(run.count, 7U);
    }
    EXPECT_EQ(walk.next().length, 8U);
    EXPECT_EQ(walk.next().count, 0U);
}

TEST(Walk, AMillionPiecesTakeAsManyStepsAsTheyHaveStripes) {
    const std::vector<Strided> pattern{{0, 16, 64, 0, 1'000'000, 1}};
    const Layout layout{65536, 4, 0};
    std::size_t runs = 0;
    for (std::uint32_t column = 0; column < 4; ++column) {
        Walk walk(pattern, {layout.stripe_size, layout.stripe_count, column});
        while (walk.next().count > 0)
            ++runs;
    }
    EXPECT_EQ(runs, 1'000'000 * 64 / 65536 + 1);
}

TEST(Walk, BytesBelowALimit) {
    std::mt19937_64 random(12);
    for (int round = 0; round < 2000; ++round) {
        const std::uint64_t count = random() % 6 + 1;
        const PieceRun run{0, random() % 50, random() % 20 + 1, count > 1 ? random() % 40 : 0,
                           count};
        const std::uint64_t limit = random() % 300;
        std::uint64_t bytes = 0;
        for (std::uint64_t i = 0; i < count * run.length; ++i)
            if (run.offset + i / run.length * run.stride + i % run.length < limit) ++bytes;
        ASSERT_EQ(bytes_below(run, limit), bytes) << "round " << round;
    }
}

}  // namespace
}  // namespace orfa::protocol
