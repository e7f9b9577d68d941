// SPDX-License-Identifier: MIT
// The bytes of what all messages have in common and of those about data, as they are: a change here
// is a change of the protocol.
#include "protocol/io_messages.hpp"

#include "protocol/codec.hpp"
#include "protocol/messages.hpp"
#include "tests/wire/golden.hpp"

#include <gtest/gtest.h>

#include <string>

namespace orfa::protocol {
namespace {

template <Wire... T>
std::string hex_of(const T&... messages) {
    std::byte buffer[512];
    Writer writer(buffer);
    EXPECT_TRUE((writer.put(messages) && ...));
    return hex(writer.written());
}

std::span<const std::byte> text_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(Messages, Numbers) {
    EXPECT_EQ(kVersion, 1);
    EXPECT_EQ(static_cast<int>(Op::kHello), 1);
    EXPECT_EQ(static_cast<int>(Op::kPing), 2);
    EXPECT_EQ(static_cast<int>(Op::kStatus), 3);
    EXPECT_EQ(static_cast<int>(Op::kRead), 64);
    EXPECT_EQ(static_cast<int>(Op::kWrite), 65);
    EXPECT_EQ(static_cast<int>(Op::kObjectStat), 66);
    EXPECT_EQ(static_cast<int>(Op::kTruncate), 67);
    EXPECT_EQ(static_cast<int>(Op::kSync), 68);
    EXPECT_EQ(static_cast<int>(Op::kAllocate), 69);
    EXPECT_EQ(static_cast<int>(PeerKind::kClient), 1);
    EXPECT_EQ(static_cast<int>(PeerKind::kServer), 2);
    EXPECT_EQ(static_cast<int>(kMayRead), 1);
    EXPECT_EQ(static_cast<int>(kMayWrite), 2);
    EXPECT_EQ(static_cast<int>(kSpread), 1);
    EXPECT_EQ(static_cast<int>(kListsInMemory), 1);
    EXPECT_EQ(kMaxListEntries, 16384U);
    EXPECT_EQ(kMaxRequestBytes, 268435456U);
    EXPECT_EQ(make_ino(2, 0x345), 0x0002000000000345U);
    EXPECT_EQ(home_of(make_ino(7, ~0ULL >> 16)), 7U);
}

TEST(Messages, Headers) {
    EXPECT_EQ(hex_of(RequestHeader{kVersion, Op::kWrite, 0x01020304, 0x1112131415161718, 9}),
              "0100"
              "4100"
              "04030201"
              "1817161514131211"
              "0900000000000000");
    EXPECT_EQ(hex_of(ReplyHeader{kVersion, Op::kRead, 16, 5, 28, 64}),
              "0100"
              "4000"
              "10000000"
              "0500000000000000"
              "1c000000"
              "40000000");
}

TEST(Messages, Hello) {
    EXPECT_EQ(hex_of(HelloRequest{kHelloMagic, {1, 2}, 1000, 100, 1, 3, 4, 2, 0x99}),
              "2148494f52464131"
              "0100000000000000"
              "0200000000000000"
              "e8030000"
              "64000000"
              "01000000"
              "03000000"
              "04000000"
              "02000000"
              "9900000000000000");
    EXPECT_EQ(hex_of(HelloReply{0xaabb, 2, kRootIno, 1 << 20, 4, 3, 4, 4072, 16384, 1}),
              "bbaa000000000000"
              "0200000000000000"
              "0100000000000000"
              "0000100000000000"
              "04000000"
              "03000000"
              "04000000"
              "e80f0000"
              "00400000"
              "01000000");
}

TEST(Messages, LayoutsAttributesAndCapabilities) {
    EXPECT_EQ(hex_of(Layout{0x100000, 4, 1}),
              "0000100000000000"
              "04000000"
              "01000000");
    EXPECT_EQ(hex_of(kCapability), kCapabilityBytes);
    EXPECT_EQ(hex_of(Attributes{kRootIno, 040755, 2, 0, 0, 6, 4096, -1, 2, 3, {4096, 1, 0}, 0, 0}),
              "0100000000000000"
              "ed410000"
              "02000000"
              "00000000"
              "00000000"
              "0600000000000000"
              "0010000000000000"
              "ffffffffffffffff"
              "0200000000000000"
              "0300000000000000"
              "0010000000000000"
              "01000000"
              "00000000"
              "00000000"
              "00000000");
}

TEST(IoMessages, Structs) {
    EXPECT_EQ(hex_of(Extent{0x10, 0x20}),
              "1000000000000000"
              "2000000000000000");
    EXPECT_EQ(hex_of(MemorySegment{0x7f0000001000, 7, 0x20}),
              "00100000007f0000"
              "0700000000000000"
              "2000000000000000");
    EXPECT_EQ(hex_of(IoReply{3, 4}),
              "0300000000000000"
              "0400000000000000");
    EXPECT_EQ(hex_of(ObjectRequest{5}), "0500000000000000");
    EXPECT_EQ(hex_of(ObjectReply{6, 65536, 7}),
              "0600000000000000"
              "0000010000000000"
              "0700000000000000");
    EXPECT_EQ(hex_of(TruncateRequest{kCapability, 8, TruncateMode::kForgetTime, 0}),
              kCapabilityBytes +
                  "0800000000000000"
                  "02000000"
                  "00000000");
    EXPECT_EQ(hex_of(AllocateRequest{kCapability, {1, 2}}), kCapabilityBytes +
                                                                "0100000000000000"
                                                                "0200000000000000");
    EXPECT_EQ(hex_of(SyncRequest{kCapability}), kCapabilityBytes);
}

TEST(IoMessages, PartsOfCollectiveAccesses) {
    EXPECT_EQ(static_cast<int>(Op::kJoin), 70);
    EXPECT_EQ(static_cast<int>(Op::kLocate), 71);
    EXPECT_EQ(static_cast<int>(kTogether), 2);
    EXPECT_EQ(kMaxParticipants, 1048576U);
    const Together together{0x0102030405060708, 5, 0};
    EXPECT_EQ(hex_of(together),
              "0807060504030201"
              "05000000"
              "00000000");
    EXPECT_EQ(hex_of(JoinRequest{kCapability, together}), kCapabilityBytes + hex_of(together));
}

TEST(IoMessages, Locations) {
    EXPECT_EQ(kMaxLocated, 512U);
    EXPECT_EQ(kMaxRoom, 64U);
    EXPECT_EQ(hex_of(LocateRequest{kCapability, 0x100, 128, 3, 2, 0}), kCapabilityBytes +
                                                                           "0001000000000000"
                                                                           "80000000"
                                                                           "03000000"
                                                                           "02000000"
                                                                           "00000000");
    EXPECT_EQ(hex_of(LocateReply{2, 0}, BlockLocation{7, 0x123, 16, 32, 0x10000}),
              "02000000"
              "00000000"
              "0700000000000000"
              "23010000"
              "10000000"
              "20000000"
              "00000100");
}

TEST(IoMessages, NestedStridedPatterns) {
    EXPECT_EQ(static_cast<int>(Pattern::kExtents), 0);
    EXPECT_EQ(static_cast<int>(Pattern::kStrided), 1);
    EXPECT_EQ(hex_of(Strided{0x1000, 16, 64, 0x4000, 5, 7}),
              "0010000000000000"
              "1000000000000000"
              "4000000000000000"
              "0040000000000000"
              "05000000"
              "07000000");
}

TEST(IoMessages, StripesOfAPattern) {
    EXPECT_EQ(static_cast<int>(kWholeMemory), 4);
    EXPECT_EQ(kMaxPieces, 16777216U);
    EXPECT_EQ(hex_of(Striping{65536, 4, 3}),
              "0000010000000000"
              "04000000"
              "03000000");
}

TEST(IoMessages, AWholeWriteWithItsPayload) {
    IoRequest io{};
    io.capability = kCapability;
    io.total_bytes = 5;
    io.entry_count = 2;
    std::byte buffer[256];
    Writer writer(buffer);
    writer.put(RequestHeader{kVersion, Op::kWrite, 88 + 32 + 5, 17, 16});
    writer.put(io);
    writer.put(Extent{4096, 2});
    writer.put(Extent{8192, 3});
    ASSERT_TRUE(writer.put_bytes(text_bytes("hello")));
    EXPECT_EQ(hex(writer.written()),
              "0100"
              "4100"
              "7d000000"
              "1100000000000000"
              "1000000000000000" +
                  kCapabilityBytes +
                  "0500000000000000"
                  "02000000"
                  "00000000"
                  "00000000"
                  "00000000"
                  "000000000000000000000000000000000000000000000000"
                  "00000000000000000000000000000000"
                  "0010000000000000"
                  "0200000000000000"
                  "0020000000000000"
                  "0300000000000000"
                  "68656c6c6f");
}

TEST(IoMessages, AWholeReadIntoMemory) {
    IoRequest io{};
    io.capability = kCapability;
    io.total_bytes = 0x10000;
    io.entry_count = 1;
    io.segment_count = 1;
    std::byte buffer[256];
    Writer writer(buffer);
    writer.put(RequestHeader{kVersion, Op::kRead, 88 + 16 + 24, 18, 17});
    writer.put(io);
    writer.put(Extent{0, 0x10000});
    ASSERT_TRUE(writer.put(MemorySegment{0x7f0000001000, 0, 0x10000}));
    EXPECT_EQ(hex(writer.written()),
              "0100"
              "4000"
              "80000000"
              "1200000000000000"
              "1100000000000000" +
                  kCapabilityBytes +
                  "0000010000000000"
                  "01000000"
                  "01000000"
                  "00000000"
                  "00000000"
                  "000000000000000000000000000000000000000000000000"
                  "00000000000000000000000000000000"
                  "0000000000000000"
                  "0000010000000000"
                  "00100000007f0000"
                  "0000000000000000"
                  "0000010000000000");
    // and its reply, short because the object ends there
    EXPECT_EQ(hex_of(ReplyHeader{kVersion, Op::kRead, 16, 18, 0, 64}, IoReply{100, 100}),
              "0100"
              "4000"
              "10000000"
              "1200000000000000"
              "00000000"
              "40000000"
              "6400000000000000"
              "6400000000000000");
}

TEST(IoMessages, ARequestWhoseListsAreInMemory) {
    IoRequest io{};
    io.capability = kCapability;
    io.total_bytes = 0x100000;
    io.entry_count = 1000;
    io.segment_count = 1;
    io.flags = kListsInMemory;
    io.lists = {0x7f0000002000, 3, 1000 * 16 + 24};
    EXPECT_EQ(hex_of(io), kCapabilityBytes +
                              "0000100000000000"
                              "e8030000"
                              "01000000"
                              "00000000"
                              "01000000"
                              "00200000007f0000"
                              "0300000000000000"
                              "983e000000000000"
                              "00000000000000000000000000000000");
}

}  // namespace
}  // namespace orfa::protocol
