// SPDX-License-Identifier: MIT
#include "common/units.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>

namespace orfa {
namespace {

// The size, or 0 where there is none (no test below wants a real 0).
std::uint64_t size_of(const char* text) {
    auto size = parse_size(text);
    return size.ok() ? *size : 0;
}

TEST(ParseSize, PlainBytes) {
    EXPECT_EQ(size_of("1"), 1U);
    EXPECT_EQ(size_of("4096"), 4096U);
    EXPECT_EQ(size_of("4096B"), 4096U);
    auto zero = parse_size("0");
    ASSERT_TRUE(zero.ok());
    EXPECT_EQ(*zero, 0U);
}

TEST(ParseSize, BinarySuffixesInAnyCase) {
    EXPECT_EQ(size_of("64K"), 65536U);
    EXPECT_EQ(size_of("64k"), 65536U);
    EXPECT_EQ(size_of("1MiB"), 1048576U);
    EXPECT_EQ(size_of("1mib"), 1048576U);
    EXPECT_EQ(size_of("2G"), 2147483648U);
    EXPECT_EQ(size_of("3T"), 3298534883328U);
    EXPECT_EQ(size_of("1P"), 1125899906842624U);
}

TEST(ParseSize, DecimalSuffixesHaveABAndNoI) {
    EXPECT_EQ(size_of("1KB"), 1000U);
    EXPECT_EQ(size_of("5GB"), 5000000000U);
}

TEST(ParseSize, TheLargestIsTakenAndOneMoreIsEinval) {
    EXPECT_EQ(size_of("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(size_of("15E"), std::uint64_t{15} << 60);
    for (const char* text : {"18446744073709551616", "16E", "18014398509481984K", "99999999999G"}) {
        EXPECT_EQ(parse_size(text).status().err(), EINVAL) << text;
    }
}

TEST(ParseSize, GarbageIsEinval) {
    for (const char* text : {"", " ", "K", "-1", "+1", "1 K", " 1", "1K ", "1.5G", "0x10", "1X",
                             "1Ki", "1KBi", "1KiBB", "1iB", "KiB", "1BB", "1e3"}) {
        EXPECT_EQ(parse_size(text).status().err(), EINVAL) << "'" << text << "'";
    }
}

TEST(FormatBytes, ShortAndWithoutNeedlessZeros) {
    EXPECT_EQ(format_bytes(0), "0 B");
    EXPECT_EQ(format_bytes(1023), "1023 B");
    EXPECT_EQ(format_bytes(1024), "1 KiB");
    EXPECT_EQ(format_bytes(1536), "1.5 KiB");
    EXPECT_EQ(format_bytes(std::uint64_t{10} << 20), "10 MiB");
    EXPECT_EQ(format_bytes(std::uint64_t{100} << 20), "100 MiB");
    EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "16 EiB");
}

TEST(FormatBytes, JustBelowTheNextUnitTakesTheNextUnit) {
    EXPECT_EQ(format_bytes((1 << 20) - 1), "1 MiB");
    EXPECT_EQ(format_bytes(std::uint64_t{1023} * 1024), "1023 KiB");
}

TEST(FormatBytes, ParsesBackWhereItIsExact) {
    for (int shift = 10; shift < 64; shift += 10) {
        std::string text = format_bytes(std::uint64_t{1} << shift);
        text.erase(text.find(' '), 1);
        EXPECT_EQ(size_of(text.c_str()), std::uint64_t{1} << shift) << text;
    }
}

TEST(FormatRate, BytesEachSecond) {
    EXPECT_EQ(format_rate(std::uint64_t{3} << 30, 2), "1.5 GiB/s");
    EXPECT_EQ(format_rate(100, 0), "- B/s");
    EXPECT_EQ(format_rate(std::numeric_limits<std::uint64_t>::max(), 1e-9), "- B/s");
}

TEST(FormatDuration, FromNanosecondsToDays) {
    EXPECT_EQ(format_duration(0), "0 s");
    EXPECT_EQ(format_duration(950e-9), "950 ns");
    EXPECT_EQ(format_duration(12.34e-6), "12.3 us");
    EXPECT_EQ(format_duration(4.56e-3), "4.56 ms");
    EXPECT_EQ(format_duration(7.8), "7.8 s");
    EXPECT_EQ(format_duration(125), "2 min 05 s");
    EXPECT_EQ(format_duration(3 * 3600 + 10 * 60), "3 h 10 min");
    EXPECT_EQ(format_duration(4 * 86400 + 2 * 3600), "4 d 2 h");
    EXPECT_EQ(format_duration(-1), "-");
}

}  // namespace
}  // namespace orfa
