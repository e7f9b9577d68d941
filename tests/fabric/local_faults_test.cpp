// SPDX-License-Identifier: MIT
// Processes of a same-host connection that die, fork, or belong to somebody else.
#include "tests/fabric/local_fixture.hpp"

#include <sys/prctl.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace orfa::fabric::test {
namespace {

constexpr uid_t kNobody = 65534;
constexpr std::size_t kMemory = 4 << 20;

// Where a client process says its memory is.
struct Offer {
    std::uint64_t addr, key;
};

// A client process: connects, offers its memory (all bytes 'm') in a message, then goes on as told.
struct ClientOptions {
    bool process_vm = true;
    std::function<void()> before = [] {};
    std::function<int(Endpoint&, Recorder&, PeerId)> after;
};
int run_client(std::uint16_t port, const ClientOptions& options) {
    options.before();
    Recorder events;
    auto client = make_client(events, options.process_vm);
    Result<PeerId> server = client->connect({"", port}, 5000);
    if (!server.ok()) return 100 + server.status().err() % 100;
    std::vector<std::byte> memory(kMemory, std::byte{'m'});
    const Registration r = *client->register_memory(memory, Access::kBoth);
    const Offer offer{r.addr, r.key};
    (void)client->send(*server, std::as_bytes(std::span(&offer, 1)), {});
    return options.after(*client, events, *server);
}
int stop_and_stare(Endpoint&, Recorder&, PeerId) {
    while (true)
        ::pause();
}
int poll_for_ever(Endpoint& endpoint, Recorder& events, PeerId) {
    while (events.down.empty())
        wait_once(endpoint, 1000);
    return 0;
}

// A server in this process, and what its clients have offered.
struct Server {
    Server() : Server(LocalOptions{}) {}
    explicit Server(const LocalOptions& options) : listener(listen_somewhere(events, options)) {}
    Child start(ClientOptions options) {
        const std::uint16_t port = listener.port;
        return Child([port, options = std::move(options)] { return run_client(port, options); });
    }
    // The offer of the next client.
    Offer wait_for_offer() {
        const std::size_t before = offers;
        EXPECT_TRUE(
            wait_until(*listener.endpoint, [&] { return events.messages.size() > before; }));
        Offer offer{};
        if (events.messages.size() > before) {
            std::memcpy(&offer, events.messages[before].second.data(), sizeof offer);
            peer = events.messages[before].first;
            ++offers;
        }
        return offer;
    }
    Result<RmaState> read(const Offer& offer, Completion& done) {
        ours.assign(kMemory, std::byte{0});
        const LocalSegment into{ours.data(), ours.size()};
        const RemoteSegment from{offer.addr, offer.key, kMemory};
        return listener.endpoint->rma_read(peer, {&into, 1}, {&from, 1}, &done);
    }
    [[nodiscard]] bool got_all() const { return ours == std::vector(kMemory, std::byte{'m'}); }
    bool wait_for_down(std::size_t n = 1) {
        return wait_until(*listener.endpoint, [&] { return events.down.size() >= n; });
    }

    Recorder events;
    Listener listener;
    std::size_t offers = 0;
    PeerId peer{};
    std::vector<std::byte> ours;
};

std::size_t descriptors() {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator("/proc/self/fd"))
        ++n;
    return n;
}
std::size_t mappings_of_connections() {
    std::ifstream maps("/proc/self/maps");
    std::size_t n = 0;
    for (std::string line; std::getline(maps, line);)
        n += line.find("orfa-connection") != std::string::npos ? 1 : 0;
    return n;
}
std::size_t resident_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmRSS:", 0) == 0) return std::stoul(line.substr(6));
    return 0;
}

TEST(LocalFaults, AClientKilledMidTransferIsReportedAfterItsTransfers) {
    Server server;
    Child client = server.start({.process_vm = false, .after = stop_and_stare});
    const Offer offer = server.wait_for_offer();
    Completion done;
    Result<RmaState> state = server.read(offer, done);
    ASSERT_TRUE(state.ok());
    ASSERT_EQ(*state, RmaState::kStarted);
    server.listener.endpoint->poll();
    EXPECT_EQ(done.calls, 0);
    client.kill_and_reap();
    ASSERT_TRUE(server.wait_for_down());
    EXPECT_EQ(done.calls, 1);
    EXPECT_EQ(done.status.err(), ECONNRESET);
    EXPECT_EQ(server.events.down.size(), 1U);
    EXPECT_EQ(server.events.down[0].why.err(), ECONNRESET);
    EXPECT_EQ(server.read(offer, done).status().err(), ENOTCONN);
}

