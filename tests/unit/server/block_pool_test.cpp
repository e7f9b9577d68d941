// SPDX-License-Identifier: MIT
#include "server/block_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <unordered_set>

namespace orfa::server {
namespace {

constexpr std::size_t kBlock = BlockPool::kBlockBytes;
constexpr std::size_t kChunk = BlockPool::kChunkBytes;

std::unique_ptr<BlockPool> make_pool(std::uint64_t limit, std::uint64_t ready) {
    auto pool = BlockPool::create(limit, ready);
    EXPECT_TRUE(pool.ok());
    return pool.ok() ? std::move(*pool) : nullptr;
}

// Takes until there is no more.
std::vector<std::byte*> take_all(BlockPool& pool, unsigned wanted) {
    std::vector<std::byte*> blocks;
    while (true) {
        const auto run = pool.allocate(wanted);
        if (!run.ok()) {
            EXPECT_EQ(run.status().err(), ENOSPC);
            return blocks;
        }
        EXPECT_GE((*run).count, 1U);
        EXPECT_LE((*run).count, wanted);
        for (unsigned i = 0; i < (*run).count; ++i)
            blocks.push_back((*run).data + i * kBlock);
    }
}

bool is_zero(const std::byte* block) {
    return std::all_of(block, block + kBlock, [](std::byte byte) { return byte == std::byte{0}; });
}

// The thread that touches ahead may hold a chunk at any moment: that is no lack of space.
TEST(BlockPool, TheLimitIsExactWhateverTheThreadDoes) {
    for (int round = 0; round < 20; ++round) {
        const auto pool = make_pool(6 * kChunk, round % 2 == 0 ? 6 * kChunk : 2 * kChunk);
        for (int again = 0; again < 5; ++again) {
            auto blocks = take_all(*pool, again % 2 == 0 ? 1 : 32);
            ASSERT_EQ(blocks.size(), 6 * BlockPool::kBlocksPerChunk);
            EXPECT_EQ(pool->used(), pool->limit());
            std::sort(blocks.begin(), blocks.end());
            EXPECT_EQ(std::adjacent_find(blocks.begin(), blocks.end()), blocks.end());
            for (std::byte* block : blocks)
                pool->release(block);
            EXPECT_EQ(pool->used(), 0U);
        }
    }
}

TEST(BlockPool, TheLimitIsRoundedUpToChunks) {
    const auto pool = make_pool(kChunk + 1, 0);
    EXPECT_EQ(pool->limit(), 2 * kChunk);
    EXPECT_EQ(pool->range().size(), 2 * kChunk);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pool->range().data()) % kChunk, 0U);
}

TEST(BlockPool, RandomUseGivesEachBlockToOneOwnerAndTellsZerosTruly) {
    std::mt19937_64 random(8);
    for (const std::uint64_t ready : {std::uint64_t{0}, std::uint64_t{kChunk}}) {
        const auto pool = make_pool(5 * kChunk, ready);
        std::unordered_set<std::byte*> held;
        for (int step = 0; step < 4000; ++step) {
            if (random() % 100 < 52) {
                const auto wanted =
                    static_cast<unsigned>(random() % 3 == 0 ? 32 : random() % 6 + 1);
                const auto run = pool->allocate(wanted);
                if (!run.ok()) {
                    ASSERT_EQ(held.size(), 5 * BlockPool::kBlocksPerChunk);
                    continue;
                }
                for (unsigned i = 0; i < (*run).count; ++i) {
                    std::byte* block = (*run).data + i * kBlock;
                    ASSERT_TRUE(held.insert(block).second);
                    if ((*run).zero) {
                        ASSERT_TRUE(is_zero(block));
                    }
                    block[static_cast<std::size_t>(step) % kBlock] = std::byte{1};
                }
            } else if (!held.empty()) {
                auto victim = held.begin();
                std::advance(victim, random() % std::min<std::size_t>(held.size(), 20));
                pool->release(*victim);
                held.erase(victim);
            }
            ASSERT_EQ(pool->used(), held.size() * kBlock);
        }
        for (std::byte* block : held)
            pool->release(block);
        EXPECT_EQ(take_all(*pool, 7).size(), 5 * BlockPool::kBlocksPerChunk);
    }
}

TEST(BlockPool, MemoryBeyondTheReadyAmountGoesBackToTheSystem) {
    const auto pool = make_pool(32 * kChunk, 4 * kChunk);
    const auto blocks = take_all(*pool, 32);
    for (std::byte* block : blocks)
        std::memset(block, 1, kBlock);
    for (std::byte* block : blocks)
        pool->release(block);
    for (int i = 0; i < 1000 && pool->ready() > 6 * kChunk; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_LE(pool->ready(), 6 * kChunk);
    EXPECT_GE(pool->ready(), 4 * kChunk);
}

TEST(BlockPool, ChunksAreTouchedAheadOfNeed) {
    const auto pool = make_pool(8 * kChunk, 3 * kChunk);
    for (int i = 0; i < 1000 && pool->ready() < 3 * kChunk; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(pool->ready(), 3 * kChunk);
    EXPECT_EQ(pool->used(), 0U);
}

}  // namespace
}  // namespace orfa::server
