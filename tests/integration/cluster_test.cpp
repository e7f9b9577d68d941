// SPDX-License-Identifier: MIT
// The test cluster itself, and starting and stopping of servers.
#include "tests/integration/cluster.hpp"

#include "client/orfa.h"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace orfa::testing {
namespace {

TEST(Cluster, FourServersStartServeAndStop) {
    Cluster cluster;
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    orfa_session* session = orfa_connect(cluster.servers().c_str());
    ASSERT_NE(session, nullptr) << orfa_error();
    EXPECT_EQ(orfa_server_count(session), 4);
    for (int server = 0; server < 4; ++server)
        EXPECT_EQ(orfa_ping(session, server), 0) << orfa_error();
    orfa_disconnect(session);
    cluster.stop();
}

TEST(Cluster, AKilledServerIsStartedAnewAtItsAddress) {
    Cluster cluster({.servers = 1});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const auto address = cluster.address(0);
    cluster.kill(0, SIGKILL);
    ASSERT_EQ(cluster.wait_exit(0, 5000), 128 + SIGKILL);
    ASSERT_TRUE(cluster.restart(0)) << cluster.error();
    EXPECT_EQ(cluster.address(0), address);
    orfa_session* session = orfa_connect(cluster.servers().c_str());
    ASSERT_NE(session, nullptr) << orfa_error();
    EXPECT_EQ(orfa_ping(session, 0), 0) << orfa_error();
    orfa_disconnect(session);
}

}  // namespace
}  // namespace orfa::testing
