// SPDX-License-Identifier: MIT
// The faults of the fake transport come as they were asked for, and again for the same seed.
#include "fabric/fake_endpoint.hpp"

#include "tests/fabric/local_fixture.hpp"

#include <gtest/gtest.h>

#include <poll.h>

#include <cstring>

namespace orfa::fabric::test {
namespace {

// One server and some clients, all connected.
struct Net {
    explicit Net(std::uint64_t seed, std::size_t clients = 1, const FakeFaults& faults = {})
        : network(seed), events(clients) {
        network.set_faults(faults);
        server = std::move(*FakeEndpoint::create(network, server_events, Address{"s", 0}));
        for (Recorder& e : events) {
            client.push_back(std::move(*FakeEndpoint::create(network, e, {})));
            to_server.push_back(*client.back()->connect(server->address(), 0));
        }
        server->poll();
    }
    void poll_all(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            server->poll();
            for (auto& c : client)
                c->poll();
        }
    }
    void send_numbers(std::size_t from, int count) {
        for (int i = 0; i < count; ++i) {
            const std::string text = std::to_string(from) + ":" + std::to_string(i);
            (void)client[from]->send(to_server[from], bytes_of(text), {});
        }
    }
    std::vector<std::string> received() const {
        std::vector<std::string> texts;
        for (const auto& [peer, text] : server_events.messages)
            texts.push_back(text);
        return texts;
    }

    FakeNetwork network;
    Recorder server_events;
    std::vector<Recorder> events;
    std::unique_ptr<FakeEndpoint> server;
    std::vector<std::unique_ptr<FakeEndpoint>> client;
    std::vector<PeerId> to_server;
};

TEST(FakeEndpoint, DropsTheShareItIsToldTo) {
    FakeFaults faults;
    faults.drop = 0.25;
    Net net(1, 1, faults);
    net.send_numbers(0, 4000);
    net.poll_all(3);
    EXPECT_GT(net.server_events.messages.size(), 2800U);
    EXPECT_LT(net.server_events.messages.size(), 3200U);
    EXPECT_TRUE(net.server_events.down.empty());
}

TEST(FakeEndpoint, TheSameSeedIsTheSameRun) {
    const auto run = [](std::uint64_t seed) {
        FakeFaults faults;
        faults.drop = 0.1;
        faults.max_delay = 9;
        Net net(seed, 3, faults);
        for (std::size_t i = 0; i < 3; ++i)
            net.send_numbers(i, 50);
        net.poll_all(20);
        return net.received();
    };
    EXPECT_EQ(run(5), run(5));
    EXPECT_NE(run(5), run(6));
}

TEST(FakeEndpoint, DelaysReorderPeersButNeverOnePeer) {
    FakeFaults faults;
    faults.max_delay = 20;
    Net net(3, 2, faults);
    net.send_numbers(0, 100);
    net.send_numbers(1, 100);
    net.poll_all(60);
    const std::vector<std::string> texts = net.received();
    ASSERT_EQ(texts.size(), 200U);
    int next[2] = {0, 0};
    bool mixed = false;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::size_t from = texts[i][0] == '0' ? 0 : 1;
        EXPECT_EQ(texts[i].substr(2), std::to_string(next[from]++));
        mixed = mixed || (i < 100) != (from == 0);
    }
    EXPECT_TRUE(mixed);
}

TEST(FakeEndpoint, ADelayedMessageWaitsForItsStep) {
    FakeFaults faults;
    faults.min_delay = faults.max_delay = 10;
    Net net(3, 1, faults);
    const std::uint64_t sent_at = net.network.step();
    net.send_numbers(0, 1);
    while (net.server_events.messages.empty()) {
        EXPECT_FALSE(net.server->arm()) << "it must poll for time to pass";
        net.server->poll();
    }
    EXPECT_EQ(net.network.step(), sent_at + 10);
}

TEST(FakeEndpoint, CutsAfterSoManyMessages) {
    FakeFaults faults;
    faults.cut_after = 3;
    Net net(1, 1, faults);
    net.send_numbers(0, 2);
    net.poll_all(1);
    EXPECT_EQ(net.server_events.messages.size(), 2U);
    net.send_numbers(0, 5);
    net.poll_all(3);
    EXPECT_EQ(net.server_events.messages.size(), 2U) << "what was under way is lost";
    ASSERT_EQ(net.server_events.down.size(), 1U);
    ASSERT_EQ(net.events[0].down.size(), 1U);
    EXPECT_EQ(net.client[0]->send(net.to_server[0], bytes_of("x"), {}).err(), ENOTCONN);
}

