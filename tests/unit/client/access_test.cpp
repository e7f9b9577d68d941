// SPDX-License-Identifier: MIT
// How an access is cut into shares, against a map of every byte.
#include "client/core/access.hpp"

#include "protocol/pattern.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <numeric>
#include <random>

namespace orfa::client {
namespace {

using protocol::Layout;

struct Lists {
    std::vector<std::byte> memory;
    std::vector<orfa_segment> segments;
    std::vector<orfa_extent> extents;

    [[nodiscard]] orfa_access view() const {
        return {segments.data(), segments.size(), extents.data(), extents.size(), nullptr, 0};
    }
};

// Each share keeps to the bounds, and its two lists have its number of bytes.
void check_bounds(const Shares& shares, const Layout& layout) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const Share& share = shares[i];
        EXPECT_LT(share.column, layout.stripe_count);
        EXPECT_GT(share.bytes, 0U);
        EXPECT_LE(share.bytes, protocol::kMaxRequestBytes);
        EXPECT_LE(share.extents.size(), kMostExtents);
        std::vector<protocol::Strided> pattern;
        protocol::fold(share.extents, pattern);
        EXPECT_LE(pattern.size(), share.runs);
        EXPECT_LE(pattern.size() + share.segments.size(), protocol::kMaxListEntries);
        std::uint64_t in_file = 0;
        std::uint64_t in_memory = 0;
        for (const auto& extent : share.extents) {
            EXPECT_GT(extent.length, 0U);
            in_file += extent.length;
        }
        for (const auto& segment : share.segments) {
            EXPECT_GT(segment.length, 0U);
            in_memory += segment.length;
        }
        EXPECT_EQ(in_file, share.bytes);
        EXPECT_EQ(in_memory, share.bytes);
        total += share.bytes;
    }
    EXPECT_EQ(total, shares.bytes());
}

// File offset -> memory of every byte, from the shares.
std::map<std::uint64_t, const std::byte*> map_of(const Shares& shares, const Layout& layout) {
    std::map<std::uint64_t, const std::byte*> bytes;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const Share& share = shares[i];
        std::vector<std::uint64_t> offsets;
        for (const auto& extent : share.extents)
            for (std::uint64_t k = 0; k < extent.length; ++k)
                offsets.push_back(protocol::file_offset(layout, share.column, extent.offset + k));
        std::size_t at = 0;
        for (const auto& segment : share.segments)
            for (std::size_t k = 0; k < segment.length; ++k)
                EXPECT_TRUE(bytes.emplace(offsets[at++], segment.data + k).second);
    }
    return bytes;
}

