// SPDX-License-Identifier: MIT
#include "server/corrupting_store.hpp"

#include "server/memory_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace orfa::server {
namespace {

constexpr std::uint64_t kWrong = 5000;

// Writes `length` bytes of 2 at `offset` of object 1, and returns the object's content.
std::vector<std::byte> written(ObjectStore& store, std::uint64_t offset, std::uint64_t length) {
    ObjectStore::Pin* pin = *store.pin(1, true);
    std::vector<fabric::LocalSegment> memory;
    const auto write = store.begin_write(pin, false);
    EXPECT_TRUE(store.prepare_write(write, offset, length, memory).ok());
    for (const auto& segment : memory)
        std::fill_n(segment.data, segment.length, std::byte{2});
    store.finish_write(write, offset, length, true);
    memory.clear();
    EXPECT_TRUE(store.prepare_read(pin, 0, store.size(pin), memory).ok());
    std::vector<std::byte> content;
    for (const auto& segment : memory)
        content.insert(content.end(), segment.data, segment.data + segment.length);
    store.unpin(pin);
    return content;
}

class Corrupting : public testing::Test {
  protected:
    std::unique_ptr<MemoryStore> memory_ =
        std::move(*MemoryStore::create(4 * BlockPool::kChunkBytes, BlockPool::kChunkBytes));
    CorruptingStore store_{*memory_, kWrong};
};

TEST_F(Corrupting, OneBitOfTheByteIsTurnedAndNothingElse) {
    const auto content = written(store_, 0, 3 * kWrong);
    ASSERT_EQ(content.size(), 3 * kWrong);
    EXPECT_EQ(content[kWrong], std::byte{3});
    EXPECT_EQ(std::count(content.begin(), content.end(), std::byte{2}), 3 * kWrong - 1);
}

TEST_F(Corrupting, WritesBesideTheByteAreLeftAlone) {
    written(store_, 0, kWrong);
    const auto content = written(store_, kWrong + 1, 100);
    EXPECT_EQ(content[kWrong - 1], std::byte{2});
    EXPECT_EQ(content[kWrong], std::byte{0});
    EXPECT_EQ(content[kWrong + 1], std::byte{2});
}

TEST_F(Corrupting, AskedForByTheEnvironmentOnly) {
    unsetenv("ORFA_TEST_CORRUPT");
    EXPECT_EQ(*corruption_asked_for(), std::nullopt);
    setenv("ORFA_TEST_CORRUPT", "4K", 1);
    EXPECT_EQ(*corruption_asked_for(), 4096U);
    setenv("ORFA_TEST_CORRUPT", "somewhere", 1);
    EXPECT_FALSE(corruption_asked_for().ok());
    unsetenv("ORFA_TEST_CORRUPT");
}

}  // namespace
}  // namespace orfa::server