TEST(LocalFaults, MemoryOfADeadProcessIsEnotconnAtOnce) {
    Server server;
    Child client = server.start({.after = stop_and_stare});
    const Offer offer = server.wait_for_offer();
    Completion done;
    ASSERT_EQ(*server.read(offer, done), RmaState::kDone);
    EXPECT_TRUE(server.got_all());
    client.kill_and_reap();
    EXPECT_EQ(server.read(offer, done).status().err(), ENOTCONN);
    ASSERT_TRUE(server.wait_for_down());
    EXPECT_EQ(server.events.down.size(), 1U);
    EXPECT_EQ(done.calls, 0);
}

TEST(LocalFaults, TwoHundredKilledClientsLeaveNothingBehind) {
    Server server;
    const auto chatter = [](Endpoint& endpoint, Recorder&, PeerId peer) {
        const std::string text(3000, 'c');
        while (endpoint.send(peer, bytes_of(text), {}).ok())
            endpoint.poll();
        return 0;
    };
    std::size_t base_descriptors = 0;
    std::size_t base_resident = 0;
    constexpr std::size_t kKills = kSanitized ? 40 : 200;
    for (std::size_t i = 0; i < kKills; ++i) {
        Child client = server.start({.process_vm = i % 2 == 0, .after = chatter});
        const std::size_t before = server.events.messages.size();
        server.offers = before;
        const Offer offer = server.wait_for_offer();
        Completion done;
        (void)server.read(offer, done);
        client.kill_and_reap();
        ASSERT_TRUE(server.wait_for_down(i + 1));
        server.events.messages.clear();
        EXPECT_EQ(mappings_of_connections(), 0U);
        if (i == 20) {
            base_descriptors = descriptors();
            base_resident = resident_kib();
        }
    }
    EXPECT_EQ(descriptors(), base_descriptors);
    if (!kSanitized) {
        EXPECT_LT(resident_kib(), base_resident + 3000);
    }
    EXPECT_EQ(server.events.down.size(), kKills);
}

TEST(LocalFaults, DeathIsNoticedThoughAForkedChildHoldsTheSocket) {
    Server server;
    int pids[2];
    ASSERT_EQ(::pipe(pids), 0);
    Child client = server.start({.after = [&](Endpoint&, Recorder&, PeerId) {
        const pid_t grandchild = ::fork();
        if (grandchild == 0) return stop_and_stare(*server.listener.endpoint, server.events, {});
        (void)!::write(pids[1], &grandchild, sizeof grandchild);
        return stop_and_stare(*server.listener.endpoint, server.events, {});
    }});
    pid_t grandchild = 0;
    (void)server.wait_for_offer();
    ASSERT_EQ(::read(pids[0], &grandchild, sizeof grandchild), ssize_t{sizeof grandchild});
    client.kill_and_reap();
    EXPECT_TRUE(server.wait_for_down());
    EXPECT_EQ(::kill(grandchild, SIGKILL), 0);  // it was still there
    ::close(pids[0]);
    ::close(pids[1]);
}

// A process that listens and answers every message with itself.
Child echo_server(
    std::uint16_t& port, const std::function<void()>& before = [] {}) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    Child child([&] {
        before();
        Recorder events;
        Listener l = listen_somewhere(events);
        events.reply = [&](PeerId peer, std::span<const std::byte> m) {
            (void)l.endpoint->send(peer, m, {});
        };
        (void)!::write(ends[1], &l.port, sizeof l.port);
        while (true)
            wait_once(*l.endpoint, 1000);
        return 0;
    });
    EXPECT_EQ(::read(ends[0], &port, sizeof port), ssize_t{sizeof port});
    ::close(ends[0]);
    ::close(ends[1]);
    return child;
}
bool echoes(Endpoint& client, Recorder& events, PeerId server) {
    const std::size_t before = events.count;
    return client.send(server, bytes_of("echo"), {}).ok() &&
           wait_until(client, [&] { return events.count > before; });
}

TEST(LocalFaults, AKilledServerIsNoticedByASleepingClient) {
    std::uint16_t port = 0;
    Child server = echo_server(port);
    Recorder events;
    auto client = make_client(events);
    const PeerId peer = *client->connect({"", port}, 5000);
    ASSERT_TRUE(echoes(*client, events, peer));
    const auto start = Clock::now();
    server.kill_and_reap();
    EXPECT_TRUE(wait_until(*client, [&] { return !events.down.empty(); }));
    EXPECT_LT(Clock::now() - start, milliseconds(3000));
    EXPECT_EQ(client->send(peer, {}, {}).err(), ENOTCONN);
    EXPECT_EQ(client->connect({"", port}, 1000).status().err(), ECONNREFUSED);
}

