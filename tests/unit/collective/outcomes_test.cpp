// SPDX-License-Identifier: MIT
#include "collective/outcomes.hpp"

#include <gtest/gtest.h>

namespace orfa::collective {
namespace {

constexpr unsigned kAll = Outcomes::kRemembered;

TEST(Outcomes, RanksStayUntilTheyHaveSeenMuch) {
    Outcomes outcomes;
    EXPECT_EQ(outcomes.stays(), kAll);
    for (unsigned i = 0; i < kAll; ++i)
        outcomes.add(Way::kIndependent, true, false);
    EXPECT_EQ(outcomes.stays(), 0U);
    outcomes.add(Way::kIndependent, false, false);
    EXPECT_EQ(outcomes.stays(), 1U);
    outcomes.add(Way::kIndependent, true, true);
    EXPECT_EQ(outcomes.stays(), kAll) << "an error";
}

TEST(Outcomes, DoubtMakesRanksStayAndMissesAreKept) {
    Outcomes outcomes;
    for (unsigned i = 0; i < kAll; ++i)
        outcomes.add(Way::kIndependent, i % 4 != 0, false);
    const auto misses = outcomes.misses();
    EXPECT_EQ(misses, kAll / 4);
    outcomes.doubt();
    EXPECT_EQ(outcomes.stays(), kAll);
    EXPECT_EQ(outcomes.misses(), misses);
}

TEST(Outcomes, MissesAreForgottenSlowlyWhileAnotherWayIsTaken) {
    Outcomes outcomes;
    EXPECT_EQ(outcomes.misses(), 0U);
    for (unsigned i = 0; i < 5; ++i)
        outcomes.add(Way::kIndependent, false, false);
    EXPECT_EQ(outcomes.misses(), 5U);
    for (unsigned i = 0; i < 10 * kAll; ++i)
        outcomes.add(Way::kTwophase, false, false);
    EXPECT_EQ(outcomes.misses(), 5U);
    for (unsigned i = 0; i < 10 * kAll; ++i)
        outcomes.add(Way::kTwophase, false, false);
    EXPECT_EQ(outcomes.misses(), 0U);
}

}  // namespace
}  // namespace orfa::collective
