// SPDX-License-Identifier: MIT
#include "collective/board.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cerrno>
#include <random>
#include <thread>
#include <vector>

namespace orfa::collective {
namespace {

struct NoProgress final : Board::Progress {
    void progress() override { ++calls; }
    std::atomic<unsigned> calls = 0;
};

class Boards : public ::testing::Test {
  protected:
    ~Boards() override { Board::unlink(name); }
    std::string name = "/orfa-board-test-" + std::to_string(getpid());
};

// What rank `rank` says in round `round`, as one and all can work out.
std::int64_t said(std::uint32_t rank, int round) {
    std::minstd_rand random(static_cast<unsigned>(round) * 97 + rank + 1);
    return static_cast<std::int64_t>(random()) - 1'000'000'000;
}

// Goes through `rounds` agreements; how many came out wrong.
int wrong_rounds(Board& board, std::uint32_t rank, std::uint32_t ranks, int rounds) {
    NoProgress others;
    int wrong = 0;
    for (int round = 0; round < rounds; ++round) {
        std::array<std::int64_t, 2> values = {said(rank, round), -said(rank, round)};
        board.maximum(rank, values, others);
        std::array<std::int64_t, 2> right = {said(0, round), -said(0, round)};
        for (std::uint32_t other = 1; other < ranks; ++other) {
            right[0] = std::max(right[0], said(other, round));
            right[1] = std::max(right[1], -said(other, round));
        }
        if (values != right) ++wrong;
    }
    return wrong;
}

TEST_F(Boards, ProcessesAgreeOnTheLargestValuesRoundAfterRound) {
    constexpr std::uint32_t kRanks = 4;
    constexpr int kRounds = 2000;
    auto board = Board::create(name, kRanks);
    ASSERT_TRUE(board.ok());
    std::vector<pid_t> children;
    for (std::uint32_t rank = 1; rank < kRanks; ++rank) {
        children.push_back(fork());
        if (children.back() != 0) continue;
        auto mine = Board::open(name, kRanks);
        _exit(mine.ok() ? std::min(wrong_rounds(**mine, rank, kRanks, kRounds), 255) : 255);
    }
    EXPECT_EQ(wrong_rounds(**board, 0, kRanks, kRounds), 0);
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
}

TEST_F(Boards, OthersWorkIsDoneWhileOneIsLate) {
    auto first = Board::create(name, 2);
    auto second = Board::open(name, 2);
    ASSERT_TRUE(first.ok() && second.ok());
    NoProgress others;
    std::thread late([&] {
        // Past the looks that only yield, too.
        for (int ms = 0; ms < 10'000 && others.calls < 2100; ++ms)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        NoProgress none;
        std::array<std::int64_t, 1> value = {7};
        (*second)->maximum(1, value, none);
    });
    std::array<std::int64_t, 1> value = {3};
    (*first)->maximum(0, value, others);
    late.join();
    EXPECT_EQ(value[0], 7);
    EXPECT_GE(others.calls, 2100U);
}

TEST_F(Boards, TheNameMayGoOnceAllHaveIt) {
    auto first = Board::create(name, 2);
    auto second = Board::open(name, 2);
    ASSERT_TRUE(first.ok() && second.ok());
    Board::unlink(name);
    EXPECT_EQ(Board::open(name, 2).status().err(), ENOENT);
    std::thread other([&] { EXPECT_EQ(wrong_rounds(**second, 1, 2, 100), 0); });
    EXPECT_EQ(wrong_rounds(**first, 0, 2, 100), 0);
    other.join();
}

// Ranks that can do no more than agree.
class AgreeingRanks final : public Ranks {
  public:
    struct World {
        explicit World(std::uint32_t ranks) : step(ranks), values(ranks) {}
        std::barrier<> step;
        std::vector<std::int64_t> values;
    };
    AgreeingRanks(World& world, std::uint32_t rank) : world_(world), rank_(rank) {}

    [[nodiscard]] std::uint32_t size() const override {
        return static_cast<std::uint32_t>(world_.values.size());
    }
    [[nodiscard]] std::uint32_t rank() const override { return rank_; }
    void maximum(std::span<std::int64_t> values) override {
        world_.values[rank_] = values[0];
        world_.step.arrive_and_wait();
        values[0] = *std::max_element(world_.values.begin(), world_.values.end());
        world_.step.arrive_and_wait();
    }
    void all_to_all(std::span<const std::byte>, std::span<std::byte>) override {}
    void send(std::uint32_t, Tag, std::span<const std::byte>) override {}
    void receive(std::uint32_t, Tag, std::span<std::byte>) override {}
    void wait_sent() override {}
    std::vector<std::uint64_t> wait_received() override { return {}; }

  private:
    World& world_;
    std::uint32_t rank_;
};

// How many of three ranks find a board that agrees.
int finders(const std::string& name) {
    constexpr std::uint32_t kRanks = 3;
    AgreeingRanks::World world(kRanks);
    std::atomic<int> found = 0;
    std::vector<std::thread> threads;
    for (std::uint32_t rank = 0; rank < kRanks; ++rank) {
        threads.emplace_back([&, rank] {
            AgreeingRanks ranks(world, rank);
            const auto board = Board::find(ranks, name);
            if (board != nullptr && wrong_rounds(*board, rank, kRanks, 100) == 0) ++found;
        });
    }
    for (auto& thread : threads)
        thread.join();
    return found;
}

TEST_F(Boards, AllRanksFindOneOrNoneDoes) {
    EXPECT_EQ(finders(name), 3);
    EXPECT_EQ(Board::open(name, 3).status().err(), ENOENT) << "the name is gone";
    const auto others = Board::create(name, 3);  // somebody else's of that name
    ASSERT_TRUE(others.ok());
    EXPECT_EQ(finders(name), 0);
    EXPECT_TRUE(Board::open(name, 3).ok()) << "it is still theirs";
}

TEST_F(Boards, WhatDoesNotFitIsRefused) {
    EXPECT_EQ(Board::open(name, 2).status().err(), ENOENT);
    EXPECT_EQ(Board::create(name, Board::kMostRanks + 1).status().err(), EINVAL);
    auto board = Board::create(name, 2);
    ASSERT_TRUE(board.ok());
    EXPECT_EQ(Board::create(name, 2).status().err(), EEXIST);
    EXPECT_EQ(Board::open(name, 3).status().err(), EPROTO);
}

}  // namespace
}  // namespace orfa::collective
