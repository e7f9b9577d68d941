// SPDX-License-Identifier: MIT
// Byte-range locks and shared numbers, between handles, sessions and processes, and when one of
// them dies.
#include "protocol/lock_messages.hpp"
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "rpc/mesh.hpp"

namespace orfa::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kShared = 0;
constexpr int kExclusive = 1;
constexpr int kLong = 30000 * kSlower;  // ms: what must not be reached

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

class Locks : public ::testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        ASSERT_TRUE(cluster_.ok()) << cluster_.error();
        session_ = connect(cluster_, GetParam());
        ASSERT_NE(session_, nullptr) << orfa_error();
        // Folders are spread over the servers: a file whose home is not the first one.
        struct stat about {};
        for (int i = 0; home_ != 1 && i < 64; ++i) {
            path_ = "/d" + std::to_string(i);
            ASSERT_EQ(orfa_mkdir(session_.get(), path_.c_str(), 0777), 0) << orfa_error();
            ASSERT_EQ(orfa_stat(session_.get(), path_.c_str(), &about), 0) << orfa_error();
            home_ = static_cast<int>(about.st_ino >> 48);
        }
        ASSERT_EQ(home_, 1);
        path_ += "/file";
        file_ = open(session_, path_);
        ASSERT_NE(file_, nullptr) << orfa_error();
    }
    [[nodiscard]] long long figure(const char* name) const {
        return status_figure(session_.get(), home_, name);
    }
    [[nodiscard]] bool all_free() const {
        return eventually(10000, [&] { return figure("locks") == 0; });
    }

    Cluster cluster_{{.servers = 2, .memory_limit = "64MiB"}};
    SessionPtr session_;
    std::string path_;
    int home_ = 0;
    FilePtr file_;
};

