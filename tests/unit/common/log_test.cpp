// SPDX-License-Identifier: MIT
#include "common/log.hpp"

#include <gtest/gtest.h>

#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <string>

namespace orfa::log {
namespace {

using testing::ContainsRegex;

// Puts the levels back to the default.
class Log : public testing::Test {
  protected:
    void SetUp() override { configure("warn"); }
    void TearDown() override { configure("warn"); }
};

TEST_F(Log, OneWordSetsEveryArea) {
    EXPECT_TRUE(configure("debug"));
    EXPECT_TRUE(enabled(Area::kfabric, Level::kdebug));
    EXPECT_TRUE(enabled(Area::kserver, Level::kdebug));
    EXPECT_TRUE(configure("error"));
    EXPECT_FALSE(enabled(Area::kserver, Level::kwarn));
    EXPECT_TRUE(enabled(Area::kserver, Level::kerror));
}

TEST_F(Log, AnAreaCanBeSetAlone) {
    EXPECT_TRUE(configure("warn,fabric:debug"));
    EXPECT_TRUE(enabled(Area::kfabric, Level::kdebug));
    EXPECT_FALSE(enabled(Area::kclient, Level::kinfo));
}

TEST_F(Log, WhatItDoesNotKnowIsToldAndIgnored) {
    EXPECT_FALSE(configure("loud"));
    EXPECT_FALSE(configure("kitchen:debug,client:info"));
    EXPECT_TRUE(enabled(Area::kclient, Level::kinfo));
    EXPECT_FALSE(enabled(Area::kserver, Level::kinfo));
    EXPECT_TRUE(configure(""));
    EXPECT_TRUE(configure(",,info,"));
    EXPECT_TRUE(enabled(Area::kserver, Level::kinfo));
}

TEST_F(Log, ALineTellsTimeProcessLevelAreaAndPlace) {
    testing::internal::CaptureStderr();
    ORFA_LOG(server, warn, "%d of %s", 3, "four");
    const std::string line = testing::internal::GetCapturedStderr();
    EXPECT_THAT(line,
                ContainsRegex("^[0-9:.]+ [0-9]+ warn server log_test.cpp:[0-9]+ 3 of four\n$"));
}

TEST_F(Log, WhatIsSwitchedOffIsNotPrintedAndNotComputed) {
    int computed = 0;
    testing::internal::CaptureStderr();
    ORFA_LOG(client, debug, "%d", ++computed);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(computed, 0);
}

TEST_F(Log, ALongLineIsCutAndStaysOneLine) {
    testing::internal::CaptureStderr();
    ORFA_LOG(common, error, "%s", std::string(5000, 'x').c_str());
    const std::string line = testing::internal::GetCapturedStderr();
    EXPECT_LE(line.size(), 1024U);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_EQ(line.back(), '\n');
}

}  // namespace
}  // namespace orfa::log
