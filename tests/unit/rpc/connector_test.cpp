// SPDX-License-Identifier: MIT
#include "rpc/connector.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace orfa::rpc {
namespace {

TEST(Connector, ListsOfServersAreUnderstood) {
    const auto servers = parse_servers("alpha,beta:80,192.0.2.1:65535,[::1]:5,[fe80::2]");
    ASSERT_TRUE(servers.ok());
    ASSERT_EQ((*servers).size(), 5U);
    EXPECT_EQ((*servers)[0].host, "alpha");
    EXPECT_EQ((*servers)[0].port, kDefaultPort);
    EXPECT_EQ((*servers)[1].port, 80);
    EXPECT_EQ((*servers)[2].host, "192.0.2.1");
    EXPECT_EQ((*servers)[2].port, 65535);
    EXPECT_EQ((*servers)[3].host, "::1");
    EXPECT_EQ((*servers)[3].port, 5);
    EXPECT_EQ((*servers)[4].host, "fe80::2");
    EXPECT_EQ((*servers)[4].port, kDefaultPort);
}

TEST(Connector, MalformedListsAreEinval) {
    for (const char* list : {"",        ",",    "a,",      ",a",     "a,,b",  ":80",
                             "a:",      "a:0",  "a:65536", "a:-1",   "a:+1",  "a:8x",
                             "a: 80",   "[::1", "[::1]x",  "[::1]:", "[]:80", "[::1]80",
                             "a:80:90", "[[]",  "a]b",     "[]]"})
        EXPECT_EQ(parse_servers(list).status().err(), EINVAL) << '"' << list << '"';
}

TEST(Connector, TransportsHaveNames) {
    EXPECT_EQ(*parse_transport(""), Transport::kAuto);
    EXPECT_EQ(*parse_transport("auto"), Transport::kAuto);
    EXPECT_EQ(*parse_transport("local"), Transport::kLocal);
    EXPECT_EQ(*parse_transport("ofi"), Transport::kOfi);
    EXPECT_EQ(parse_transport("tcp").status().err(), EINVAL);
    EXPECT_EQ(parse_transport("Local").status().err(), EINVAL);
}

TEST(Connector, ThisHostIsKnownByItsAddresses) {
    EXPECT_TRUE(is_this_host("127.0.0.1"));
    EXPECT_TRUE(is_this_host("localhost"));
    EXPECT_TRUE(is_this_host("127.8.8.8"));
    EXPECT_FALSE(is_this_host("192.0.2.77"));
    EXPECT_FALSE(is_this_host("no.such.host.invalid"));
}

}  // namespace
}  // namespace orfa::rpc
