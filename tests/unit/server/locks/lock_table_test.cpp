// SPDX-License-Identifier: MIT
#include "server/locks/lock_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <random>
#include <vector>

namespace orfa::server {
namespace {

using Name = LockTable::Name;
using State = LockTable::State;

constexpr std::uint64_t kFile = 7;
const int owners[4] = {};

Name name_of(std::size_t owner, std::uint64_t id) {
    return {&owners[owner], id};
}

TEST(LockTable, ConflictsAreOverlapsOfWhichOneIsExclusive) {
    EXPECT_TRUE(conflict({0, 9, true}, {9, 20, false}));
    EXPECT_TRUE(conflict({0, 9, false}, {0, 9, true}));
    EXPECT_FALSE(conflict({0, 9, true}, {10, 20, true}));
    EXPECT_FALSE(conflict({0, 9, false}, {0, 9, false}));
    constexpr auto kEnd = std::numeric_limits<std::uint64_t>::max();
    EXPECT_TRUE(conflict({kEnd, kEnd, true}, {0, kEnd, true}));
}

TEST(LockTable, ReadersThatComeLaterDontOvertakeAWriter) {
    LockTable table;
    std::vector<Name> granted;
    EXPECT_EQ(*table.add(name_of(0, 1), kFile, {0, 99, false}), State::kGranted);
    EXPECT_EQ(*table.add(name_of(1, 1), kFile, {0, 99, true}), State::kWaiting);
    EXPECT_EQ(*table.add(name_of(2, 1), kFile, {50, 60, false}), State::kWaiting);
    EXPECT_EQ(*table.add(name_of(3, 1), kFile, {200, 299, true}), State::kGranted);
    EXPECT_EQ(*table.add(name_of(3, 2), kFile + 1, {0, 99, true}), State::kGranted);
    EXPECT_TRUE(table.remove(name_of(0, 1), granted));
    EXPECT_EQ(granted, std::vector<Name>{name_of(1, 1)});
    granted.clear();
    EXPECT_TRUE(table.remove(name_of(1, 1), granted));
    EXPECT_EQ(granted, std::vector<Name>{name_of(2, 1)});
}

TEST(LockTable, AWriterThatGivesUpLetsTheReadersBehindItIn) {
    LockTable table;
    std::vector<Name> granted;
    EXPECT_EQ(*table.add(name_of(0, 1), kFile, {0, 99, false}), State::kGranted);
    EXPECT_EQ(*table.add(name_of(1, 1), kFile, {0, 99, true}), State::kWaiting);
    EXPECT_EQ(*table.add(name_of(2, 1), kFile, {0, 99, false}), State::kWaiting);
    EXPECT_EQ(*table.add(name_of(2, 2), kFile, {0, 99, false}), State::kWaiting);
    EXPECT_TRUE(table.remove(name_of(1, 1), granted));
    EXPECT_EQ(granted, (std::vector<Name>{name_of(2, 1), name_of(2, 2)}));
    EXPECT_EQ(table.waiting(), 0U);
}

TEST(LockTable, OneOwnersLocksConflictToo) {
    LockTable table;
    EXPECT_EQ(*table.add(name_of(0, 1), kFile, {0, 99, true}), State::kGranted);
    EXPECT_EQ(*table.add(name_of(0, 2), kFile, {0, 99, true}), State::kWaiting);
    EXPECT_TRUE(table.is(name_of(0, 2), kFile, {0, 99, true}));
    EXPECT_FALSE(table.is(name_of(0, 2), kFile, {0, 99, false}));
    EXPECT_FALSE(table.is(name_of(0, 3), kFile, {0, 99, true}));
}

TEST(LockTable, AnOwnerHasABoundedNumber) {
    LockTable table;
    std::vector<Name> granted;
    for (std::uint64_t i = 0; i < LockTable::kMostPerOwner; ++i)
        ASSERT_TRUE(table.add(name_of(0, i), kFile, {i, i, true}).ok());
    const std::uint64_t more = LockTable::kMostPerOwner;
    EXPECT_EQ(table.add(name_of(0, more), kFile, {0, 0, false}).status().err(), ENOLCK);
    EXPECT_EQ(table.state(name_of(0, more)), State::kAbsent);
    EXPECT_EQ(*table.add(name_of(1, 1), kFile, {5, 5, true}), State::kWaiting);
    table.remove_all(&owners[0], granted);
    EXPECT_EQ(granted, std::vector<Name>{name_of(1, 1)});
    EXPECT_EQ(table.size(), 1U);
}

// The rule itself, worked out anew each time.
class Model {
  public:
    struct Lock {
        Name name;
        std::uint64_t ino;
        LockRange range;
    };
    std::vector<Lock> queue;  // of all files, in the order of their coming

