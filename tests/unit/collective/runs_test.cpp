// SPDX-License-Identifier: MIT
#include "collective/runs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace orfa::collective {
namespace {

using Piece = std::pair<std::uint64_t, std::uint64_t>;  // start, length

// Ascending pieces below `limit`: regular stretches and irregular ones.
std::vector<Piece> random_pieces(std::mt19937_64& random, std::uint64_t limit) {
    const auto pick = [&](std::uint64_t least, std::uint64_t most) {
        return least + random() % (most - least + 1);
    };
    std::vector<Piece> pieces;
    std::uint64_t at = pick(0, 40);
    while (at < limit) {
        const std::uint64_t length = pick(1, pick(1, 40));
        const std::uint64_t gap = pick(0, 3) == 0 ? 0 : pick(0, 60);
        for (std::uint64_t i = pick(1, 8); i > 0 && at + length <= limit; --i) {
            pieces.emplace_back(at, length);
            at += length + gap;
        }
        at += pick(0, 20);
    }
    return pieces;
}

Runs runs_of(const std::vector<Piece>& pieces) {
    Runs runs;
    for (const auto& [start, length] : pieces)
        runs.append(start, length);
    return runs;
}

std::vector<bool> bytes_named(std::span<const collective::Run> runs, std::uint64_t limit) {
    std::vector<bool> named(limit, false);
    for (const collective::Run& run : runs)
        for (std::uint64_t i = 0; i < run.count; ++i)
            for (std::uint64_t k = 0; k < run.length; ++k)
                named[run.start + i * run.stride + k] = true;
    return named;
}

TEST(Runs, RegularPiecesAreOneRun) {
    Runs runs;
    for (std::uint64_t i = 0; i < 1000; ++i)
        runs.append(64 + i * 48, 16);
    ASSERT_EQ(runs.items().size(), 1U);
    EXPECT_EQ(runs.items()[0], (collective::Run{64, 16, 48, 1000}));
    EXPECT_EQ(runs.bytes(), 16000U);
}

TEST(Runs, NeighboursAreJoined) {
    Runs runs;
    runs.append(10, 5);
    runs.append(15, 100);
    EXPECT_TRUE(runs.is_one_piece());
    EXPECT_EQ(runs.items()[0].length, 105U);
}

TEST(Runs, AddressesMayGoDownwards) {
    std::vector<std::byte> memory(100);
    for (std::size_t i = 0; i < memory.size(); ++i)
        memory[i] = static_cast<std::byte>(i);
    const auto base = reinterpret_cast<std::uintptr_t>(memory.data());
    Runs runs;
    for (std::uint64_t i = 0; i < 10; ++i)
        runs.append(base + 90 - 10 * i, 4);
    EXPECT_EQ(runs.items().size(), 1U);
    std::vector<std::byte> packed(40);
    gather(runs.items(), 0, packed);
    EXPECT_EQ(packed[0], std::byte{90});
    EXPECT_EQ(packed[7], std::byte{83});
    EXPECT_EQ(packed[39], std::byte{3});
}

TEST(Runs, NameExactlyTheBytesAppended) {
    constexpr std::uint64_t kLimit = 3000;
    std::mt19937_64 random(1);
    for (int round = 0; round < 300; ++round) {
        const auto pieces = random_pieces(random, kLimit);
        const Runs runs = runs_of(pieces);
        std::vector<bool> expected(kLimit, false);
        std::uint64_t bytes = 0;
        for (const auto& [start, length] : pieces) {
            std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(start), length, true);
            bytes += length;
        }
        EXPECT_EQ(bytes_named(runs.items(), kLimit), expected);
        EXPECT_EQ(runs.bytes(), bytes);
        const std::uint64_t limit = random() % kLimit;
        EXPECT_EQ(
            bytes_below(runs.items(), limit),
            static_cast<std::uint64_t>(std::count(
                expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(limit), true)));
    }
}

TEST(Runs, AreTheSameAfterTheWire) {
    constexpr std::uint64_t kLimit = 3000;
    std::mt19937_64 random(2);
    for (int round = 0; round < 300; ++round) {
        const Runs runs = runs_of(random_pieces(random, kLimit));
        std::vector<std::byte> wire;
        std::vector<collective::Run> back;
        encode(runs.items(), wire);
        ASSERT_TRUE(decode(wire, kLimit, runs.bytes(), back));
        const auto sent = runs.items();
        EXPECT_TRUE(std::equal(back.begin(), back.end(), sent.begin(), sent.end()));
        EXPECT_FALSE(decode(wire, kLimit, runs.bytes() + 1, back));
        const std::uint64_t end = sent.empty() ? 0
                                               : sent.back().start + sent.back().length +
                                                     (sent.back().count - 1) * sent.back().stride;
        if (end > 0) {
            EXPECT_FALSE(decode(wire, end - 1, runs.bytes(), back));
        }
    }
}

TEST(Runs, ARegularAccessTakesFewBytesOnTheWire) {
    Runs runs;
    for (std::uint64_t i = 0; i < 1'000'000; ++i)
        runs.append(i * 64, 16);
    std::vector<std::byte> wire;
    encode(runs.items(), wire);
    EXPECT_LE(wire.size(), 12U);
}

TEST(Runs, GarbageFromTheWireIsRefused) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 20000; ++round) {
        std::vector<std::byte> wire(random() % 24);
        for (auto& byte : wire)
            byte = static_cast<std::byte>(random());
        std::vector<collective::Run> runs;
        if (!decode(wire, 5000, random() % 100, runs)) {
            EXPECT_TRUE(runs.empty());
            continue;
        }
        for (const collective::Run& run : runs) {
            ASSERT_GE(run.count, 1U);
            ASSERT_LE(run.start + (run.count - 1) * run.stride + run.length, 5000U);
        }
    }
}

