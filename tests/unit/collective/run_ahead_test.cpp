// SPDX-License-Identifier: MIT
#include "collective/run_ahead.hpp"

#include "tests/unit/collective/test_boards.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <string>

namespace orfa::collective {
namespace {

// Two ranks in one thread, of which the second has always told before the first listens.
class Ahead : public ::testing::Test {
  protected:
    ~Ahead() override { CommonMemory::unlink(name); }

    static RunAhead::Values values_of(std::int64_t outcome, std::int64_t other) {
        RunAhead::Values values{};
        values[0] = outcome;
        values[1] = other;
        return values;
    }
    void first_tells(std::int64_t outcome, std::int64_t other) {
        const RunAhead::Values values = values_of(outcome, other);
        if (outcome != 0) first->raise_alarm();
        told.add(first->tell(0, values), values);
    }
    void second_tells(std::int64_t outcome, std::int64_t other) {
        if (outcome != 0) second->raise_alarm();
        second->tell(1, values_of(outcome, other));
    }

    std::string name = "/orfa-run-ahead-test-" + std::to_string(getpid());
    std::unique_ptr<Board> first = create_board(name, 2);
    std::unique_ptr<Board> second = open_board(name, 2);
    NoProgress others;
    RunAhead told;
};

TEST_F(Ahead, RoundsAreTakenInOrderWithTheLargestOfAll) {
    ASSERT_TRUE(first && second);
    first_tells(0, 5);
    first_tells(3, 6);
    first_tells(0, 1);
    second_tells(0, 7);
    second_tells(2, 1);
    second_tells(0, 2);
    EXPECT_EQ(told.size(), 3U);
    EXPECT_EQ(told.take(2, *first, others), values_of(0, 7));
    EXPECT_EQ(told.take(0, *first, others), values_of(3, 2)) << "the outcome of both";
    EXPECT_EQ(told.size(), 0U);
    EXPECT_EQ(told.look(*first, others), 0);
}

TEST_F(Ahead, AnOutcomeIsToldOnceAndTheRestStays) {
    ASSERT_TRUE(first && second);
    first_tells(0, 1);
    first_tells(0, 2);
    EXPECT_FALSE(told.is_alarmed(*first));
    second_tells(4, 9);
    second_tells(6, 8);
    EXPECT_TRUE(told.is_alarmed(*first));
    EXPECT_EQ(told.look(*first, others), 6);
    EXPECT_EQ(told.look(*first, others), 0);
    first_tells(0, 3);
    second_tells(5, 0);
    EXPECT_EQ(told.take(2, *first, others), values_of(0, 9));
    EXPECT_EQ(told.take(1, *first, others), values_of(0, 8));
    EXPECT_EQ(told.take(0, *first, others), values_of(5, 3)) << "nobody had looked";
}

// The alarm is seen before the round that it is about.
TEST_F(Ahead, AnOutcomeOfARankAheadIsFoundWhenItsRoundIsTaken) {
    ASSERT_TRUE(first && second);
    for (std::uint64_t i = 1; i <= Board::kMostUnheard; ++i)
        second_tells(i == Board::kMostUnheard ? 7 : 0, 1);
    first_tells(0, 1);
    EXPECT_EQ(told.look(*first, others), 0);
    for (std::uint64_t i = 2; i <= Board::kMostUnheard; ++i) {
        EXPECT_TRUE(told.is_alarmed(*first));
        first_tells(0, 1);
    }
    first_tells(0, 1);
    second_tells(0, 1);
    EXPECT_EQ(told.take(0, *first, others)[0], 7) << "though it isn't the last";
    for (std::uint64_t i = 0; i <= 2 * Board::kMostUnheard + 2; ++i) {
        first_tells(0, 1);
        second_tells(0, 1);
        EXPECT_EQ(told.take(0, *first, others)[0], 0);
    }
    EXPECT_FALSE(told.is_alarmed(*first));
}

}  // namespace
}  // namespace orfa::collective
