// SPDX-License-Identifier: MIT
#include "server/busy_meter.hpp"

#include <gtest/gtest.h>

namespace orfa::server {
namespace {

// Passes one after the other, of which `working` of every 12 find something, for `windows` windows.
// How often the judgement changed.
int run(BusyMeter& meter, std::int64_t& now, int working, int windows) {
    constexpr std::int64_t kLength = 10'000;
    int changes = 0;
    const std::int64_t end = now + windows * BusyMeter::kWindowNs;
    for (int pass = 0; now < end; ++pass) {
        if (meter.add(pass % 12 < working, now, now + kLength)) ++changes;
        now += kLength * BusyMeter::kEvery;
    }
    return changes;
}

TEST(BusyMeter, JudgesByTwoFifthsOfTheTime) {
    BusyMeter meter;
    std::int64_t now = 1'000'000'000;
    run(meter, now, 0, 2);
    EXPECT_FALSE(meter.is_busy());
    EXPECT_EQ(run(meter, now, 4, 3), 0);
    EXPECT_FALSE(meter.is_busy());
    EXPECT_EQ(run(meter, now, 6, 3), 1);
    EXPECT_TRUE(meter.is_busy());
    EXPECT_EQ(run(meter, now, 12, 3), 0);
    EXPECT_TRUE(meter.is_busy());
    EXPECT_EQ(run(meter, now, 1, 3), 1);
    EXPECT_FALSE(meter.is_busy());
}

TEST(BusyMeter, AThreadThatHasSleptIsNotBusyAtOnce) {
    BusyMeter meter;
    std::int64_t now = 1'000'000'000;
    run(meter, now, 12, 2);
    ASSERT_TRUE(meter.is_busy());
    now += 1'000'000'000;
    EXPECT_TRUE(meter.add(true, now, now + 10'000));
    EXPECT_FALSE(meter.is_busy());
}

}  // namespace
}  // namespace orfa::server
