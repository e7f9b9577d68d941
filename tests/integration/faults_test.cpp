// SPDX-License-Identifier: MIT
// Death and disturbance: of clients, of servers, in the middle of transfers.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

namespace orfa::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBuffer = 4 << 20;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

class Faults : public ::testing::TestWithParam<const char*> {
  protected:
    SessionPtr session_of(const Cluster& cluster) { return connect(cluster, GetParam()); }
};

// Writes and reads until it is killed; tells by a byte in `started` that it is at it.
int be_a_victim(const Cluster& cluster, const char* transport, int started, unsigned number) {
    const SessionPtr session = connect(cluster, transport);
    if (session == nullptr) return 2;
    const FilePtr file = open(session, "/victim", O_CREAT | O_RDWR, {65536, 2, 0});
    if (file == nullptr) return 3;
    std::vector<std::byte> buffer(kBuffer, std::byte{1});
    [[maybe_unused]] const auto told = ::write(started, "x", 1);
    while (true) {
        const bool done = number % 2 == 0 ? orfa_pwrite(file.get(), buffer.data(), kBuffer, 0) > 0
                                          : orfa_pread(file.get(), buffer.data(), kBuffer, 0) > 0;
        if (!done) return 4;
    }
}

struct Figures {
    std::size_t descriptors;
    std::size_t rss_kib;
    long long memory_used;
};

Figures figures_of(const Cluster& cluster, orfa_session* session, int server) {
    const pid_t pid = cluster.pid(static_cast<std::size_t>(server));
    return {descriptor_count(pid), status_kib(pid, "VmRSS"),
            status_figure(session, server, "memory_used")};
}

TEST_P(Faults, KilledClientsLeaveTheServersAsTheyWere) {
    Cluster cluster({.servers = 2, .memory_limit = "64MiB"});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr session = session_of(cluster);
    ASSERT_NE(session, nullptr) << orfa_error();
    FilePtr file = open(session, "/victim", O_CREAT | O_RDWR, {65536, 2, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    const std::vector<std::byte> content(kBuffer, std::byte{1});
    ASSERT_EQ(orfa_pwrite(file.get(), content.data(), kBuffer, 0), static_cast<ssize_t>(kBuffer));

    std::mt19937 random(1);
    unsigned killed = 0;
    const auto kill_some = [&](unsigned count) {
        for (unsigned last = killed + count; killed < last;) {
            int started[2];
            ASSERT_EQ(pipe(started), 0);
            std::vector<pid_t> victims;
            for (int i = 0; i < 4 && killed < last; ++i, ++killed)
                victims.push_back(fork_child(
                    [&] { return be_a_victim(cluster, GetParam(), started[1], killed); }));
            ::close(started[1]);
            char bytes[4];
            std::size_t ready = 0;
            while (ready < victims.size()) {
                const ssize_t n = ::read(started[0], bytes, sizeof(bytes));
                ASSERT_GT(n, 0) << "a victim could not start";
                ready += static_cast<std::size_t>(n);
            }
            ::close(started[0]);
            std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
            for (const pid_t victim : victims)
                ::kill(victim, SIGKILL);
            for (const pid_t victim : victims)
                EXPECT_EQ(wait_child(victim, 10000), 128 + SIGKILL);
        }
    };
    const auto settled = [&] {
        for (int server = 0; server < 2; ++server)
            if (status_figure(session.get(), server, "sessions") > 2) return false;
        return true;
    };
    kill_some(12);
    ASSERT_TRUE(eventually(10000, settled));
    Figures before[2];
    for (int server = 0; server < 2; ++server)
        before[server] = figures_of(cluster, session.get(), server);

    kill_some(kSlower > 1 ? 28 : 188);
    EXPECT_TRUE(eventually(10000, settled));
    for (int server = 0; server < 2; ++server) {
        const Figures after = figures_of(cluster, session.get(), server);
        EXPECT_LE(after.descriptors, before[server].descriptors + 2);
        EXPECT_EQ(after.memory_used, before[server].memory_used);
        if (kSlower == 1) {
            EXPECT_LE(after.rss_kib, before[server].rss_kib + 16UL * 1024);
        }
    }
    std::vector<std::byte> back(kBuffer);
    EXPECT_EQ(orfa_pread(file.get(), back.data(), kBuffer, 0), static_cast<ssize_t>(kBuffer));
    EXPECT_TRUE(back == content);
    // Nobody else has it open any more: with our handle its memory goes.
    ASSERT_EQ(orfa_unlink(session.get(), "/victim"), 0) << orfa_error();
    file.reset();
    for (int server = 0; server < 2; ++server)
        EXPECT_TRUE(eventually(
            5000, [&] { return status_figure(session.get(), server, "memory_used") == 0; }));
}

TEST_P(Faults, AKilledServerIsNamedAndItsIdleClientToldInTime) {
    Cluster cluster;
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr session = session_of(cluster);
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/idle", O_CREAT | O_RDWR, {4096, 4, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    const std::vector<std::byte> bytes(100'000);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), 100'000) << orfa_error();
    cluster.kill(2, SIGKILL);
    ASSERT_GE(cluster.wait_exit(2, 5000), 0);
    const auto start = Clock::now();
    errno = 0;
    EXPECT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), -1);
    EXPECT_TRUE(errno == ECONNRESET || errno == ECONNREFUSED) << errno;
    EXPECT_NE(std::string(orfa_error()).find(cluster.address(2)), std::string::npos)
        << orfa_error();
    EXPECT_LT(seconds_since(start), 10);
    EXPECT_EQ(orfa_size(file.get()), -1);
    EXPECT_NE(std::string(orfa_error()).find(cluster.address(2)), std::string::npos)
        << orfa_error();
    EXPECT_EQ(orfa_ping(session.get(), 1), 0) << orfa_error();
}

