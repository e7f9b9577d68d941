// SPDX-License-Identifier: MIT
// Runs the C program over each transport.
#include "tests/integration/cluster.hpp"

#include <gtest/gtest.h>

namespace orfa::testing {
namespace {

class CProgram : public ::testing::TestWithParam<const char*> {};

TEST_P(CProgram, FindsAllWell) {
    Cluster cluster;
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const auto result = run_program(
        {ORFA_C_PROGRAM}, {{"ORFA_SERVERS", cluster.servers()}, {"ORFA_TRANSPORT", GetParam()}});
    EXPECT_EQ(result.exit_code, 0) << result.output;
}

INSTANTIATE_TEST_SUITE_P(Ways, CProgram, ::testing::Values("local", "ofi"),
                         [](const auto& way) { return std::string(way.param); });

}  // namespace
}  // namespace orfa::testing
