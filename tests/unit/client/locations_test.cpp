// SPDX-License-Identifier: MIT
#include "client/core/locations.hpp"

#include "protocol/mapped_store.hpp"

#include <gtest/gtest.h>

namespace orfa::client {
namespace {

using Answer = std::array<protocol::BlockLocation, Locations::kRegionBlocks>;
constexpr std::uint64_t kRegion = Locations::kRegionBlocks;

// That all blocks of a region can be read up to `to` and written up to `room`.
Answer answer(std::uint32_t to, std::uint32_t room) {
    Answer all{};
    for (std::uint32_t i = 0; i < all.size(); ++i)
        all[i] = {7, 1000 + i, 0, to, room};
    return all;
}

// How many misses of a writer in a row lead to a question.
int questions(Locations& locations, std::uint32_t column, std::uint64_t block, int misses) {
    int asked = 0;
    for (int i = 0; i < misses; ++i) {
        const Locations::Miss miss{block, 0, 100};
        if (!locations.is_worth_asking(column, miss, Locations::Purpose::kFill)) continue;
        ++asked;
        locations.learn(column, miss, 0, Answer{});
    }
    return asked;
}

TEST(Locations, KnowsWhatItLearntOfEachColumn) {
    Locations locations;
    EXPECT_EQ(locations.find(0, 5), nullptr);
    locations.learn(2, {kRegion + 5, 0, 10}, 0, answer(100, 100));
    EXPECT_EQ(locations.find(0, kRegion + 5), nullptr);
    EXPECT_EQ(locations.find(2, 5), nullptr);
    ASSERT_NE(locations.find(2, kRegion + 5), nullptr);
    EXPECT_EQ(locations.find(2, kRegion + 5)->block, 1005U);
    EXPECT_EQ(locations.find(2, kRegion)->block, 1000U);
}

TEST(Locations, ReadersAskAtOnceWritersAfterAFew) {
    Locations locations;
    EXPECT_TRUE(locations.is_worth_asking(0, {1, 0, 10}, Locations::Purpose::kRead));
    EXPECT_EQ(questions(locations, 1, 1, 4), 0);
    EXPECT_EQ(questions(locations, 1, 1, 1), 1);
}

TEST(Locations, AReaderDoesNotWaitForWriters) {
    Locations locations;
    EXPECT_EQ(questions(locations, 0, 1, 2), 0);
    EXPECT_TRUE(locations.is_worth_asking(0, {1, 0, 10}, Locations::Purpose::kRead));
}

TEST(Locations, LargeWritesAskLater) {
    Locations locations;
    int misses = 0;
    while (!locations.is_worth_asking(0, {1, 0, 10}, Locations::Purpose::kOverwrite))
        ++misses;
    EXPECT_EQ(misses, 16);
}

TEST(Locations, QuestionsInVainBecomeRare) {
    Locations locations;
    EXPECT_LE(questions(locations, 0, 1, 10000), 20);
    EXPECT_GE(questions(locations, 0, 1, 10000), 5);
}

TEST(Locations, AnAnswerThatHelpsMakesTheNextMissAsk) {
    Locations locations;
    EXPECT_GT(questions(locations, 0, 1, 1000), 0);
    locations.learn(0, {1, 0, 100}, 0, answer(100, 100));
    EXPECT_TRUE(locations.is_worth_asking(0, {2, 0, 200}, Locations::Purpose::kFill));
}

TEST(Locations, RoomIsAskedForWhileItIsFilled) {
    Locations locations;
    const Locations::Miss miss{0, 0, 4096};
    const std::uint32_t first = locations.room_wanted(0, miss, 0).fresh;
    EXPECT_GT(first, 0U);
    locations.learn(0, miss, first, answer(0, protocol::kStoreBlockBytes));
    EXPECT_EQ(locations.room_wanted(0, miss, 0).fresh, 0U) << "none of it is filled yet";
    for (std::uint32_t i = 0; i < first; ++i)
        locations.filled(0, i, protocol::kStoreBlockBytes, protocol::kStoreBlockBytes);
    EXPECT_GT(locations.room_wanted(0, {first, 0, 1}, 0).fresh, 0U);
    EXPECT_EQ(locations.find(0, 0)->to, protocol::kStoreBlockBytes) << "can be read now";
    EXPECT_TRUE(locations.is_worth_asking(0, {kRegion, 0, 1}, Locations::Purpose::kFill))
        << "who fills room need not wait in the next region";
}

TEST(Locations, RoomEndsWithTheRegionAndHasALimit) {
    Locations locations;
    for (std::uint32_t i = 0; i < 4 * protocol::kMaxRoom; ++i)
        locations.filled(0, i, 1, protocol::kStoreBlockBytes);
    EXPECT_EQ(locations.room_wanted(0, {0, 0, 1}, 0).fresh, protocol::kMaxRoom);
    EXPECT_EQ(locations.room_wanted(0, {0, 0, 1}, 0).count, 1U);
    EXPECT_EQ(locations.room_wanted(0, {kRegion - 3, 0, 1}, 10).count, 3U);
    EXPECT_EQ(locations.room_wanted(0, {0, 0, 1}, 1000).count, protocol::kMaxRoom);
}

TEST(Locations, WhoSprinklesAsksAtOnceAndGetsWhatIsNeeded) {
    Locations locations;
    const Locations::Miss miss{0, 0, 16};
    EXPECT_TRUE(locations.is_worth_asking(0, miss, Locations::Purpose::kSprinkle));
    EXPECT_EQ(locations.room_wanted(0, miss, 10).count, 10U);
    locations.learn(0, miss, 10, answer(0, protocol::kStoreBlockBytes));
    EXPECT_EQ(locations.room_wanted(0, {10, 0, 1}, 10).count, 10U) << "also while little is filled";
    EXPECT_EQ(locations.room_wanted(0, {10, 0, 1}, 10).fresh, 0U);
    EXPECT_EQ(locations.room_wanted(0, {10, 0, 1}, 0).count, 0U);
}

TEST(Locations, WhoSprinklesInVainWaitsToo) {
    Locations locations;
    int asked = 0;
    for (int i = 0; i < 10000; ++i) {
        const Locations::Miss miss{1, 0, 16};
        if (!locations.is_worth_asking(0, miss, Locations::Purpose::kSprinkle)) continue;
        ++asked;
        locations.learn(0, miss, 0, Answer{});
    }
    EXPECT_LE(asked, 20);
}

}  // namespace
}  // namespace orfa::client