    [[nodiscard]] State state(const Name& name) const {
        for (auto lock = queue.begin(); lock != queue.end(); ++lock)
            if (lock->name == name)
                return std::any_of(queue.begin(), lock,
                                   [&](const Lock& earlier) {
                                       return earlier.ino == lock->ino &&
                                              conflict(earlier.range, lock->range);
                                   })
                           ? State::kWaiting
                           : State::kGranted;
        return State::kAbsent;
    }
    template <typename Predicate>
    std::vector<Name> remove_if(Predicate gone) {
        std::vector<Name> waited;
        for (const Lock& lock : queue)
            if (state(lock.name) == State::kWaiting) waited.push_back(lock.name);
        std::erase_if(queue, gone);
        std::erase_if(waited, [&](const Name& name) { return state(name) != State::kGranted; });
        return waited;
    }
};

class Player {
  public:
    explicit Player(unsigned seed) : random_(seed) {}

    void step() {
        const Name name = name_of(below(4), below(12));
        const auto what = below(20);
        std::vector<Name> granted;
        std::vector<Name> expected;
        if (what == 0) {
            table_.remove_all(name.owner, granted);
            expected = model_.remove_if([&](const auto& l) { return l.name.owner == name.owner; });
        } else if (model_.state(name) == State::kAbsent) {
            add(name);
        } else if (what < 12) {
            EXPECT_TRUE(table_.remove(name, granted));
            expected = model_.remove_if([&](const auto& lock) { return lock.name == name; });
        }
        if (model_.state(name) == State::kAbsent) {
            EXPECT_FALSE(table_.remove(name, granted));
        }
        // Who is let in at once may be told in any order.
        EXPECT_TRUE(
            std::is_permutation(granted.begin(), granted.end(), expected.begin(), expected.end()));
        compare();
    }

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

    void add(const Name& name) {
        const std::uint64_t first = below(30);
        const LockRange range{first, first + below(10), below(2) == 0};
        const std::uint64_t ino = below(2);
        const bool free = table_.is_free(ino, range);
        model_.queue.push_back({name, ino, range});
        const auto state = table_.add(name, ino, range);
        ASSERT_TRUE(state.ok());
        EXPECT_EQ(*state, model_.state(name));
        EXPECT_EQ(free, *state == State::kGranted);
    }

    void compare() {
        std::size_t waiting = 0;
        for (std::size_t owner = 0; owner < 4; ++owner)
            for (std::uint64_t id = 0; id < 12; ++id) {
                const State state = model_.state(name_of(owner, id));
                ASSERT_EQ(table_.state(name_of(owner, id)), state);
                if (state == State::kWaiting) ++waiting;
            }
        ASSERT_EQ(table_.size(), model_.queue.size());
        ASSERT_EQ(table_.waiting(), waiting);
    }

    std::mt19937 random_;
    LockTable table_;
    Model model_;
};

TEST(LockTable, RandomLocksAreAsTheRuleSays) {
    for (unsigned seed = 0; seed < 40 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Player player(seed);
        for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i)
            player.step();
    }
}

}  // namespace
}  // namespace orfa::server
