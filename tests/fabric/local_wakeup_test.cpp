// SPDX-License-Identifier: MIT
// Sleeping and waking over the same-host transport: no wake-up may be lost.
#include "tests/fabric/local_fixture.hpp"

#include <sched.h>

#include <cstring>
#include <random>
#include <string>

namespace orfa::fabric::test {
namespace {

// An answer that takes as long was not slow: its wake-up was lost, and the time-out helped.
constexpr auto kLost = milliseconds(4500);

bool readable(const Endpoint& endpoint) {
    pollfd p{endpoint.wait_fd(), POLLIN, 0};
    return ::poll(&p, 1, 0) > 0;
}

TEST(LocalWakeup, AnArmedEndpointBecomesReadableWithAMessage) {
    Pair p;
    while (p.server->poll() > 0) {
    }
    ASSERT_TRUE(p.server->arm());
    EXPECT_FALSE(readable(*p.server));
    ASSERT_TRUE(p.client->send(p.to_server, bytes_of("wake"), {}).ok());
    EXPECT_TRUE(readable(*p.server));
    p.server->disarm();
    EXPECT_EQ(p.server->poll(), 1U);
    ASSERT_TRUE(p.server->arm());
    EXPECT_FALSE(readable(*p.server));
    p.server->disarm();
}

TEST(LocalWakeup, ArmSaysNoWhenAMessageOrAnEndIsThere) {
    Pair p;
    ASSERT_TRUE(p.client->send(p.to_server, bytes_of("early"), {}).ok());
    EXPECT_FALSE(p.server->arm());
    p.server->poll();
    EXPECT_TRUE(p.server->arm());
    p.server->disarm();
    p.server->disconnect(p.to_client);
    EXPECT_FALSE(p.server->arm());
    EXPECT_EQ(p.server->poll(), 1U);
}

TEST(LocalWakeup, AnAwakePeerIsNotRungFor) {
    Pair p;
    p.server->poll();
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(p.client->send(p.to_server, bytes_of("quiet"), {}).ok());
        EXPECT_FALSE(readable(*p.server));
        p.server->poll();
    }
}

// Forks a server that answers every message with itself, now and then after a pause.
struct EchoServer {
    explicit EchoServer(int pause_us = 0) {
        int ends[2];
        if (::pipe(ends) != 0) return;
        child.emplace([&] {
            Recorder events;
            Listener l = listen_somewhere(events);
            std::mt19937 rng(3);
            events.reply = [&](PeerId peer, std::span<const std::byte> m) {
                if (pause_us > 0 && rng() % 64 == 0) ::usleep(static_cast<unsigned>(pause_us));
                (void)l.endpoint->send(peer, m, {});
            };
            (void)!::write(ends[1], &l.port, sizeof l.port);
            while (true)
                wait_once(*l.endpoint, 60'000);
            return 0;
        });
        (void)!::read(ends[0], &port, sizeof port);
        ::close(ends[0]);
        ::close(ends[1]);
    }
    std::optional<Child> child;
    std::uint16_t port = 0;
};

TEST(LocalWakeup, PingPongWithBlockingWaitsNeverStalls) {
    EchoServer server;
    Recorder events;
    auto client = make_client(events);
    const PeerId peer = *client->connect({"", server.port}, 5000);
    std::size_t got = 0;
    events.reply = [&](PeerId, std::span<const std::byte>) { ++got; };
    const auto start = Clock::now();
    // A slow machine stops the test early.
    for (std::size_t i = 1; i <= 100'000 && Clock::now() - start < milliseconds(12'000); ++i) {
        const auto sent_at = Clock::now();
        ASSERT_TRUE(client->send(peer, std::as_bytes(std::span(&i, 1)), {}).ok());
        ASSERT_TRUE(wait_until(*client, [&] { return got == i; }));
        ASSERT_LT(Clock::now() - sent_at, kLost);
        if (i % 3 == 0) ::sched_yield();
    }
    EXPECT_GT(got, 500U);
}

TEST(LocalWakeup, ManyClientsThatSleepAtRandomAreAllAnswered) {
    EchoServer server(200);
    const auto client_body = [&server](unsigned seed) {
        Recorder events;
        auto client = make_client(events);
        Result<PeerId> peer = client->connect({"", server.port}, 10'000);
        if (!peer.ok()) return 1;
        std::size_t got = 0;
        events.reply = [&](PeerId, std::span<const std::byte>) { ++got; };
        std::mt19937 rng(seed);
        std::size_t sent = 0;
        const auto start = Clock::now();
        while (Clock::now() - start < milliseconds(2500)) {
            const std::size_t burst = 1 + rng() % 12;
            const std::string text(rng() % 6000, 'b');
            for (std::size_t i = 0; i < burst; ++i, ++sent)
                if (!client->send(*peer, bytes_of(text), {}).ok()) return 2;
            const auto sent_at = Clock::now();
            if (!wait_until(*client, [&] { return got == sent; })) return 3;
            if (Clock::now() - sent_at > kLost) return 4;
            if (rng() % 16 == 0) ::usleep(static_cast<unsigned>(rng() % 500));
        }
        return 0;
    };
    std::vector<Child> clients;
    for (unsigned i = 0; i < 8; ++i)
        clients.emplace_back([&, i] { return client_body(i); });
    for (Child& c : clients)
        EXPECT_EQ(c.join(), 0);
}

TEST(LocalWakeup, ASenderWithoutRoomIsWokenWhenThereIsSome) {
    EchoServer server(2000);
    Recorder events;
    auto client = make_client(events);
    const PeerId peer = *client->connect({"", server.port}, 5000);
    const std::string text(8000, 'f');
    for (int i = 0; i < 500; ++i)
        ASSERT_TRUE(client->send(peer, bytes_of(text), {}).ok());
    // Both rings fill up: each side waits for the other's room.
    events.reply = [](PeerId, std::span<const std::byte> m) { EXPECT_EQ(m.size(), 8000U); };
    const auto start = Clock::now();
    EXPECT_TRUE(wait_until(*client, [&] { return events.count == 500; }));
    EXPECT_LT(Clock::now() - start, kLost);
}

}  // namespace
}  // namespace orfa::fabric::test