TEST(Shares, RandomAccessesKeepEveryByteWithItsMemory) {
    std::mt19937_64 random(5);
    Shares shares;  // reused, as transfers do
    for (int round = 0; round < 300; ++round) {
        const Layout layout{4096 * (random() % 4 + 1), static_cast<std::uint32_t>(random() % 5 + 1),
                            0};
        Lists lists;
        std::uint64_t offset = 0;
        std::uint64_t total = 0;
        for (std::uint64_t n = random() % 12; n > 0; --n) {
            offset += random() % 20'000;
            const std::uint64_t length = random() % 8 == 0 ? 0 : random() % 9'000;
            lists.extents.push_back({offset, length});
            offset += length;
            total += length;
        }
        std::shuffle(lists.extents.begin(), lists.extents.end(), random);
        lists.memory.resize(total * 2 + 64);
        std::uint64_t at = 0;
        for (std::uint64_t left = total; left > 0;) {
            const std::uint64_t length = std::min(left, random() % 6'000);
            at += random() % 3 == 0 ? random() % 8 : 0;
            if (at + length > lists.memory.size()) at = lists.memory.size() - left;
            lists.segments.push_back({lists.memory.data() + at, length});
            at += length;
            left -= length;
        }
        const orfa_access access = lists.view();
        ASSERT_TRUE(shares.cut(layout, access).ok());
        EXPECT_EQ(shares.bytes(), total);
        check_bounds(shares, layout);

        const auto found = map_of(shares, layout);
        EXPECT_EQ(found.size(), total);
        std::size_t segment = 0;
        std::uint64_t within = 0;
        for (const auto& extent : lists.extents) {
            for (std::uint64_t k = 0; k < extent.length; ++k) {
                while (within == lists.segments[segment].length) {
                    ++segment;
                    within = 0;
                }
                const auto* wanted =
                    static_cast<const std::byte*>(lists.segments[segment].data) + within++;
                const auto it = found.find(extent.offset + k);
                ASSERT_NE(it, found.end());
                ASSERT_EQ(it->second, wanted) << "round " << round;
            }
        }
    }
}

TEST(Shares, NeighboursAreJoined) {
    std::vector<std::byte> memory(400'000);
    const orfa_segment segments[] = {{memory.data(), 100'000}, {memory.data() + 100'000, 300'000}};
    const orfa_extent extents[] = {{0, 200'000}, {200'000, 200'000}};
    Shares shares;
    // One server: its object is the file, one extent and one segment do.
    ASSERT_TRUE(shares.cut({4096, 1, 0}, {segments, 2, extents, 2, nullptr, 0}).ok());
    ASSERT_EQ(shares.size(), 1U);
    EXPECT_EQ(shares[0].extents.size(), 1U);
    EXPECT_EQ(shares[0].segments.size(), 1U);
    // Two: each has one extent, and a segment per stripe.
    ASSERT_TRUE(shares.cut({4096, 2, 0}, {segments, 2, extents, 2, nullptr, 0}).ok());
    ASSERT_EQ(shares.size(), 2U);
    EXPECT_EQ(shares[0].extents.size(), 1U);
    EXPECT_EQ(shares[1].extents.size(), 1U);
    EXPECT_EQ(shares[0].segments.size(), 49U);
}

TEST(Shares, LargeAccessesAreCutIntoRequestsOfTheLargestSize) {
    // No byte of the memory is touched: the address is enough.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    const orfa_segment segment{reinterpret_cast<void*>(std::uintptr_t{1} << 40),
                               (2ULL << 30) + 4096};
    const orfa_extent extent{0, segment.length};
    Shares shares;
    const Layout layout{1 << 20, 4, 0};
    ASSERT_TRUE(shares.cut(layout, {&segment, 1, &extent, 1, nullptr, 0}).ok());
    EXPECT_EQ(shares.bytes(), segment.length);
    EXPECT_EQ(shares.size(), 9U);
    check_bounds(shares, layout);
}

TEST(Shares, LongListsAreCutIntoRequestsOfTheLongestList) {
    std::vector<std::byte> memory(200'000);
    std::vector<orfa_segment> segments;
    std::vector<orfa_extent> extents;
    for (std::size_t i = 0; i < 50'000; ++i) {
        segments.push_back({memory.data() + 4 * i, 3});
        extents.push_back({i * 10, 3});
    }
    Shares shares;
    const Layout layout{4096, 2, 0};
    ASSERT_TRUE(
        shares.cut(layout, {segments.data(), 50'000, extents.data(), 50'000, nullptr, 0}).ok());
    EXPECT_EQ(shares.bytes(), 150'000U);
    EXPECT_GE(shares.size(), 50'000U / protocol::kMaxListEntries);
    check_bounds(shares, layout);
}

TEST(Shares, ListsThatDoNotRepeatAreCutToo) {
    std::vector<std::byte> memory(400'000);
    const orfa_segment segment{memory.data(), 60'000};
    std::vector<orfa_extent> extents;
    std::mt19937_64 random(5);
    for (std::uint64_t i = 0; i < 60'000; ++i)
        extents.push_back({i * 50 + random() % 40, 1});
    Shares shares;
    const Layout layout{4096, 1, 0};
    ASSERT_TRUE(shares.cut(layout, {&segment, 1, extents.data(), extents.size(), nullptr, 0}).ok());
    check_bounds(shares, layout);
}

TEST(Shares, ARepeatingListIsOneRequestForEachServer) {
    std::vector<std::byte> memory(16 * 100'000);
    const orfa_segment segment{memory.data(), memory.size()};
    std::vector<orfa_extent> extents;
    for (std::uint64_t i = 0; i < 100'000; ++i)
        extents.push_back({i * 64, 16});
    Shares shares;
    const Layout layout{1 << 20, 2, 0};
    ASSERT_TRUE(shares.cut(layout, {&segment, 1, extents.data(), extents.size(), nullptr, 0}).ok());
    check_bounds(shares, layout);
    EXPECT_EQ(shares.size(), 2U);
}

TEST(Shares, SumsThatDifferOrOverflowAreEinval) {
    std::byte memory[16];
    Shares shares;
    const Layout layout{4096, 2, 0};
    const orfa_segment segment{memory, 16};
    const orfa_extent shorter{0, 15};
    EXPECT_EQ(shares.cut(layout, {&segment, 1, &shorter, 1, nullptr, 0}).err(), EINVAL);
    EXPECT_EQ(shares.cut(layout, {&segment, 1, nullptr, 0, nullptr, 0}).err(), EINVAL);
    EXPECT_EQ(shares.cut(layout, {nullptr, 0, &shorter, 1, nullptr, 0}).err(), EINVAL);
    const orfa_segment huge[] = {{memory, ~0ULL}, {memory, 17}};  // the sum wraps to 16
    const orfa_extent equal{0, 16};
    EXPECT_EQ(shares.cut(layout, {huge, 2, &equal, 1, nullptr, 0}).err(), EINVAL);
    const orfa_extent far{~0ULL - 8, 16};
    EXPECT_FALSE(shares.cut(layout, {&segment, 1, &far, 1, nullptr, 0}).ok());
}

TEST(Shares, APatternGoesToEachColumnThatItTouches) {
    std::vector<std::byte> memory(4000);
    const orfa_segment segments[] = {{memory.data(), 1000}, {nullptr, 0}, {&memory[1500], 1000}};
    const orfa_strided pattern{4000, 200, 20'000, 12'288, 5, 2};  // 12,288: three stripes
    Shares shares;
    ASSERT_TRUE(shares.cut({4096, 3, 0}, {segments, 3, nullptr, 0, &pattern, 1}).ok());
    EXPECT_EQ(shares.bytes(), 2000U);
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        EXPECT_TRUE(shares[i].is_pattern());
        EXPECT_EQ(shares[i].pattern.size(), 1U);
        EXPECT_EQ(shares[i].segments.size(), 2U);  // all of them: the servers find their bytes
        EXPECT_EQ(shares[i].striping.column, shares[i].column);
        bytes += shares[i].bytes;
    }
    EXPECT_EQ(bytes, 2000U);
    const orfa_strided one{8192, 100, 7, 9, 1, 1};  // strides of nothing
    const orfa_segment hundred{memory.data(), 100};
    ASSERT_TRUE(shares.cut({4096, 3, 0}, {&hundred, 1, nullptr, 0, &one, 1}).ok());
    ASSERT_EQ(shares.size(), 1U);
    EXPECT_EQ(shares[0].column, 2U);
}

TEST(Shares, MalformedPatternsAreRefused) {
    std::vector<std::byte> memory(100);
    const orfa_segment segment{memory.data(), 100};
    const orfa_extent extent{0, 100};
    Shares shares;
    const auto error_of = [&](const orfa_strided& pattern) {
        return shares.cut({4096, 2, 0}, {&segment, 1, nullptr, 0, &pattern, 1}).err();
    };
    EXPECT_EQ(error_of({0, 50, 60, 0, 2, 1}), 0);
    EXPECT_EQ(error_of({0, 49, 60, 0, 2, 1}), EINVAL);
    EXPECT_EQ(error_of({0, 0, 60, 0, 2, 1}), EINVAL);
    EXPECT_EQ(error_of({0, 50, 60, 0, 0, 1}), EINVAL);
    EXPECT_EQ(error_of({0, 50, 60, 0, ~0U, ~0U}), EINVAL);
    EXPECT_EQ(error_of({0, 1ULL << 63, 0, 0, 2, 1}), EINVAL);
    EXPECT_EQ(error_of({1ULL << 62, 50, 60, 0, 2, 1}), EFBIG);
    const orfa_strided sound{0, 50, 60, 0, 2, 1};
    EXPECT_EQ(shares.cut({4096, 2, 0}, {&segment, 1, &extent, 1, &sound, 1}).err(), EINVAL);
}

TEST(Shares, AnEmptyAccessHasNone) {
    Shares shares;
    ASSERT_TRUE(shares.cut({4096, 2, 0}, {nullptr, 0, nullptr, 0, nullptr, 0}).ok());
    EXPECT_EQ(shares.size(), 0U);
    const orfa_extent nothing[] = {{5, 0}, {~0ULL >> 3, 0}};
    ASSERT_TRUE(shares.cut({4096, 2, 0}, {nullptr, 0, nothing, 2, nullptr, 0}).ok());
    EXPECT_EQ(shares.size(), 0U);
    EXPECT_EQ(shares.bytes(), 0U);
}

}  // namespace
}  // namespace orfa::client