TEST(Runs, ScatterTakesBackWhatGatherPacked) {
    constexpr std::uint64_t kLimit = 2000;
    std::mt19937_64 random(4);
    for (int round = 0; round < 200; ++round) {
        const Runs runs = runs_of(random_pieces(random, kLimit));
        std::vector<std::byte> from(kLimit);
        std::vector<std::byte> to(kLimit, std::byte{0});
        for (auto& byte : from)
            byte = static_cast<std::byte>(1 + random() % 255);
        // A part only, as a read meets that comes to the end of the file.
        const std::uint64_t part = runs.bytes() == 0 ? 0 : random() % (runs.bytes() + 1);
        std::vector<std::byte> packed(part);
        gather(runs.items(), reinterpret_cast<std::uintptr_t>(from.data()), packed);
        scatter(runs.items(), reinterpret_cast<std::uintptr_t>(to.data()), packed);
        const auto named = bytes_named(runs.items(), kLimit);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < kLimit; ++i) {
            const bool moved = named[i] && seen < part;
            if (named[i]) ++seen;
            ASSERT_EQ(to[i], moved ? from[i] : std::byte{0}) << "byte " << i;
        }
    }
}

TEST(Runs, CopiedPiecesAreThoseOfAPackedCopyBetween) {
    std::mt19937_64 random(8);
    for (int round = 0; round < 2000; ++round) {
        constexpr std::uint64_t kMemory = 3000;
        // One piece on either side is a way of its own.
        const Runs from = runs_of(round % 5 == 0 ? std::vector<Piece>{{7, 1000}}
                                                 : random_pieces(random, kMemory));
        const Runs to = runs_of(round % 5 == 1 ? std::vector<Piece>{{9, 1500}}
                                               : random_pieces(random, kMemory));
        const std::uint64_t bytes = random() % (std::min(from.bytes(), to.bytes()) + 1);
        std::vector<std::byte> memory(kMemory);
        for (auto& byte : memory)
            byte = static_cast<std::byte>(random());
        std::vector<std::byte> packed(bytes);
        std::vector<std::byte> expected(kMemory, std::byte{0xEE});
        std::vector<std::byte> copied = expected;
        const auto base = reinterpret_cast<std::uintptr_t>(memory.data());
        gather(from.items(), base, packed);
        scatter(to.items(), reinterpret_cast<std::uintptr_t>(expected.data()), packed);
        copy_pieces(from.items(), base, to.items(), reinterpret_cast<std::uintptr_t>(copied.data()),
                    bytes);
        ASSERT_EQ(copied, expected) << round;
    }
}

TEST(Unite, NamesEachByteOnceInMaximalRanges) {
    constexpr std::uint64_t kLimit = 1500;
    std::mt19937_64 random(5);
    for (int round = 0; round < 3000; ++round) {
        std::vector<Runs> owners;
        std::vector<std::span<const collective::Run>> lists;
        std::vector<bool> expected(kLimit, false);
        for (std::uint64_t i = random() % 7; i > 0; --i)
            owners.push_back(runs_of(random_pieces(random, 1 + random() % kLimit)));
        for (const Runs& runs : owners) {
            lists.push_back(runs.items());
            const auto named = bytes_named(runs.items(), kLimit);
            for (std::size_t k = 0; k < kLimit; ++k)
                expected[k] = expected[k] || named[k];
        }
        std::vector<Range> ranges;
        unite(lists, ranges);
        std::vector<bool> got(kLimit, false);
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            ASSERT_LT(ranges[i].start, ranges[i].end);
            if (i > 0) {
                ASSERT_GT(ranges[i].start, ranges[i - 1].end);
            }
            for (std::uint64_t k = ranges[i].start; k < ranges[i].end; ++k)
                got[k] = true;
        }
        EXPECT_EQ(got, expected);
    }
}

TEST(Unite, ARunThatEndsWithinAPeriodDoesNotHideWhatFollows) {
    Runs regular;
    Runs ending;
    for (std::uint64_t i = 0; i < 20; ++i)
        regular.append(100 * i, 10);
    for (std::uint64_t i = 0; i < 10; ++i)
        ending.append(100 * i + 20, 10);
    ending.append(950, 7);  // behind its last regular piece, in the same period
    const std::vector<std::span<const collective::Run>> lists = {regular.items(), ending.items()};
    std::vector<Range> ranges;
    unite(lists, ranges);
    ASSERT_EQ(ranges.size(), 31U);
    EXPECT_EQ(ranges[18], (Range{900, 910}));
    EXPECT_EQ(ranges[19], (Range{920, 930}));
    EXPECT_EQ(ranges[20], (Range{950, 957}));
    EXPECT_EQ(ranges[21], (Range{1000, 1010}));
}

TEST(Unite, RanksThatInterleaveMakeOneRange) {
    std::vector<Runs> ranks(4);
    for (std::uint64_t i = 0; i < 4000; ++i)
        ranks[i % 4].append(i * 16, 16);
    std::vector<std::span<const collective::Run>> lists;
    lists.reserve(ranks.size());
    for (const Runs& runs : ranks)
        lists.push_back(runs.items());
    std::vector<Range> ranges;
    unite(lists, ranges);
    EXPECT_EQ(ranges, (std::vector<Range>{{0, 64000}}));
}

}  // namespace
}  // namespace orfa::collective
