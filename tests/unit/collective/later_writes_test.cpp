// SPDX-License-Identifier: MIT
#include "collective/later_writes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace orfa::collective {
namespace {

TEST(LaterWrites, AreThoseOfRoundsThatAreToCome) {
    std::mt19937_64 random(9);
    const auto up_to = [&](std::uint64_t most) { return random() % (most + 1); };
    LaterWrites later;
    std::map<std::uint64_t, Range> model;
    std::uint64_t round = 0;
    int found = 0;
    for (int step = 0; step < 20'000; ++step) {
        // Now ahead of the other rank, now behind.
        round += up_to(3) == 0 ? up_to(40) : up_to(2);
        later.pass(round);
        while (!model.empty() && model.begin()->first <= round)
            model.erase(model.begin());
        ASSERT_GT(later.next(), round);
        const std::uint64_t last = round + up_to(LaterWrites::kMostRounds);
        while (later.next() <= last) {
            const std::uint64_t start = up_to(2) == 0 ? up_to(100'000) : later.next() * 100;
            const Range range = up_to(3) == 0 ? Range{} : Range{start, start + 1 + up_to(150)};
            model[later.next()] = range;
            later.add(range);
        }
        const std::uint64_t start = up_to(1) == 0 ? round * 100 : up_to(200'000);
        const Range hull = {start, start + 1 + up_to(500)};
        std::vector<Range> wanted;
        for (const auto& [number, range] : model)
            if (range.meets(hull))
                wanted.push_back(
                    {std::max(range.start, hull.start), std::min(range.end, hull.end)});
        std::vector<Range> collected;
        later.collect(hull, collected);
        ASSERT_EQ(collected, wanted) << "in round " << round;
        found += static_cast<int>(collected.size());
    }
    EXPECT_GT(found, 1000);
}

TEST(LaterWrites, NothingIsBehindARoundThatNobodyHasReached) {
    LaterWrites later;
    later.pass(7);
    later.add({0, 100});
    later.pass(8);
    std::vector<Range> out;
    later.collect({0, 1000}, out);
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(later.next(), 9U);
}

}  // namespace
}  // namespace orfa::collective
