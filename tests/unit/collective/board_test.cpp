// SPDX-License-Identifier: MIT
#include "collective/board.hpp"

#include "tests/unit/collective/agreeing_ranks.hpp"
#include "tests/unit/collective/test_boards.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

namespace orfa::collective {
namespace {

class Boards : public ::testing::Test {
  protected:
    ~Boards() override { CommonMemory::unlink(name); }
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
    auto board = create_board(name, kRanks);
    ASSERT_TRUE(board);
    std::vector<pid_t> children;
    for (std::uint32_t rank = 1; rank < kRanks; ++rank) {
        children.push_back(fork());
        if (children.back() != 0) continue;
        auto mine = open_board(name, kRanks);
        _exit(mine ? std::min(wrong_rounds(*mine, rank, kRanks, kRounds), 255) : 255);
    }
    EXPECT_EQ(wrong_rounds(*board, 0, kRanks, kRounds), 0);
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
}

TEST_F(Boards, OthersWorkIsDoneWhileOneIsLate) {
    auto first = create_board(name, 2);
    auto second = open_board(name, 2);
    ASSERT_TRUE(first && second);
    NoProgress others;
    std::thread late([&] {
        // Past the looks that only yield, too.
        for (int ms = 0; ms < 10'000 && others.calls < 2100; ++ms)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        NoProgress none;
        std::array<std::int64_t, 1> value = {7};
        second->maximum(1, value, none);
    });
    std::array<std::int64_t, 1> value = {3};
    first->maximum(0, value, others);
    late.join();
    EXPECT_EQ(value[0], 7);
    EXPECT_GE(others.calls, 2100U);
}

TEST_F(Boards, TheNameMayGoOnceAllHaveIt) {
    auto first = create_board(name, 2);
    auto second = open_board(name, 2);
    ASSERT_TRUE(first && second);
    CommonMemory::unlink(name);
    EXPECT_FALSE(open_board(name, 2));
    std::thread other([&] { EXPECT_EQ(wrong_rounds(*second, 1, 2, 100), 0); });
    EXPECT_EQ(wrong_rounds(*first, 0, 2, 100), 0);
    other.join();
}

TEST_F(Boards, ARankTellsSeveralRoundsBeforeOthersTellTheFirst) {
    auto first = create_board(name, 2);
    auto second = open_board(name, 2);
    ASSERT_TRUE(first && second);
    NoProgress none;
    for (std::int64_t i = 1; i <= static_cast<std::int64_t>(Board::kMostUnheard); ++i)
        EXPECT_EQ(first->tell(0, std::array<std::int64_t, 1>{i}), i);
    for (std::int64_t i = 1; i <= 3; ++i) {
        std::array<std::int64_t, 1> value = {10 * i};
        second->maximum(1, value, none);
        EXPECT_EQ(value[0], 10 * i);
        std::array<std::int64_t, 1> heard = {i};
        first->hear(static_cast<std::uint64_t>(i), heard, none);
        EXPECT_EQ(heard[0], 10 * i);
    }
    EXPECT_EQ(second->alarms(), 0U);
    first->raise_alarm();
    EXPECT_EQ(second->alarms(), 1U);
}

TEST_F(Boards, WhatComesLateLeavesAloneWhatLaterRoundsWrite) {
    auto first = create_board(name, 2);
    auto second = open_board(name, 2);
    ASSERT_TRUE(first && second);
    NoProgress none;
    const std::array<std::int64_t, 1> nothing = {0};
    EXPECT_TRUE(first->begin_write(0, {0, 100}, {0, 100}, none).empty());
    first->tell(0, nothing);
    EXPECT_TRUE(first->begin_write(0, {200, 300}, {200, 300}, none).empty());
    first->tell(0, nothing);
    EXPECT_TRUE(first->begin_write(0, {}, {0, 1000}, none).empty());  // pieces: nobody knows which
    first->tell(0, nothing);
    EXPECT_TRUE(first->begin_write(0, {310, 320}, {310, 320}, none).empty());  // and is writing

    const std::vector<Range> of_first = {{250, 300}, {310, 315}};
    EXPECT_EQ(second->begin_write(1, {250, 315}, {250, 315}, none), of_first);
    second->tell(1, nothing);
    EXPECT_EQ(second->begin_write(1, {}, {0, 1000}, none), (std::vector<Range>{{310, 320}}))
        << "not what the same round writes";
    second->tell(1, nothing);
    EXPECT_TRUE(second->begin_write(1, {300, 310}, {300, 310}, none).empty());
}

TEST_F(Boards, WhoIsAheadWaitsForAWriteUnderWayToTheSameBytes) {
    auto first = create_board(name, 2);
    auto second = open_board(name, 2);
    ASSERT_TRUE(first && second);
    NoProgress waiting;
    const std::array<std::int64_t, 1> nothing = {0};
    EXPECT_TRUE(second->begin_write(1, {}, {0, 100}, waiting).empty());  // some pieces there
    first->tell(0, nothing);
    EXPECT_TRUE(first->begin_write(0, {100, 200}, {100, 200}, waiting).empty());
    first->tell(0, nothing);
    EXPECT_EQ(waiting.calls, 0U) << "for nothing";
    std::atomic<bool> written = false;
    std::thread late([&] {
        for (int ms = 0; ms < 10'000 && waiting.calls < 10; ++ms)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        written = true;
        second->tell(1, nothing);
    });
    EXPECT_TRUE(first->begin_write(0, {99, 120}, {99, 120}, waiting).empty());
    EXPECT_TRUE(written);
    late.join();
}

// Ranks that write random ranges round after round, ahead of each other as far as they may.
class Writers {
  public:
    static constexpr std::uint32_t kRanks = 3;
    static constexpr unsigned kRounds = 3000;
    static constexpr std::uint64_t kBytes = 64;

    // What a rank writes in a round; other ranks' are apart from it.
    static Range range_of(std::uint32_t rank, unsigned round) {
        std::minstd_rand random(round * 31 + 7);
        const std::uint64_t share = kBytes / kRanks;
        const std::uint64_t turn = (rank + random()) % kRanks;
        const std::uint64_t start = turn * share + random() % 5;
        return {start, start + random() % (share - 5)};
    }

    // Each byte holds the round that wrote it last.
    std::array<std::atomic<unsigned>, kBytes> file{};

    void run(Board& board, std::uint32_t rank) {
        NoProgress others;
        std::minstd_rand random(rank + 1);
        std::array<std::int64_t, 1> value = {0};
        std::uint64_t heard = 0;
        for (unsigned round = 1; round <= kRounds; ++round) {
            const Range mine = range_of(rank, round);
            const auto later = board.begin_write(rank, mine, mine, others);
            if (random() % 8 == 0) std::this_thread::yield();
            for (std::uint64_t at = mine.start; at < mine.end; ++at) {
                if (std::none_of(later.begin(), later.end(), [&](const Range& theirs) {
                        return theirs.meets({at, at + 1});
                    }))
                    file[at].store(round, std::memory_order_relaxed);
            }
            if (random() % 8 == 0) std::this_thread::yield();
            const std::uint64_t told = board.tell(rank, value);
            while (told - heard > random() % (Board::kMostUnheard + 1))
                board.hear(++heard, value, others);
        }
        while (heard < kRounds)
            board.hear(++heard, value, others);
    }
};

TEST_F(Boards, EachByteIsOfTheLastRoundThatWroteIt) {
    std::vector<std::unique_ptr<Board>> boards;
    boards.push_back(create_board(name, Writers::kRanks));
    for (std::uint32_t rank = 1; rank < Writers::kRanks; ++rank)
        boards.push_back(open_board(name, Writers::kRanks));
    Writers writers;
    std::vector<std::thread> threads;
    for (std::uint32_t rank = 0; rank < Writers::kRanks; ++rank)
        threads.emplace_back([&, rank] { writers.run(*boards[rank], rank); });
    for (auto& thread : threads)
        thread.join();
    std::array<unsigned, Writers::kBytes> right{};
    for (unsigned round = 1; round <= Writers::kRounds; ++round) {
        for (std::uint32_t rank = 0; rank < Writers::kRanks; ++rank) {
            const Range range = Writers::range_of(rank, round);
            std::fill(right.begin() + static_cast<std::ptrdiff_t>(range.start),
                      right.begin() + static_cast<std::ptrdiff_t>(range.end), round);
        }
    }
    for (std::uint64_t at = 0; at < Writers::kBytes; ++at)
        EXPECT_EQ(writers.file[at], right[at]) << at;
}

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
    EXPECT_FALSE(open_board(name, 3)) << "the name is gone";
    const auto others = create_board(name, 3);  // somebody else's of that name
    ASSERT_TRUE(others);
    EXPECT_EQ(finders(name), 0);
    EXPECT_TRUE(open_board(name, 3)) << "it is still theirs";
}

}  // namespace
}  // namespace orfa::collective