TEST_P(Faults, AServerKilledInTheMiddleOfTransfersIsAnErrorInTime) {
    Cluster cluster;
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr session = session_of(cluster);
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/busy", O_CREAT | O_RDWR, {65536, 4, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    std::vector<std::byte> bytes(kBuffer);
    ASSERT_GT(orfa_pwrite(file.get(), bytes.data(), kBuffer, 0), 0) << orfa_error();
    std::atomic<Clock::rep> killed_at{0};
    std::thread killer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        killed_at.store(Clock::now().time_since_epoch().count());
        ::kill(cluster.pid(3), SIGKILL);
    });
    int error = 0;
    std::string text;
    for (int i = 0; error == 0; ++i) {
        const ssize_t n = i % 2 == 0 ? orfa_pwrite(file.get(), bytes.data(), kBuffer, 0)
                                     : orfa_pread(file.get(), bytes.data(), kBuffer, 0);
        if (n < 0) {
            error = errno;
            text = orfa_error();
        }
    }
    const double took = seconds_since(Clock::time_point(Clock::duration(killed_at.load())));
    killer.join();
    cluster.kill(3, SIGKILL);  // so that its end is expected
    EXPECT_TRUE(error == ECONNRESET || error == ECONNREFUSED) << error;
    EXPECT_NE(text.find(cluster.address(3)), std::string::npos) << text;
    EXPECT_LT(took, 10);
}

TEST_P(Faults, AStoppedServerIsATimeoutAndServesAgainLater) {
    const ScopedEnvironment timeout("ORFA_TIMEOUT_MS", "2000");
    Cluster cluster({.servers = 2});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr session = session_of(cluster);
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/stopped", O_CREAT | O_RDWR, {4096, 2, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    const std::vector<std::byte> bytes(50'000);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), 50'000);
    cluster.kill(1, SIGSTOP);
    const auto start = Clock::now();
    errno = 0;
    EXPECT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), -1);
    EXPECT_EQ(errno, ETIMEDOUT);
    EXPECT_NE(std::string(orfa_error()).find(cluster.address(1)), std::string::npos)
        << orfa_error();
    const double took = seconds_since(start);
    EXPECT_GE(took, 1.5);
    EXPECT_LT(took, 6.0 * kSlower);
    // The next try connects anew, and waits as long at most.
    errno = 0;
    EXPECT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), -1);
    EXPECT_EQ(errno, ETIMEDOUT);
    cluster.kill(1, SIGCONT);
    EXPECT_TRUE(eventually(5000, [&] {
        return orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0) == 50'000;
    })) << orfa_error();
}