TEST(LocalFaults, AForkedChildDoesNotDisturbItsParentsConnections) {
    std::uint16_t port = 0;
    Child server = echo_server(port);
    Recorder events;
    auto client = make_client(events);
    const PeerId peer = *client->connect({"", port}, 5000);
    Child forgets([&] {
        client->forget_after_fork();
        client.reset();
        // And it may have its own.
        Recorder own_events;
        auto own = make_client(own_events);
        Result<PeerId> own_peer = own->connect({"", port}, 5000);
        return own_peer.ok() && echoes(*own, own_events, *own_peer) ? 0 : 1;
    });
    EXPECT_EQ(forgets.join(), 0);
    ASSERT_TRUE(echoes(*client, events, peer));
    Child destroys([&] {
        client.reset();
        return 0;
    });
    EXPECT_EQ(destroys.join(), 0);
    ASSERT_TRUE(echoes(*client, events, peer));
    EXPECT_TRUE(events.down.empty());
}

TEST(LocalFaults, AListenerCanBeForgottenToo) {
    Server server;
    Child client = server.start({.after = poll_for_ever});
    const Offer offer = server.wait_for_offer();
    Child forgets([&] {
        server.listener.endpoint->forget_after_fork();
        server.listener.endpoint.reset();
        return 0;
    });
    EXPECT_EQ(forgets.join(), 0);
    Completion done;
    EXPECT_EQ(*server.read(offer, done), RmaState::kDone);
    server.listener.endpoint.reset();
    EXPECT_EQ(client.join(), 0);  // the end of the real one is noticed
}

void become_nobody() {
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) ::_exit(99);
    // Else its memory is out of everyone's reach, and not for the reason tested.
    ::prctl(PR_SET_DUMPABLE, 1);
}

TEST(LocalFaults, AnotherUsersMemoryIsReachedThroughSharedMemoryOnly) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    Server server;
    Child client = server.start({.before = become_nobody, .after = poll_for_ever});
    const Offer offer = server.wait_for_offer();
    EXPECT_EQ(server.events.identities[0].uid, kNobody);
    EXPECT_EQ(server.events.identities[0].gid, kNobody);
    EXPECT_FALSE(server.listener.endpoint->moves_alone(server.peer));
    Completion done;
    ASSERT_EQ(*server.read(offer, done), RmaState::kStarted);
    EXPECT_TRUE(wait_until(*server.listener.endpoint, [&] { return done.calls == 1; }));
    EXPECT_TRUE(server.got_all());
}

TEST(LocalFaults, AServerOfAnUnknownUserIsRefusedUnlessNamed) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    std::uint16_t port = 0;
    Child server = echo_server(port, become_nobody);
    Recorder events;
    auto client = make_client(events);
    testing::internal::CaptureStderr();
    EXPECT_EQ(client->connect({"", port}, 5000).status().err(), ECONNREFUSED);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("not trusted"), std::string::npos);
    ::setenv("ORFA_SERVER_UID", "65534", 1);
    Result<PeerId> peer = client->connect({"", port}, 5000);
    ::unsetenv("ORFA_SERVER_UID");
    ASSERT_TRUE(peer.ok());
    EXPECT_TRUE(echoes(*client, events, *peer));
}

TEST(LocalFaults, PermissionLostLaterFallsBackToSharedMemory) {
    // In processes of their own: root's permission is never lost.
    Child all([] {
        if (::geteuid() == 0) become_nobody();
        Server server;
        Child client = server.start({.after = [](Endpoint& e, Recorder& events, PeerId peer) {
            ::prctl(PR_SET_DUMPABLE, 0);
            (void)e.send(peer, bytes_of("undumpable"), {});
            return poll_for_ever(e, events, peer);
        }});
        const Offer offer = server.wait_for_offer();
        if (!server.listener.endpoint->moves_alone(server.peer)) return 77;  // already without
        if (!wait_until(*server.listener.endpoint, [&] { return server.events.count == 2; }))
            return 2;
        Completion done;
        Result<RmaState> state = server.read(offer, done);
        if (!state.ok() || *state != RmaState::kStarted) return 3;
        if (!wait_until(*server.listener.endpoint, [&] { return done.calls == 1; })) return 4;
        if (server.listener.endpoint->moves_alone(server.peer)) return 5;
        return server.got_all() ? 0 : 6;
    });
    const int code = all.join();
    if (code == 77) GTEST_SKIP() << "process_vm_readv is not permitted between ordinary processes";
    EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace orfa::fabric::test
