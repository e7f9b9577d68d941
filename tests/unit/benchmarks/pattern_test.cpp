// SPDX-License-Identifier: MIT
#include "benchmarks/pattern.hpp"

#include <gtest/gtest.h>

namespace orfa::benchmarks {
namespace {

constexpr std::uint64_t kLongest = 300000;
constexpr std::uint64_t kPeriod = Pattern::kPeriod;

std::vector<std::byte> content(const Pattern& pattern, std::uint64_t offset, std::size_t length) {
    std::vector<std::byte> data(length);
    pattern.fill(offset, data);
    return data;
}

TEST(Pattern, AWindowIsTheContentFromItsOffsetOn) {
    const Pattern pattern(7, kLongest);
    const auto file = content(pattern, 0, 4 * kPeriod + kLongest);
    for (const std::uint64_t offset :
         {std::uint64_t{0}, std::uint64_t{4097}, kPeriod - 1, kPeriod, 4 * kPeriod - 100}) {
        const std::span window(pattern.at(offset), kLongest);
        EXPECT_TRUE(std::equal(window.begin(), window.end(),
                               file.begin() + static_cast<std::ptrdiff_t>(offset)))
            << offset;
    }
}

TEST(Pattern, OneWrongByteIsFoundAndLocated) {
    const Pattern pattern(7, kLongest);
    const std::uint64_t offset = kPeriod - 50000;
    auto data = content(pattern, offset, 2 * kPeriod);
    EXPECT_EQ(pattern.right_bytes(offset, data), data.size());
    for (std::size_t at = 0; at < data.size(); at += 99991) {
        data[at] ^= std::byte{1};
        EXPECT_EQ(pattern.right_bytes(offset, data), at);
        data[at] ^= std::byte{1};
    }
}

TEST(Pattern, DataOfAnotherPlaceOrSeedIsWrong) {
    const Pattern pattern(7, kLongest);
    const Pattern older(6, kLongest);
    const auto data = content(pattern, 1 << 20, 4096);
    EXPECT_LT(older.right_bytes(1 << 20, data), 64U);
    for (std::uint64_t shift = 1; shift <= (std::uint64_t{1} << 40); shift *= 2)
        EXPECT_LT(pattern.right_bytes((1 << 20) + shift, data), 64U) << shift;
}

TEST(Pattern, InvertedHasEachBitTurned) {
    const Pattern pattern(7, kLongest);
    const Pattern inverted(7, kLongest, true);
    const auto turned = content(inverted, 12345, 1000);
    const auto plain = content(pattern, 12345, 1000);
    for (std::size_t i = 0; i < plain.size(); ++i)
        EXPECT_EQ(turned[i], ~plain[i]);
}

}  // namespace
}  // namespace orfa::benchmarks
