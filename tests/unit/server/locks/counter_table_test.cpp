// SPDX-License-Identifier: MIT
#include "server/locks/counter_table.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>

namespace orfa::server {
namespace {

constexpr CounterTable::Name kName{5, 1, 2};
const int owners[2] = {};

TEST(CounterTable, GivesTheValueBefore) {
    CounterTable table;
    EXPECT_EQ(table.get(kName), 0);
    EXPECT_EQ(*table.add(&owners[0], kName, 10), 0);
    EXPECT_EQ(*table.add(&owners[1], kName, -3), 10);
    EXPECT_EQ(*table.set(&owners[0], kName, 100), 7);
    EXPECT_EQ(table.get(kName), 100);
    EXPECT_EQ(table.get({5, 1, 3}), 0);
    EXPECT_EQ(table.get({6, 1, 2}), 0);
    EXPECT_EQ(table.size(), 1U);
}

TEST(CounterTable, AskingForAValueMakesNoCounter) {
    CounterTable table;
    EXPECT_EQ(table.get(kName), 0);
    EXPECT_EQ(table.size(), 0U);
}

TEST(CounterTable, EndsWithItsLastUser) {
    CounterTable table;
    EXPECT_EQ(*table.add(&owners[0], kName, 1), 0);
    EXPECT_EQ(*table.add(&owners[0], kName, 1), 1);
    EXPECT_EQ(*table.add(&owners[1], kName, 1), 2);
    table.drop_all(&owners[0]);
    EXPECT_EQ(table.get(kName), 3);
    table.drop(&owners[0], kName);  // not its any more
    EXPECT_EQ(table.get(kName), 3);
    table.drop(&owners[1], kName);
    EXPECT_EQ(table.get(kName), 0);
    EXPECT_EQ(table.size(), 0U);
}

TEST(CounterTable, SumsThatDontFitChangeNothing) {
    CounterTable table;
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(*table.set(&owners[0], kName, kMost), 0);
    EXPECT_EQ(table.add(&owners[0], kName, 1).status().err(), EOVERFLOW);
    EXPECT_EQ(table.get(kName), kMost);
}

TEST(CounterTable, AnOwnerHasABoundedNumber) {
    CounterTable table;
    for (std::uint64_t i = 0; i < CounterTable::kMostPerOwner; ++i)
        ASSERT_TRUE(table.add(&owners[0], {i, 0, 0}, 1).ok());
    EXPECT_EQ(table.add(&owners[0], kName, 1).status().err(), ENOLCK);
    EXPECT_TRUE(table.add(&owners[0], {3, 0, 0}, 1).ok());
    EXPECT_TRUE(table.add(&owners[1], kName, 1).ok());
    table.drop(&owners[0], {3, 0, 0});
    EXPECT_TRUE(table.add(&owners[0], kName, 1).ok());
}

}  // namespace
}  // namespace orfa::server