TEST_P(Locks, HandlesOfOneSessionKeepEachOtherOut) {
    const FilePtr other = open(session_, path_);
    ASSERT_NE(other, nullptr) << orfa_error();
    ASSERT_EQ(orfa_lock(file_.get(), 100, 50, kExclusive, 0), 0) << orfa_error();
    EXPECT_EQ(orfa_lock(other.get(), 149, 1, kShared, 0), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(orfa_lock(file_.get(), 0, 0, kShared, 0), -1) << "its own lock is in the way, too";
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(orfa_lock(other.get(), 150, 0, kExclusive, 0), 0) << orfa_error();
    EXPECT_EQ(orfa_lock(other.get(), 0, 100, kExclusive, 0), 0) << orfa_error();
    EXPECT_EQ(orfa_unlock(other.get(), 100, 50), -1) << "not its own";
    EXPECT_EQ(errno, ENOLCK);
    EXPECT_EQ(orfa_unlock(file_.get(), 100, 49), -1) << "not this range";
    EXPECT_EQ(errno, ENOLCK);
    EXPECT_EQ(orfa_unlock(file_.get(), 100, 50), 0) << orfa_error();
    EXPECT_EQ(orfa_lock(other.get(), 149, 1, kShared, 0), 0) << orfa_error();
    EXPECT_EQ(orfa_lock(file_.get(), 100, 50, kShared, 0), 0) << orfa_error();
    EXPECT_EQ(figure("locks"), 4);
    EXPECT_EQ(orfa_lock(file_.get(), UINT64_MAX, 2, kShared, 0), -1);
    EXPECT_EQ(errno, EINVAL);
}

TEST_P(Locks, EndWithTheirHandle) {
    FilePtr other = open(session_, path_);
    ASSERT_NE(other, nullptr) << orfa_error();
    ASSERT_EQ(orfa_lock(other.get(), 0, 10, kExclusive, 0), 0) << orfa_error();
    ASSERT_EQ(orfa_lock(other.get(), 20, 10, kShared, 0), 0) << orfa_error();
    other.reset();
    EXPECT_EQ(figure("locks"), 0);
    EXPECT_EQ(orfa_lock(file_.get(), 0, 0, kExclusive, 0), 0) << orfa_error();
}

TEST_P(Locks, NeedTheRightToReadOrWrite) {
    const FilePtr reader = open(session_, path_, O_RDONLY);
    const FilePtr writer = open(session_, path_, O_WRONLY);
    EXPECT_EQ(orfa_lock(reader.get(), 0, 1, kExclusive, 0), -1);
    EXPECT_EQ(errno, EBADF);
    EXPECT_EQ(orfa_lock(writer.get(), 0, 1, kShared, 0), -1);
    EXPECT_EQ(errno, EBADF);
    EXPECT_EQ(orfa_lock(reader.get(), 0, 1, kShared, 0), 0) << orfa_error();
    EXPECT_EQ(orfa_lock(writer.get(), 1, 1, kExclusive, 0), 0) << orfa_error();
}

TEST_P(Locks, AWaitEndsWithItsTimeAndLeavesNoPlaceInTheQueue) {
    const FilePtr other = open(session_, path_);
    ASSERT_EQ(orfa_lock(file_.get(), 0, 10, kShared, 0), 0) << orfa_error();
    const auto start = Clock::now();
    EXPECT_EQ(orfa_lock(other.get(), 5, 10, kExclusive, 300), -1);
    EXPECT_EQ(errno, ETIMEDOUT);
    EXPECT_NE(std::string(orfa_error()).find("not free within 300 ms"), std::string::npos);
    EXPECT_GE(seconds_since(start), 0.3);
    EXPECT_LT(seconds_since(start), 1.8 * kSlower) << "the server's patience was waited for";
    EXPECT_EQ(figure("locks"), 1);
    EXPECT_EQ(orfa_lock(other.get(), 5, 10, kShared, 0), 0) << "behind a writer that is gone";
}

TEST_P(Locks, AWaitMayLastLongerThanAServerMayBeSilent) {
    const ScopedEnvironment impatient("ORFA_TIMEOUT_MS", "1000");
    const SessionPtr session = connect(cluster_, GetParam());
    const FilePtr other = open(session, path_);
    ASSERT_NE(other, nullptr) << orfa_error();
    ASSERT_EQ(orfa_lock(file_.get(), 0, 10, kExclusive, 0), 0) << orfa_error();
    std::thread holder([&] {
        std::this_thread::sleep_for(std::chrono::seconds(5));
        EXPECT_EQ(orfa_unlock(file_.get(), 0, 10), 0) << orfa_error();
    });
    const auto start = Clock::now();
    EXPECT_EQ(orfa_lock(other.get(), 0, 0, kExclusive, -1), 0) << orfa_error();
    EXPECT_GE(seconds_since(start), 4.5);
    holder.join();
}

// Each waiter asks when the one before it stands in the queue.
TEST_P(Locks, AreGivenInTheOrderTheyWereAskedFor) {
    constexpr int kWaiters = 40;  // more than may wait at the server at once
    ASSERT_EQ(orfa_lock(file_.get(), 0, 0, kExclusive, 0), 0) << orfa_error();
    std::vector<int> order;  // changed under the lock alone
    std::vector<std::thread> waiters;
    for (int i = 0; i < kWaiters; ++i) {
        waiters.emplace_back([&, i] {
            const FilePtr mine = open(session_, path_);
            ASSERT_EQ(orfa_lock(mine.get(), 10, 10, kExclusive, kLong), 0) << orfa_error();
            order.push_back(i);
            ASSERT_EQ(orfa_unlock(mine.get(), 10, 10), 0) << orfa_error();
        });
        ASSERT_TRUE(eventually(10000, [&] { return figure("locks_waiting") == i + 1; }));
    }
    ASSERT_EQ(orfa_unlock(file_.get(), 0, 0), 0) << orfa_error();
    for (auto& waiter : waiters)
        waiter.join();
    ASSERT_EQ(order.size(), static_cast<std::size_t>(kWaiters));
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_TRUE(all_free());
}

// More threads than the session has credits, and each counts in the file itself.
TEST_P(Locks, HundredThreadsOfASessionCountWithoutLosingOne) {
    constexpr int kThreads = 100;
    constexpr int kRounds = 5;
    std::uint64_t number = 0;
    ASSERT_EQ(orfa_pwrite(file_.get(), &number, sizeof(number), 0), 8);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < kRounds; ++round) {
                std::uint64_t seen = 0;
                ASSERT_EQ(orfa_lock(file_.get(), 0, 8, kExclusive, kLong), 0) << orfa_error();
                ASSERT_EQ(orfa_pread(file_.get(), &seen, sizeof(seen), 0), 8);
                ++seen;
                ASSERT_EQ(orfa_pwrite(file_.get(), &seen, sizeof(seen), 0), 8);
                ASSERT_EQ(orfa_unlock(file_.get(), 0, 8), 0) << orfa_error();
            }
        });
    for (auto& thread : threads)
        thread.join();
    ASSERT_EQ(orfa_pread(file_.get(), &number, sizeof(number), 0), 8);
    EXPECT_EQ(number, static_cast<std::uint64_t>(kThreads * kRounds));
    EXPECT_TRUE(all_free());
}

