// SPDX-License-Identifier: MIT
// The lists of data requests: what is malformed, and walking through the client's memory.
#include "server/access_list.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <random>

namespace orfa::server {
namespace {

using protocol::Extent;
using protocol::IoRequest;
using protocol::MemorySegment;
using protocol::Strided;

struct Lists {
    std::vector<Extent> extents;
    std::vector<MemorySegment> segments;
};

IoRequest request_of(const Lists& lists) {
    IoRequest request{};
    for (const auto& extent : lists.extents)
        request.total_bytes += extent.length;
    request.entry_count = static_cast<std::uint32_t>(lists.extents.size());
    request.segment_count = static_cast<std::uint32_t>(lists.segments.size());
    return request;
}

Status parse(const Lists& lists, const IoRequest& request, AccessList& out,
             std::size_t missing = 0) {
    std::vector<std::byte> bytes(lists.extents.size() * sizeof(Extent) +
                                 lists.segments.size() * sizeof(MemorySegment));
    protocol::Writer writer(bytes);
    writer.put_array(std::span<const Extent>(lists.extents));
    writer.put_array(std::span<const MemorySegment>(lists.segments));
    protocol::Reader reader(writer.written().first(writer.size() - missing));
    return parse_lists(request, reader, out);
}

TEST(AccessList, SoundListsAreTakenOver) {
    const Lists lists{{{0, 10}, {100, 20}}, {{1000, 7, 25}, {2000, 8, 5}}};
    AccessList out;
    ASSERT_TRUE(parse(lists, request_of(lists), out).ok());
    EXPECT_EQ(out.pattern, (std::vector<Strided>{{0, 10, 0, 0, 1, 1}, {100, 20, 0, 0, 1, 1}}));
    ASSERT_EQ(out.segments.size(), 2U);
    EXPECT_EQ(out.segments[1].addr, 2000U);
    EXPECT_EQ(out.segments[1].key, 8U);
}

TEST(AccessList, ListsThatAreCutShortAreEproto) {
    const Lists lists{{{0, 10}, {100, 20}}, {{1000, 7, 30}}};
    AccessList out;
    for (std::size_t missing = 1; missing <= 56; ++missing)
        EXPECT_EQ(parse(lists, request_of(lists), out, missing).err(), EPROTO);
}

TEST(AccessList, MalformedListsAreEproto) {
    const std::vector<Lists> all = {
        {{{0, 0}}, {}},                               // nothing in an extent
        {{{0, protocol::kMaxRequestBytes + 1}}, {}},  // longer than a request may be
        {{{(1ULL << 62) + 1, 1}}, {}},                // beyond every file
        {{{~0ULL, 1}}, {}},
        {{{0, 10}}, {{1000, 0, 9}}},                 // the sums differ
        {{{0, 10}}, {{1000, 0, 10}, {2000, 0, 0}}},  // an empty segment
        {{{0, 10}}, {{~0ULL - 4, 0, 10}}},           // the memory wraps
        {{{0, 10}}, {{1000, 0, protocol::kMaxRequestBytes * 2}}},
    };
    AccessList out;
    for (std::size_t i = 0; i < all.size(); ++i)
        EXPECT_EQ(parse(all[i], request_of(all[i]), out).err(), EPROTO) << i;
    const Lists sound{{{0, 10}}, {}};
    IoRequest wrong = request_of(sound);
    wrong.total_bytes = 11;
    EXPECT_EQ(parse(sound, wrong, out).err(), EPROTO);
}

Status parse_strided(const protocol::Strided& run, std::uint64_t total, AccessList& out) {
    IoRequest request{};
    request.total_bytes = total;
    request.entry_count = 1;
    request.pattern = protocol::Pattern::kStrided;
    EXPECT_EQ(entry_bytes(request), sizeof(run));
    protocol::Reader reader(std::as_bytes(std::span(&run, 1)));
    return parse_lists(request, reader, out);
}

TEST(AccessList, StridedPatternsAreChecked) {
    AccessList out;
    ASSERT_TRUE(parse_strided({100, 5, 10, 1000, 2, 2}, 20, out).ok());
    EXPECT_EQ(out.pattern, (std::vector<Strided>{{100, 5, 10, 1000, 2, 2}}));
    EXPECT_EQ(parse_strided({100, 5, 10, 1000, 2, 2}, 25, out).err(), EPROTO);  // another sum
    EXPECT_EQ(parse_strided({100, 0, 10, 1000, 2, 2}, 0, out).err(), EPROTO);
    EXPECT_EQ(parse_strided({100, 5, 10, 0, 0, 1}, 0, out).err(), EPROTO);
    EXPECT_EQ(parse_strided({1ULL << 62, 5, 10, 0, 2, 1}, 10, out).err(), EPROTO);
    EXPECT_EQ(parse_strided({0, 1, 1, 1, 65536, 65536}, 0, out).err(), EPROTO);
    constexpr std::uint32_t kMost = protocol::kMaxPieces;
    EXPECT_TRUE(parse_strided({0, 1, 2, 0, kMost, 1}, kMost, out).ok());
    EXPECT_EQ(parse_strided({0, 1, 2, 0, kMost + 1, 1}, kMost + 1, out).err(), EPROTO);
    EXPECT_EQ(parse_strided({0, 17, 20, 0, kMost, 1}, 17ULL * kMost, out).err(), EPROTO);
}

TEST(AccessList, PatternsOfTheFileCountTheServersStripesOnly) {
    // Two servers, stripes of 4 KiB: pieces of 1 KiB at 0, 3 KiB, 6 KiB, 9 KiB.
    const Strided run{0, 1024, 3072, 0, 4, 1};
    const MemorySegment memory{1 << 20, 0, 4096};
    std::byte bytes[sizeof(run) + sizeof(memory)];
    protocol::Writer writer(bytes);
    writer.put(run);
    writer.put(memory);
    IoRequest request{};
    request.entry_count = 1;
    request.pattern = protocol::Pattern::kStrided;
    request.total_bytes = 3072;  // the piece at 6 KiB is the other server's
    request.segment_count = 1;
    request.flags = protocol::kWholeMemory;
    request.striping = {4096, 2, 0};
    const auto parsed = [&] {
        AccessList out;
        protocol::Reader reader(bytes);
        return parse_lists(request, reader, out).err();
    };
    EXPECT_EQ(parsed(), 0);
    request.flags = 0;  // then the memory would be the server's bytes only
    EXPECT_EQ(parsed(), EPROTO);
    request.flags = protocol::kWholeMemory;
    request.striping.column = 1;
    EXPECT_EQ(parsed(), EPROTO);
    request.total_bytes = 1024;
    EXPECT_EQ(parsed(), 0);
    for (const protocol::Striping& wrong : {protocol::Striping{4096, 2, 2},
                                            {4095, 2, 1},
                                            {0, 2, 1},
                                            {4096, 0, 0},
                                            {4096, 0xffffff02, 0xff},  // their sum overflows
                                            {1ULL << 40, 2, 1}}) {
        request.striping = wrong;
        EXPECT_EQ(parsed(), EPROTO);
    }
}

TEST(AccessList, RequestsOutOfBoundsAreEproto) {
    IoRequest request{};
    EXPECT_TRUE(check_bounds(request).ok());
    request.entry_count = protocol::kMaxListEntries;
    EXPECT_TRUE(check_bounds(request).ok());
    request.segment_count = 1;
    EXPECT_EQ(check_bounds(request).err(), EPROTO);
    request.segment_count = ~0U - protocol::kMaxListEntries + 2;  // the sum of both wraps
    EXPECT_EQ(check_bounds(request).err(), EPROTO);
    request = {};
    request.total_bytes = protocol::kMaxRequestBytes + 1;
    EXPECT_EQ(check_bounds(request).err(), EPROTO);
    request = {};
    request.pattern = static_cast<protocol::Pattern>(2);
    EXPECT_EQ(check_bounds(request).err(), EPROTO);
    request = {};
    request.flags = protocol::kWholeMemory << 1;
    EXPECT_EQ(check_bounds(request).err(), EPROTO);
    request.flags = protocol::kListsInMemory | protocol::kTogether;
    EXPECT_TRUE(check_bounds(request).ok());
}

TEST(SegmentCursor, TakesAndLeavesOutEveryByteOnce) {
    std::mt19937_64 random(6);
    for (int round = 0; round < 500; ++round) {
        std::vector<fabric::RemoteSegment> segments;
        std::vector<std::uint64_t> addresses;  // of each byte
        for (std::uint64_t n = random() % 8 + 1; n > 0; --n) {
            segments.push_back({random() % 1'000'000, n, random() % 50 + 1});
            for (std::uint64_t k = 0; k < segments.back().length; ++k)
                addresses.push_back(segments.back().addr + k);
        }
        SegmentCursor cursor(segments);
        std::uint64_t at = 0;
        while (at < addresses.size()) {
            const std::uint64_t length = std::min(addresses.size() - at, random() % 70 + 1);
            if (random() % 3 == 0) {
                cursor.move_to(at + length);
            } else {
                std::vector<fabric::RemoteSegment> out;
                cursor.take(length, out);
                std::uint64_t k = at;
                for (const auto& segment : out)
                    for (std::uint64_t i = 0; i < segment.length; ++i)
                        ASSERT_EQ(segment.addr + i, addresses[k++]);
                ASSERT_EQ(k, at + length);
            }
            at += length;
        }
    }
}

}  // namespace
}  // namespace orfa::server
