// SPDX-License-Identifier: MIT
// The pieces of shares, against where each byte of an access belongs.
#include "client/core/pieces.hpp"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

namespace orfa::client {
namespace {

using protocol::Layout;
// Of one column: object offset and memory of each byte, in order.
using Bytes = std::vector<std::pair<std::uint64_t, const std::byte*>>;

void add_bytes(const Layout& layout, std::uint64_t offset, std::uint64_t length,
               const std::vector<const std::byte*>& memory, std::size_t& at,
               std::vector<Bytes>& columns) {
    for (std::uint64_t i = 0; i < length; ++i) {
        const auto piece = protocol::first_piece(layout, offset + i, 1);
        columns[piece.column].emplace_back(piece.object_offset, memory[at++]);
    }
}

std::vector<Bytes> bytes_of(const Layout& layout, const orfa_access& access) {
    std::vector<const std::byte*> memory;
    for (std::size_t i = 0; i < access.segment_count; ++i)
        for (std::size_t k = 0; k < access.segments[i].length; ++k)
            memory.push_back(static_cast<const std::byte*>(access.segments[i].data) + k);
    std::vector<Bytes> columns(layout.stripe_count);
    std::size_t at = 0;
    for (std::size_t i = 0; i < access.extent_count; ++i)
        add_bytes(layout, access.extents[i].offset, access.extents[i].length, memory, at, columns);
    for (std::size_t i = 0; i < access.strided_count; ++i) {
        const orfa_strided& entry = access.strided[i];
        for (std::uint64_t k = 0; k < std::uint64_t{entry.count} * entry.repeats; ++k)
            add_bytes(layout,
                      entry.offset + k % entry.count * entry.stride +
                          k / entry.count * entry.repeat_stride,
                      entry.length, memory, at, columns);
    }
    return columns;
}

void check(const Layout& layout, const orfa_access& access) {
    Shares shares;
    ASSERT_TRUE(shares.cut(layout, access).ok());
    const auto wanted = bytes_of(layout, access);
    std::vector<Bytes> found(layout.stripe_count);
    std::vector<Bytes> found_by_runs(layout.stripe_count);
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const std::uint32_t column = shares[i].column;
        visit_pieces(shares[i], [&](std::uint64_t offset, std::byte* memory, std::uint64_t length) {
            for (std::uint64_t k = 0; k < length; ++k)
                found[column].emplace_back(offset + k, memory + k);
        });
        EXPECT_TRUE(visit_runs(shares[i], [&](const Pieces& pieces) {
            EXPECT_GT(pieces.length * pieces.count, 0U);
            for (std::uint64_t k = 0; k < pieces.length * pieces.count; ++k)
                found_by_runs[column].emplace_back(
                    pieces.offset + k / pieces.length * pieces.stride + k % pieces.length,
                    pieces.memory + k);
            return true;
        }));
    }
    EXPECT_EQ(found, wanted);
    EXPECT_EQ(found_by_runs, wanted);
}

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t up_to(std::uint64_t most) { return engine_() % (most + 1); }
    Layout layout() { return {4096, static_cast<std::uint32_t>(1 + up_to(3)), 0}; }
    // As many bytes of `memory`, in segments with gaps between them, some empty.
    std::vector<orfa_segment> segments(std::uint64_t bytes, std::vector<std::byte>& memory) {
        memory.resize(3 * bytes + 64);
        std::vector<orfa_segment> out;
        std::uint64_t at = 0;
        const std::uint64_t most = up_to(1) == 0 ? 40 : bytes;
        while (bytes > 0) {
            const std::uint64_t length = std::min(bytes, up_to(most));
            out.push_back({&memory[at], length});
            at += length + (at + length < 2 * memory.size() / 3 ? up_to(3) : 0);
            if (at + bytes >= memory.size()) at = memory.size() - bytes;
            bytes -= length;
        }
        return out;
    }

  private:
    std::mt19937_64 engine_;
};

TEST(Pieces, OfPatternsAreTheirBytesInOrder) {
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        Random random(seed);
        std::vector<orfa_strided> pattern(1 + random.up_to(2));
        std::uint64_t bytes = 0;
        for (auto& entry : pattern) {
            entry = {random.up_to(20'000),
                     1 + random.up_to(random.up_to(3) > 0 ? 20 : 6000),
                     random.up_to(9000),
                     random.up_to(30'000),
                     static_cast<std::uint32_t>(1 + random.up_to(12)),
                     static_cast<std::uint32_t>(1 + random.up_to(2))};
            bytes += entry.length * entry.count * entry.repeats;
        }
        std::vector<std::byte> memory;
        const auto segments = random.segments(bytes, memory);
        SCOPED_TRACE(seed);
        check(random.layout(),
              {segments.data(), segments.size(), nullptr, 0, pattern.data(), pattern.size()});
        if (::testing::Test::HasFailure()) return;
    }
}

TEST(Pieces, OfListsAreTheirBytesInOrder) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Random random(seed);
        std::vector<orfa_extent> extents(1 + random.up_to(30));
        std::uint64_t bytes = 0;
        for (auto& extent : extents) {
            extent = {random.up_to(50'000), random.up_to(3000)};
            bytes += extent.length;
        }
        std::vector<std::byte> memory;
        const auto segments = random.segments(bytes, memory);
        SCOPED_TRACE(seed);
        check(random.layout(),
              {segments.data(), segments.size(), extents.data(), extents.size(), nullptr, 0});
        if (::testing::Test::HasFailure()) return;
    }
}

TEST(Pieces, OfAPatternInOneSegmentAreRunsOfAStripe) {
    std::vector<std::byte> memory(16 * 1024);
    const orfa_segment segment{memory.data(), memory.size()};
    const orfa_strided pattern{0, 16, 64, 0, 1024, 1};
    Shares shares;
    ASSERT_TRUE(shares.cut({4096, 2, 0}, {&segment, 1, nullptr, 0, &pattern, 1}).ok());
    ASSERT_EQ(shares.size(), 2U);
    int runs = 0;
    visit_runs(shares[0], [&](const Pieces& pieces) {
        EXPECT_EQ(pieces.count, 64U);
        EXPECT_EQ(pieces.stride, 64U);
        ++runs;
        return runs < 5;
    });
    EXPECT_EQ(runs, 5) << "it ends where the visitor wants it to";
}

}  // namespace
}  // namespace orfa::client
