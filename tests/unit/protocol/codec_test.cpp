// SPDX-License-Identifier: MIT
#include "protocol/codec.hpp"

#include "protocol/io_messages.hpp"

#include <gtest/gtest.h>

#include <array>

namespace orfa::protocol {
namespace {

TEST(Codec, WhatIsWrittenIsRead) {
    std::array<std::byte, 256> buffer{};
    Writer writer(buffer);
    const std::array<Extent, 2> extents{{{1, 2}, {3, 4}}};
    EXPECT_TRUE(writer.put(std::uint64_t{42}));
    EXPECT_TRUE(writer.put_string("a name"));
    EXPECT_TRUE(writer.put_array(std::span<const Extent>(extents)));
    EXPECT_TRUE(writer.put_string(""));

    Reader reader(writer.written());
    std::uint64_t number = 0;
    std::string_view text;
    std::vector<Extent> list;
    EXPECT_TRUE(reader.get(number));
    EXPECT_EQ(number, 42U);
    EXPECT_TRUE(reader.get_string(text));
    EXPECT_EQ(text, "a name");
    EXPECT_FALSE(reader.finished());
    EXPECT_TRUE(reader.get_array(2, list));
    EXPECT_EQ(list[1], (Extent{3, 4}));
    EXPECT_TRUE(reader.get_string(text));
    EXPECT_TRUE(text.empty());
    EXPECT_TRUE(reader.finished());
}

TEST(Codec, AReaderThatHasFailedStaysFailed) {
    const std::array<std::byte, 6> bytes{};
    Reader reader(bytes);
    std::uint64_t wide = 0;
    std::uint32_t narrow = 7;
    EXPECT_FALSE(reader.get(wide));
    EXPECT_FALSE(reader.get(narrow));
    EXPECT_EQ(narrow, 7U);
    EXPECT_TRUE(reader.failed());
    EXPECT_FALSE(reader.finished());
    std::vector<std::uint32_t> list;
    EXPECT_FALSE(reader.get_array(0, list));
}

TEST(Codec, CountsThatOverflowAreRefused) {
    const std::array<std::byte, 64> bytes{};
    for (const std::size_t count : {std::size_t{5}, SIZE_MAX, SIZE_MAX / 16, SIZE_MAX / 16 + 1}) {
        Reader reader(bytes);
        std::vector<Extent> list;
        EXPECT_FALSE(reader.get_array(count, list));
        EXPECT_TRUE(list.empty());
        EXPECT_TRUE(reader.failed());
    }
}

TEST(Codec, StringsAreBounded) {
    std::array<std::byte, 64> buffer{};
    Writer writer(buffer);
    ASSERT_TRUE(writer.put_string("twelve bytes"));
    std::string_view text;
    EXPECT_TRUE(Reader(writer.written()).get_string(text, 12));
    EXPECT_FALSE(Reader(writer.written()).get_string(text, 11));
    EXPECT_FALSE(Reader(writer.written().first(15)).get_string(text));
    EXPECT_FALSE(Reader(writer.written().first(3)).get_string(text));
}

TEST(Codec, AWriterThatHasOverflowedStaysSoUntilItIsRewound) {
    std::array<std::byte, 10> buffer{};
    Writer writer(buffer);
    EXPECT_TRUE(writer.put(std::uint64_t{1}));
    EXPECT_FALSE(writer.put(std::uint32_t{1}));
    EXPECT_FALSE(writer.put(std::uint8_t{1}));
    EXPECT_TRUE(writer.reserve(1).empty());
    EXPECT_TRUE(writer.overflowed());
    EXPECT_EQ(writer.size(), 8U);
    writer.rewind(4);
    EXPECT_FALSE(writer.overflowed());
    EXPECT_EQ(writer.room(), 6U);
    EXPECT_EQ(writer.reserve(6).size(), 6U);
    EXPECT_EQ(writer.room(), 0U);
}

}  // namespace
}  // namespace orfa::protocol
