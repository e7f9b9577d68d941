// SPDX-License-Identifier: MIT
// Messages, connections and their ends over the same-host transport.
#include "tests/fabric/local_fixture.hpp"

#include <cerrno>
#include <cstring>
#include <string>

namespace orfa::fabric::test {
namespace {

TEST(LocalEndpoint, MessagesOfAllSizesArriveInOrderBothWays) {
    Pair p;
    std::vector<std::string> sent;
    for (std::size_t n = 0; n <= p.client->max_message(); n += n < 64 ? 1 : 1021)
        sent.emplace_back(n, static_cast<char>('a' + n % 26));
    sent.emplace_back(p.client->max_message(), 'z');
    for (const std::string& s : sent) {
        const std::size_t cut = s.size() / 3;
        const auto all = bytes_of(s);
        ASSERT_TRUE(p.client->send(p.to_server, all.first(cut), all.subspan(cut)).ok());
        ASSERT_TRUE(p.server->send(p.to_client, all, {}).ok());
    }
    ASSERT_TRUE(poll_until(*p.server, *p.client, [&] {
        return p.server_events.count == sent.size() && p.client_events.count == sent.size();
    }));
    for (std::size_t i = 0; i < sent.size(); ++i) {
        EXPECT_EQ(p.server_events.messages[i].second, sent[i]);
        EXPECT_EQ(p.client_events.messages[i].second, sent[i]);
    }
}

TEST(LocalEndpoint, TooLongAMessageIsEmsgsizeAndAnUnknownPeerEnotconn) {
    Pair p;
    const std::string big(p.client->max_message() + 1, 'x');
    EXPECT_EQ(p.client->send(p.to_server, bytes_of(big), {}).err(), EMSGSIZE);
    EXPECT_EQ(p.client->send(PeerId{77}, {}, {}).err(), ENOTCONN);
}

TEST(LocalEndpoint, TheKernelSaysWhoThePeerIs) {
    Pair p;
    const PeerIdentity& who = p.server_events.identities.at(0);
    EXPECT_EQ(who.uid, ::geteuid());
    EXPECT_EQ(who.gid, ::getegid());
    EXPECT_EQ(who.pid, ::getpid());
    EXPECT_TRUE(who.trusted);
    EXPECT_EQ(who.address, "local pid " + std::to_string(::getpid()));
}

TEST(LocalEndpoint, WhatFindsNoRoomIsQueuedAndArrivesInOrder) {
    Pair p;
    const std::string text(1000, 'q');
    constexpr std::size_t kCount = 2000;  // 30 rings full
    for (std::size_t i = 0; i < kCount; ++i) {
        const std::string number = std::to_string(i);
        ASSERT_TRUE(p.client->send(p.to_server, bytes_of(number), bytes_of(text)).ok());
    }
    ASSERT_TRUE(poll_until(*p.server, *p.client, [&] { return p.server_events.count == kCount; }));
    for (std::size_t i = 0; i < kCount; ++i)
        ASSERT_EQ(p.server_events.messages[i].second, std::to_string(i) + text);
}

TEST(LocalEndpoint, AnswersMayBeSentFromInsideOnMessage) {
    Pair p;
    p.server_events.reply = [&](PeerId peer, std::span<const std::byte> m) {
        EXPECT_TRUE(p.server->send(peer, m, m).ok());
    };
    ASSERT_TRUE(p.client->send(p.to_server, bytes_of("ab"), {}).ok());
    ASSERT_TRUE(poll_until(*p.server, *p.client, [&] { return p.client_events.count == 1; }));
    EXPECT_EQ(p.client_events.messages[0].second, "abab");
}

TEST(LocalEndpoint, DisconnectIsReportedOnceOnBothSidesAfterTheLastMessage) {
    Pair p;
    ASSERT_TRUE(p.client->send(p.to_server, bytes_of("last words"), {}).ok());
    p.client->disconnect(p.to_server);
    p.client->disconnect(p.to_server);
    EXPECT_EQ(p.client->send(p.to_server, {}, {}).err(), ENOTCONN);
    EXPECT_TRUE(p.client_events.down.empty());
    ASSERT_TRUE(poll_until(*p.server, *p.client, [&] { return !p.server_events.down.empty(); }));
    EXPECT_EQ(p.server_events.messages.at(0).second, "last words");
    ASSERT_EQ(p.client_events.down.size(), 1U);
    EXPECT_EQ(p.client_events.down[0].why.err(), ECONNABORTED);
    ASSERT_EQ(p.server_events.down.size(), 1U);
    EXPECT_EQ(p.server_events.down[0].why.err(), ECONNRESET);
    EXPECT_EQ(p.server_events.down[0].peer, p.to_client);
}

TEST(LocalEndpoint, DisconnectFromInsideOnMessageIsSafe) {
    Pair p;
    p.server_events.reply = [&](PeerId peer, std::span<const std::byte>) {
        p.server->disconnect(peer);
    };
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(p.client->send(p.to_server, bytes_of("go"), {}).ok());
    ASSERT_TRUE(poll_until(*p.server, *p.client, [&] { return !p.client_events.down.empty(); }));
    EXPECT_EQ(p.server_events.count, 1U);
    EXPECT_EQ(p.server_events.down.size(), 1U);
}

TEST(LocalEndpoint, PeerIdsAreNeverUsedAgain) {
    Pair p;
    const PeerId first = p.to_server;
    p.client->disconnect(first);
    p.client->poll();
    EXPECT_NE(p.dial(), first);
}

TEST(LocalEndpoint, NobodyThereIsRefusedAndElsewhereUnreachable) {
    Recorder events;
    auto client = make_client(events);
    Listener gone = listen_somewhere(events);
    gone.endpoint.reset();
    EXPECT_EQ(client->connect({"localhost", gone.port}, 1000).status().err(), ECONNREFUSED);
    EXPECT_EQ(client->connect({"192.0.2.1", gone.port}, 1000).status().err(), EHOSTUNREACH);
    EXPECT_EQ(client->connect({"127.0.0.1", gone.port}, 1000).status().err(), ECONNREFUSED);
}

TEST(LocalEndpoint, AServerThatDoesNotAnswerIsATimeout) {
    Recorder events;
    Listener silent = listen_somewhere(events);
    auto client = make_client(events);
    const auto start = Clock::now();
    EXPECT_EQ(client->connect({"", silent.port}, 200).status().err(), ETIMEDOUT);
    EXPECT_LT(Clock::now() - start, milliseconds(3000));
}

TEST(LocalEndpoint, ASecondServerOnThePortIsEaddrinuse) {
    Recorder events;
    Listener first = listen_somewhere(events);
    LocalOptions options;
    options.listen_port = first.port;
    EXPECT_EQ(LocalEndpoint::create(events, options).status().err(), EADDRINUSE);
}

TEST(LocalEndpoint, BadGeometryIsEinval) {
    Recorder events;
    for (const LocalGeometry g : {LocalGeometry{1000, 4096, 4096, 1, 64, 1},
                                  {8192, 4096, 4096, 1, 64, 1},
                                  {65536, 100, 4096, 1, 64, 1},
                                  {65536, 4096, 100, 1, 64, 1},
                                  {65536, 4096, 4096, 0, 64, 1},
                                  {65536, 4096, 4096, 1, 100, 1}}) {
        LocalOptions options;
        options.geometry = g;
        EXPECT_EQ(LocalEndpoint::create(events, options).status().err(), EINVAL);
    }
}

TEST(LocalEndpoint, HundredsOfMostlyIdlePeersAreAllHeard) {
    Pair p;
    std::vector<PeerId> servers{p.to_server};
    for (int i = 0; i < 150; ++i)
        servers.push_back(p.dial());
    for (int i = 0; i < 3000; ++i)
        p.server->poll();  // most turn cold
    for (int round = 0; round < 3; ++round) {
        const std::size_t before = p.server_events.count;
        for (std::size_t i = 0; i < servers.size(); i += 7)
            ASSERT_TRUE(p.client->send(servers[i], bytes_of("hello"), {}).ok());
        const std::size_t expected = before + (servers.size() + 6) / 7;
        ASSERT_TRUE(wait_until(*p.server, [&] { return p.server_events.count == expected; }));
    }
    for (std::size_t i = 0; i < servers.size(); i += 2)
        p.client->disconnect(servers[i]);
    ASSERT_TRUE(
        poll_until(*p.server, *p.client, [&] { return p.server_events.down.size() == 76; }));
    ASSERT_TRUE(p.client->send(servers[1], bytes_of("still here"), {}).ok());
    ASSERT_TRUE(wait_until(*p.server,
                           [&] { return p.server_events.messages.back().second == "still here"; }));
}

}  // namespace
}  // namespace orfa::fabric::test
