// SPDX-License-Identifier: MIT
#include "collective/windows.hpp"

#include "tests/unit/collective/agreeing_ranks.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace orfa::collective {
namespace {

constexpr std::uint32_t kRanks = 3;

class CommonMemories : public ::testing::Test {
  protected:
    ~CommonMemories() override { CommonMemory::unlink(name); }
    std::string name = "/orfa-windows-test-" + std::to_string(getpid());
};

TEST_F(CommonMemories, WhatDoesNotFitIsRefused) {
    EXPECT_EQ(CommonMemory::open(name, 8192).status().err(), ENOENT);
    const auto memory = CommonMemory::create(name, 8192);
    ASSERT_TRUE(memory.ok());
    EXPECT_EQ(CommonMemory::create(name, 8192).status().err(), EEXIST);
    EXPECT_EQ(CommonMemory::open(name, 4096).status().err(), EPROTO);
    const auto other = CommonMemory::open(name, 8192);
    ASSERT_TRUE(other.ok());
    (*memory)->data()[8191] = std::byte{7};
    EXPECT_EQ((*other)->data()[8191], std::byte{7});
}

TEST_F(CommonMemories, MoreThanTheHostHasIsRefusedAndLeavesNothing) {
    EXPECT_FALSE(CommonMemory::create(name, std::size_t{1} << 50).ok());
    EXPECT_EQ(CommonMemory::open(name, std::size_t{1} << 50).status().err(), ENOENT);
}

TEST(Windows, OfAllRanksAndAggregatorsLieApart) {
    const std::size_t bytes = Windows::bytes_for(kRanks, 2, 5000);
    std::vector<std::byte> memory(bytes);
    const Windows windows(memory.data(), kRanks, 2, 5000);
    for (std::uint32_t rank = 0; rank < kRanks; ++rank)
        for (std::byte& byte : windows.notes_of(rank))
            byte = static_cast<std::byte>(rank + 1);
    for (std::uint32_t aggregator = 0; aggregator < 2; ++aggregator) {
        windows.limit(aggregator) = 40 + aggregator;
        std::memset(windows.window(aggregator), static_cast<int>(10 + aggregator), 5000);
    }
    for (std::uint32_t rank = 0; rank < kRanks; ++rank)
        for (const std::byte byte : windows.notes_of(rank))
            EXPECT_EQ(byte, static_cast<std::byte>(rank + 1));
    for (std::uint32_t aggregator = 0; aggregator < 2; ++aggregator) {
        EXPECT_EQ(windows.limit(aggregator), 40 + aggregator);
        EXPECT_EQ(windows.window(aggregator)[4999], static_cast<std::byte>(10 + aggregator));
    }
    EXPECT_LE(windows.window(1) + 5000, memory.data() + bytes);
}

// Calls use(ranks) in a thread for each rank.
template <typename Use>
void on_all_ranks(Use use) {
    AgreeingRanks::World world(kRanks);
    std::vector<std::thread> threads;
    for (std::uint32_t rank = 0; rank < kRanks; ++rank) {
        threads.emplace_back([&, rank] {
            AgreeingRanks ranks(world, rank);
            use(ranks);
        });
    }
    for (auto& thread : threads)
        thread.join();
}

TEST_F(CommonMemories, WindowsGrowWithTheCallsAndKeepWhatIsLargeEnough) {
    const Domains whole = make_domains({4096, 2, kRanks, 2, 1 << 20});
    on_all_ranks([&](Ranks& ranks) {
        WindowsKept kept;
        for (const std::uint64_t hull : {10'000ULL, 1'000'000ULL, 20'000ULL, 1'000'000'000ULL}) {
            Domains domains = whole;
            const Windows* windows = kept.fit(ranks, name, hull, domains);
            if (windows == nullptr) {
                ADD_FAILURE() << hull;
                continue;
            }
            EXPECT_GE(windows->window_bytes(), buffer_for(whole, hull));
            EXPECT_EQ(domains.buffer_bytes(), windows->window_bytes());
            if (hull == 20'000) {
                EXPECT_EQ(windows->window_bytes(), buffer_for(whole, 1'000'000));
            }
            if (ranks.rank() == 0) windows->window(1)[4095] = static_cast<std::byte>(hull % 251);
            ranks.meet();
            EXPECT_EQ(windows->window(1)[4095], static_cast<std::byte>(hull % 251));
            ranks.meet();
        }
    });
    EXPECT_EQ(CommonMemory::open(name, 1).status().err(), ENOENT) << "the name is gone";
}

TEST_F(CommonMemories, TheNextFileOfTheSameRanksTakesTheMemoryOver) {
    AgreeingRanks::World world(1);
    AgreeingRanks alone(world, 0);
    Domains domains = make_domains({4096, 2, 1, 1, 1 << 20});
    const auto first_byte = [&](std::uint64_t hull, std::byte next) {
        WindowsKept kept;
        const Windows* windows = kept.fit(alone, name, hull, domains);
        return windows == nullptr ? std::byte{0xFF} : std::exchange(*windows->window(0), next);
    };
    EXPECT_EQ(first_byte(100'000, std::byte{5}), std::byte{0});
    EXPECT_EQ(first_byte(90'000, std::byte{6}), std::byte{5}) << "the same memory";
    WindowsKept other;  // open at the same time
    ASSERT_NE(other.fit(alone, name, 50'000, domains), nullptr);
    EXPECT_EQ(first_byte(50'000, std::byte{7}), std::byte{0}) << "memory of its own";
}

TEST_F(CommonMemories, WithoutRoomThereAreNoWindowsOnAnyRank) {
    const auto others = CommonMemory::create(name, 4096);  // somebody else's of that name
    ASSERT_TRUE(others.ok());
    const Domains whole = make_domains({4096, 2, kRanks, 2, 1 << 20});
    on_all_ranks([&](Ranks& ranks) {
        WindowsKept kept;
        Domains domains = whole;
        EXPECT_FALSE(kept.given_up());
        EXPECT_EQ(kept.fit(ranks, name, 10'000, domains), nullptr);
        EXPECT_TRUE(kept.given_up());
        EXPECT_EQ(domains.buffer_bytes(), whole.buffer_bytes()) << "messages need no less";
        EXPECT_EQ(kept.fit(ranks, name + "-free", 10'000, domains), nullptr) << "asked once";
    });
}

}  // namespace
}  // namespace orfa::collective