TEST_P(Faults, ARestartedServerIsStaleUntilTheClientConnectsAgain) {
    Cluster cluster({.servers = 2});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    SessionPtr session = session_of(cluster);
    ASSERT_NE(session, nullptr) << orfa_error();
    FilePtr file = open(session, "/stale", O_CREAT | O_RDWR, {4096, 2, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    const std::vector<std::byte> bytes(50'000);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), 50'000);
    cluster.kill(1, SIGKILL);
    ASSERT_GE(cluster.wait_exit(1, 5000), 0);
    ASSERT_TRUE(cluster.restart(1)) << cluster.error();
    // The first try may still meet the old connection.
    EXPECT_TRUE(eventually(5000, [&] {
        errno = 0;
        const bool failed = orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0) == -1;
        EXPECT_TRUE(failed);
        return failed && errno == ESTALE;
    })) << orfa_error();
    EXPECT_NE(std::string(orfa_error()).find(cluster.address(1)), std::string::npos)
        << orfa_error();
    EXPECT_EQ(orfa_ping(session.get(), 1), -1);
    EXPECT_EQ(errno, ESTALE);
    EXPECT_EQ(orfa_ping(session.get(), 0), 0) << orfa_error();
    file.reset();
    session = session_of(cluster);
    ASSERT_NE(session, nullptr) << orfa_error();
    EXPECT_EQ(orfa_ping(session.get(), 1), 0) << orfa_error();
    const FilePtr fresh = open(session, "/fresh", O_CREAT | O_RDWR, {4096, 2, 0});
    ASSERT_NE(fresh, nullptr) << orfa_error();
    EXPECT_EQ(orfa_pwrite(fresh.get(), bytes.data(), bytes.size(), 0), 50'000) << orfa_error();
}

TEST_P(Faults, SigtermEndsAServerWithTransfersUnderWay) {
    Cluster cluster({.servers = 2});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr session = session_of(cluster);
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/term", O_CREAT | O_RDWR, {65536, 2, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    std::atomic<bool> failed{false};
    std::atomic<int> rounds{0};
    std::thread writer([&] {
        const std::vector<std::byte> bytes(kBuffer);
        while (orfa_pwrite(file.get(), bytes.data(), kBuffer, 0) > 0)
            rounds.fetch_add(1);
        failed.store(true);
    });
    EXPECT_TRUE(eventually(10000, [&] { return rounds.load() > 3; }));
    const auto start = Clock::now();
    for (std::size_t server = 0; server < 2; ++server)
        ::kill(cluster.pid(server), SIGTERM);
    for (std::size_t server = 0; server < 2; ++server)
        EXPECT_EQ(cluster.wait_exit(server, 6000), 0) << cluster.log(server);
    EXPECT_LT(seconds_since(start), 6.0 * kSlower);
    EXPECT_TRUE(eventually(10000, [&] { return failed.load(); }));
    writer.join();
}

TEST_P(Faults, AFullStoreIsEnospcLosesNothingAndTakesWritesAgainLater) {
    Cluster cluster({.servers = 2, .memory_limit = "16MiB"});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr session = session_of(cluster);
    ASSERT_NE(session, nullptr) << orfa_error();
    constexpr std::size_t kPiece = 1 << 20;
    const orfa_layout layout{65536, 2, 0};
    FilePtr file = open(session, "/full", O_CREAT | O_RDWR, layout);
    ASSERT_NE(file, nullptr) << orfa_error();
    std::uint64_t written = 0;
    while (written <= 64 * kPiece) {
        const auto bytes = pattern(1, written, kPiece);
        errno = 0;
        if (orfa_pwrite(file.get(), bytes.data(), kPiece, written) < 0) break;
        written += kPiece;
    }
    EXPECT_EQ(errno, ENOSPC);
    const std::string text = orfa_error();
    EXPECT_TRUE(text.find(cluster.address(0)) != std::string::npos ||
                text.find(cluster.address(1)) != std::string::npos)
        << text;
    EXPECT_EQ(written, 32 * kPiece) << "the limit is not exact";
    const auto is_whole = [&](std::uint64_t end) {
        for (std::uint64_t at = 0; at < end; at += kPiece) {
            std::vector<std::byte> back(kPiece);
            if (orfa_pread(file.get(), back.data(), kPiece, at) != static_cast<ssize_t>(kPiece) ||
                back != pattern(1, at, kPiece))
                return false;
        }
        return true;
    };
    EXPECT_TRUE(is_whole(written));
    // Rewriting needs no space; small writes of another file find none.
    const auto first = pattern(1, 0, kPiece);
    EXPECT_EQ(orfa_pwrite(file.get(), first.data(), kPiece, 0), static_cast<ssize_t>(kPiece));
    const FilePtr other = open(session, "/other", O_CREAT | O_RDWR, layout);
    errno = 0;
    EXPECT_EQ(orfa_pwrite(other.get(), "x", 1, 0), -1);
    EXPECT_EQ(errno, ENOSPC);
    errno = 0;
    EXPECT_EQ(orfa_allocate(other.get(), 0, kPiece), -1);
    EXPECT_EQ(errno, ENOSPC);
    // Half is given back by a truncation, all by unlinking.
    ASSERT_EQ(orfa_ftruncate(file.get(), 16 * kPiece), 0) << orfa_error();
    EXPECT_EQ(status_figure(session.get(), 0, "memory_used"), 8 << 20);
    EXPECT_EQ(orfa_pwrite(other.get(), first.data(), kPiece, 0), static_cast<ssize_t>(kPiece))
        << orfa_error();
    EXPECT_TRUE(is_whole(16 * kPiece));
    file.reset();
    ASSERT_EQ(orfa_unlink(session.get(), "/full"), 0) << orfa_error();
    // The home server removes the other one's object in its own time.
    for (int server = 0; server < 2; ++server)
        EXPECT_TRUE(eventually(5000, [&] {
            return status_figure(session.get(), server, "memory_used") == 512 << 10;
        }));
    for (std::uint64_t at = 0; at < 31 * kPiece; at += kPiece)
        ASSERT_EQ(orfa_pwrite(other.get(), first.data(), kPiece, at + kPiece),
                  static_cast<ssize_t>(kPiece))
            << orfa_error();
}

INSTANTIATE_TEST_SUITE_P(Ways, Faults, ::testing::Values("local", "ofi"),
                         [](const auto& way) { return std::string(way.param); });

TEST(SecondServer, OnTheSamePortIsRefusedWithAClearMessage) {
    for (const char* transports : {"local", "ofi", "local,ofi"}) {
        Cluster cluster({.servers = 1, .transports = transports});
        ASSERT_TRUE(cluster.ok()) << cluster.error();
        const auto result = run_program(cluster.command(0));
        EXPECT_EQ(result.exit_code, 1) << transports;
        EXPECT_NE(result.output.find("ddress already in use"), std::string::npos) << result.output;
        EXPECT_NE(result.output.find(cluster.address(0)), std::string::npos) << result.output;
        const SessionPtr session =
            connect(cluster, std::string(transports) == "ofi" ? "ofi" : "local");
        ASSERT_NE(session, nullptr) << orfa_error();
        EXPECT_EQ(orfa_ping(session.get(), 0), 0) << orfa_error();
    }
}

}  // namespace
}  // namespace orfa::testing
