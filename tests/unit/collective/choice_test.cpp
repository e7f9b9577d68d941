// SPDX-License-Identifier: MIT
#include "collective/choice.hpp"

#include <gtest/gtest.h>

namespace orfa::collective {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// `ranks` ranks whose pieces of `piece` bytes take turns in the file, `bytes` a rank.
Facts interleaved(std::uint32_t ranks, std::uint64_t piece, std::uint64_t bytes) {
    Facts facts;
    facts.ranks = ranks;
    facts.aggregators = 2;
    facts.bytes = bytes;
    facts.file_pieces = bytes / piece;
    facts.memory_pieces = 1;
    facts.hull = ranks * bytes;
    return facts;
}

TEST(Choice, TinyInterleavedPiecesGoTwoPhase) {
    EXPECT_EQ(choose(interleaved(4, 16, kMiB)).way, Way::kTwophase);
    EXPECT_EQ(choose(interleaved(8, 100, 16 * kMiB)).way, Way::kTwophase);
}

TEST(Choice, LargeAndContiguousPiecesGoIndependent) {
    EXPECT_EQ(choose(interleaved(4, kMiB, kMiB)).way, Way::kIndependent);
    EXPECT_EQ(choose(interleaved(4, 47008, 47008)).way, Way::kIndependent);
    EXPECT_EQ(choose(interleaved(4, 262144, 16 * kMiB)).way, Way::kIndependent);
}

TEST(Choice, LargerPiecesAreWorthACopyInCommonMemoryThanAMessage) {
    Facts facts = interleaved(4, 200, kMiB);
    EXPECT_EQ(choose(facts).way, Way::kIndependent);
    facts.common_memory = true;
    EXPECT_EQ(choose(facts).way, Way::kTwophase);
    facts = interleaved(4, 512, kMiB);
    facts.common_memory = true;
    EXPECT_EQ(choose(facts).way, Way::kIndependent);
    EXPECT_EQ(choose(interleaved(4, 16, 64)).way, Way::kIndependent);
}

TEST(Choice, FewBytesAreNotWorthARound) {
    EXPECT_EQ(choose(interleaved(4, 16, 64)).way, Way::kIndependent);
}

TEST(Choice, TinyPiecesFarApartStayIndependent) {
    Facts facts = interleaved(4, 16, kMiB);
    facts.hull *= 100;  // what the ranks leave out can't be merged over
    EXPECT_EQ(choose(facts).way, Way::kIndependent);
}

TEST(Choice, InPlaceTinyPiecesNeedNoExchange) {
    for (const std::uint64_t piece : {4UL, 16UL, 100UL}) {
        Facts facts = interleaved(4, piece, kMiB);
        facts.common_memory = true;
        EXPECT_EQ(choose(facts).way, Way::kTwophase);
        facts.in_place = true;
        EXPECT_EQ(choose(facts).way, Way::kIndependent);
        facts.wish = Way::kTwophase;
        EXPECT_EQ(choose(facts).way, Way::kTwophase);
    }
}

TEST(Choice, HintsWinOverCosts) {
    Facts facts = interleaved(4, kMiB, kMiB);
    facts.wish = Way::kServer;
    EXPECT_EQ(choose(facts).way, Way::kServer);
    facts.wish = Way::kGeneric;
    EXPECT_EQ(choose(facts).way, Way::kGeneric);
    facts.wish = Way::kTwophase;
    EXPECT_EQ(choose(facts).way, Way::kTwophase);
    facts = interleaved(4, 16, kMiB);
    facts.wish = Way::kIndependent;
    EXPECT_EQ(choose(facts).way, Way::kIndependent);
}

TEST(Choice, ViewsOutOfOrderWinOverHints) {
    Facts facts = interleaved(4, 16, kMiB);
    facts.wish = Way::kTwophase;
    facts.orderly = false;
    EXPECT_EQ(choose(facts).way, Way::kIndependent);
}

TEST(Choice, NothingToDoIsIndependent) {
    Facts facts;
    facts.ranks = 4;
    EXPECT_EQ(choose(facts).way, Way::kIndependent);
}

TEST(Choice, CostsGrowWithPieces) {
    const Cost few = cost_of(interleaved(4, 1024, kMiB));
    const Cost many = cost_of(interleaved(4, 16, kMiB));
    EXPECT_GT(many.independent, 10 * few.independent);
    EXPECT_GT(many.twophase, few.twophase);
}

}  // namespace
}  // namespace orfa::collective
