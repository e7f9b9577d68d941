// SPDX-License-Identifier: MIT
#include "server/zero_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace orfa::server {
namespace {

TEST(ZeroMemory, ZeroesWhatItIsToldAndNothingElse) {
    std::mt19937 random(1);
    constexpr std::size_t kBytes = 128 << 10;
    std::vector<std::byte> memory(kBytes);
    const auto is = [](std::byte value) { return [value](std::byte b) { return b == value; }; };
    for (int i = 0; i < 300; ++i) {
        std::fill(memory.begin(), memory.end(), std::byte{0xa5});
        const std::size_t longest = i % 2 == 0 ? 6000 : kBytes;
        const std::size_t start = random() % kBytes;
        const std::size_t length = random() % (std::min(longest, kBytes - start) + 1);
        zero_memory(memory.data() + start, length);
        const auto first = memory.begin() + static_cast<std::ptrdiff_t>(start);
        const auto end = first + static_cast<std::ptrdiff_t>(length);
        ASSERT_TRUE(std::all_of(memory.begin(), first, is(std::byte{0xa5}))) << start;
        ASSERT_TRUE(std::all_of(first, end, is(std::byte{0}))) << start << ' ' << length;
        ASSERT_TRUE(std::all_of(end, memory.end(), is(std::byte{0xa5}))) << start << ' ' << length;
    }
}

}  // namespace
}  // namespace orfa::server