// The request that waits must not be in the way of the requests after it.
TEST_P(Locks, AWaitDoesNotHoldUpOtherRequestsOfItsSession) {
    constexpr int kRequests = 2000;
    const FilePtr other = open(session_, path_);
    ASSERT_EQ(orfa_lock(other.get(), 0, 1, kExclusive, 0), 0) << orfa_error();
    std::thread waiter(
        [&] { EXPECT_EQ(orfa_lock(file_.get(), 0, 1, kExclusive, kLong), 0) << orfa_error(); });
    ASSERT_TRUE(eventually(10000, [&] { return figure("locks_waiting") == 1; }));
    const auto start = Clock::now();
    for (int i = 0; i < kRequests; ++i)
        ASSERT_EQ(orfa_ping(session_.get(), home_), 0) << orfa_error();
    EXPECT_LT(seconds_since(start), 1.5 * kSlower);
    EXPECT_EQ(orfa_unlock(other.get(), 0, 1), 0) << orfa_error();
    waiter.join();
}

TEST_P(Locks, AKilledHolderAndAKilledWaiterAreInNobodysWay) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const auto victim = [&](std::uint64_t offset, int timeout_ms) {
        return fork_child([&, offset, timeout_ms] {
            const SessionPtr session = connect(cluster_, GetParam());
            const FilePtr mine = open(session, path_);
            const int locked = orfa_lock(mine.get(), offset, 100, kExclusive, timeout_ms);
            [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
            while (locked == 0)
                pause();
            return 1;
        });
    };
    const pid_t holder = victim(0, 0);
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    const pid_t waiter = victim(50, kLong);
    ASSERT_TRUE(eventually(10000, [&] { return figure("locks_waiting") == 1; }));
    std::thread killer([&] {
        ASSERT_TRUE(eventually(10000, [&] { return figure("locks_waiting") == 2; }));
        ::kill(waiter, SIGKILL);
        EXPECT_EQ(wait_child(waiter, 10000), 128 + SIGKILL);
        ::kill(holder, SIGKILL);
        EXPECT_EQ(wait_child(holder, 10000), 128 + SIGKILL);
    });
    const auto start = Clock::now();
    EXPECT_EQ(orfa_lock(file_.get(), 0, 0, kExclusive, kLong), 0) << orfa_error();
    EXPECT_LT(seconds_since(start), 10.0 * kSlower);
    killer.join();
    EXPECT_EQ(figure("locks"), 1);
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_P(Locks, ASessionHasABoundedNumber) {
    constexpr std::uint64_t kMost = 4096;
    for (std::uint64_t i = 0; i < kMost; ++i)
        ASSERT_EQ(orfa_lock(file_.get(), i, 1, kExclusive, 0), 0) << orfa_error();
    EXPECT_EQ(orfa_lock(file_.get(), kMost, 1, kExclusive, -1), -1);
    EXPECT_EQ(errno, ENOLCK);
    const SessionPtr other = connect(cluster_, GetParam());
    const FilePtr theirs = open(other, path_);
    EXPECT_EQ(orfa_lock(theirs.get(), kMost, 1, kExclusive, 0), 0) << orfa_error();
    file_.reset();
    EXPECT_EQ(figure("locks"), 1);
}

TEST_P(Locks, AWaitEndsWhenItsServerDies) {
    ASSERT_EQ(orfa_lock(file_.get(), 0, 1, kExclusive, 0), 0) << orfa_error();
    std::thread killer([&] {
        ASSERT_TRUE(eventually(10000, [&] { return figure("locks_waiting") == 1; }));
        cluster_.kill(static_cast<std::size_t>(home_), SIGKILL);
    });
    const FilePtr other = open(session_, path_);
    const auto start = Clock::now();
    EXPECT_EQ(orfa_lock(other.get(), 0, 1, kExclusive, -1), -1);
    EXPECT_EQ(errno, ECONNRESET);
    EXPECT_LT(seconds_since(start), 10.0 * kSlower);
    killer.join();
    EXPECT_EQ(orfa_unlock(file_.get(), 0, 1), -1);
    EXPECT_EQ(errno, ECONNREFUSED);
}

TEST_P(Locks, AServerThatStopsDoesNotStayForThoseWhoWait) {
    ASSERT_EQ(orfa_lock(file_.get(), 0, 1, kExclusive, 0), 0) << orfa_error();
    std::thread waiter([&] {
        const FilePtr other = open(session_, path_);
        EXPECT_EQ(orfa_lock(other.get(), 0, 1, kExclusive, -1), -1);
    });
    ASSERT_TRUE(eventually(10000, [&] { return figure("locks_waiting") == 1; }));
    const auto home = static_cast<std::size_t>(home_);
    ASSERT_EQ(::kill(cluster_.pid(home), SIGTERM), 0);
    EXPECT_EQ(cluster_.wait_exit(home, 5000), 0);
    waiter.join();
}

// Not what orfa.h sends: bodies of a wrong length, unknown words, rights nobody gave.
TEST_P(Locks, MalformedAndForgedRequestsAreRefused) {
    // On a connection of its own, which the server may end.
    const auto ask = [&](protocol::Op op, std::span<const std::byte> body) {
        rpc::MeshOptions options;
        options.servers = *rpc::parse_servers(cluster_.servers());
        options.connector.transport = *rpc::parse_transport(GetParam());
        rpc::Mesh mesh(std::move(options));
        std::vector<std::byte> reply;
        return mesh.call(static_cast<std::uint32_t>(home_), op, body, reply).err();
    };
    protocol::LockRequest lock{};
    lock.mode = protocol::LockMode::kShared;
    EXPECT_EQ(ask(protocol::Op::kLock, rpc::as_body(lock)), EBADF);
    EXPECT_EQ(ask(protocol::Op::kUnlock, rpc::as_body(protocol::UnlockRequest{})), EBADF);
    EXPECT_EQ(ask(protocol::Op::kCounter, rpc::as_body(protocol::CounterRequest{})), EBADF);
    EXPECT_EQ(ask(protocol::Op::kLock, rpc::as_body(lock).first(55)), EPROTO);
    EXPECT_EQ(ask(protocol::Op::kUnlock, rpc::as_body(lock)), EPROTO);
    EXPECT_EQ(ask(protocol::Op::kCounter, {}), EPROTO);
    lock.mode = protocol::LockMode{3};
    EXPECT_EQ(ask(protocol::Op::kLock, rpc::as_body(lock)), EPROTO);
    lock.mode = protocol::LockMode::kShared;
    lock.flags = 2;
    EXPECT_EQ(ask(protocol::Op::kLock, rpc::as_body(lock)), EPROTO);
    EXPECT_EQ(figure("locks"), 0);
}

// A session that adds to a number, or sets it, keeps it alive.
TEST_P(Locks, SharedNumbersCountOnAndGoWithTheirUsers) {
    constexpr unsigned kProcesses = 4;
    constexpr int kEach = 250;
    char id[ORFA_COUNTER_ID_SIZE] = "a shared number";
    std::int64_t before = -1;
    ASSERT_EQ(orfa_counter_add(file_.get(), id, 1000, &before), 0) << orfa_error();
    EXPECT_EQ(before, 0);
    const int result = run_processes(kProcesses, 30000, [&](unsigned, Barrier&) {
        const SessionPtr session = connect(cluster_, GetParam());
        const FilePtr mine = open(session, path_);
        std::int64_t last = -1;
        for (int i = 0; i < kEach; ++i) {
            std::int64_t seen = -1;
            if (orfa_counter_add(mine.get(), id, 3, &seen) != 0) return 1;
            if (seen <= last || seen % 3 != 1) return 2;  // 1000 % 3 is 1
            last = seen;
        }
        raise(SIGKILL);
        return 3;
    });
    EXPECT_EQ(result, 128 + SIGKILL);
    ASSERT_EQ(orfa_counter_get(file_.get(), id, &before), 0) << orfa_error();
    // run_processes() kills the others when the first has ended.
    EXPECT_GE(before, 1000 + 3 * kEach);
    EXPECT_LE(before, 1000 + 3 * kEach * static_cast<int>(kProcesses));
    ASSERT_EQ(orfa_counter_set(file_.get(), id, -5, nullptr), 0) << orfa_error();
    ASSERT_EQ(orfa_counter_add(file_.get(), id, INT64_MIN, &before), -1);
    EXPECT_EQ(errno, EOVERFLOW);
    ASSERT_EQ(orfa_counter_get(file_.get(), id, &before), 0) << orfa_error();
    EXPECT_EQ(before, -5);
    EXPECT_TRUE(eventually(10000, [&] { return figure("sessions") == 2; }));  // ours, the other
    EXPECT_EQ(figure("counters"), 1);
    ASSERT_EQ(orfa_counter_drop(file_.get(), id), 0) << orfa_error();
    EXPECT_EQ(figure("counters"), 0);
    ASSERT_EQ(orfa_counter_get(file_.get(), id, &before), 0) << orfa_error();
    EXPECT_EQ(before, 0);
}

TEST_P(Locks, NumbersOfADeadProcessAreForgotten) {
    const pid_t child = fork_child([&] {
        const SessionPtr session = connect(cluster_, GetParam());
        const FilePtr mine = open(session, path_);
        for (char i = 0; i < 10; ++i) {
            const char id[ORFA_COUNTER_ID_SIZE] = {i};
            if (orfa_counter_set(mine.get(), id, 7, nullptr) != 0) return 1;
        }
        raise(SIGKILL);
        return 2;
    });
    EXPECT_EQ(wait_child(child, 10000), 128 + SIGKILL);
    EXPECT_TRUE(eventually(10000, [&] { return figure("counters") == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Ways, Locks, ::testing::Values("local", "ofi"),
                         [](const auto& way) { return std::string(way.param); });

}  // namespace
}  // namespace orfa::testing