TEST(FakeEndpoint, AKilledServerIsToldToItsClientsOnceAndRefusesNewOnes) {
    Net net(1, 3);
    net.network.kill_at(*net.server, net.network.step() + 5);
    net.poll_all(10);
    for (const Recorder& events : net.events) {
        ASSERT_EQ(events.down.size(), 1U);
        EXPECT_EQ(events.down[0].why.err(), ECONNRESET);
    }
    EXPECT_TRUE(net.server_events.down.empty());
    EXPECT_EQ(net.client[0]->connect(net.server->address(), 0).status().err(), ECONNREFUSED);

    // A new one takes its place.
    Recorder again;
    auto second = FakeEndpoint::create(net.network, again, net.server->address());
    ASSERT_TRUE(second.ok());
    EXPECT_TRUE(net.client[0]->connect(net.server->address(), 0).ok());
    (*second)->poll();
    EXPECT_EQ(again.up.size(), 1U);
}

TEST(FakeEndpoint, RmaFailsAsOftenAsItIsToldTo) {
    FakeFaults faults;
    faults.rma_failure = 0.5;
    faults.max_delay = 3;
    Net net(8, 1, faults);
    std::vector<std::byte> there(64), here(64);
    fill(there, 1);
    const Registration shared = *net.client[0]->register_memory(there, Access::kRemoteRead);
    const LocalSegment local{here.data(), 64};
    const RemoteSegment remote{shared.addr, shared.key, 64};
    int failed = 0;
    for (int i = 0; i < 200; ++i) {
        std::fill(here.begin(), here.end(), std::byte{});
        Completion end;
        auto state = net.server->rma_read(net.server_events.up[0], {&local, 1}, {&remote, 1}, &end);
        ASSERT_TRUE(state.ok());
        while (end.calls == 0)
            net.server->poll();
        EXPECT_EQ(end.status.ok(), std::memcmp(here.data(), there.data(), 64) == 0);
        if (!end.status.ok()) ++failed;
    }
    EXPECT_GT(failed, 60);
    EXPECT_LT(failed, 140);
    Completion end;
    EXPECT_EQ(net.server->rma_write(net.server_events.up[0], {&local, 1}, {&remote, 1}, &end)
                  .status()
                  .err(),
              EFAULT)
        << "it was shared for reading only";
}

TEST(FakeEndpoint, TransfersCanBeDoneAtOnce) {
    FakeFaults faults;
    faults.rma_at_once = 1;
    Net net(8, 1, faults);
    std::vector<std::byte> there(64), here(64);
    fill(there, 1);
    const Registration shared = *net.client[0]->register_memory(there, Access::kBoth);
    const LocalSegment local{here.data(), 64};
    const RemoteSegment remote{shared.addr, shared.key, 64};
    Completion end;
    auto state = net.server->rma_read(net.server_events.up[0], {&local, 1}, {&remote, 1}, &end);
    ASSERT_TRUE(state.ok());
    EXPECT_EQ(*state, RmaState::kDone);
    EXPECT_EQ(here, there);
}

TEST(FakeEndpoint, CanRefuseToConnect) {
    FakeFaults faults;
    faults.refuse = true;
    FakeNetwork network(1);
    network.set_faults(faults);
    Recorder a, b;
    auto server = std::move(*FakeEndpoint::create(network, a, Address{"s", 7}));
    auto client = std::move(*FakeEndpoint::create(network, b, {}));
    EXPECT_EQ(client->connect({"s", 7}, 100).status().err(), ETIMEDOUT);
    EXPECT_EQ(client->connect({"elsewhere", 7}, 100).status().err(), ECONNREFUSED);
    EXPECT_EQ(FakeEndpoint::create(network, b, Address{"s", 7}).status().err(), EADDRINUSE);
}

TEST(FakeEndpoint, FaultsOfOnePairLeaveTheOthersAlone) {
    Net net(1, 2);
    FakeFaults faults;
    faults.drop = 1;
    net.network.set_faults(*net.client[0], *net.server, faults);
    net.send_numbers(0, 10);
    net.send_numbers(1, 10);
    net.poll_all(2);
    ASSERT_EQ(net.server_events.messages.size(), 10U);
    EXPECT_EQ(net.server_events.messages[0].second, "1:0");
    net.network.cut(*net.server, *net.client[1]);
    net.poll_all(2);
    EXPECT_TRUE(net.events[0].down.empty());
    EXPECT_EQ(net.events[1].down.size(), 1U);
}

TEST(FakeEndpoint, ADestroyedEndpointIsGoneForItsPeers) {
    Net net(1, 1);
    net.client.clear();
    net.server->poll();
    ASSERT_EQ(net.server_events.down.size(), 1U);
}

}  // namespace
}  // namespace orfa::fabric::test
