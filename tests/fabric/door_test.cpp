// SPDX-License-Identifier: MIT
#include "fabric/door.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace orfa::fabric {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}
std::string text_of(const Frame& frame) {
    return {reinterpret_cast<const char*>(frame.bytes.data()), frame.bytes.size()};
}
Clock::time_point soon() {
    return Clock::now() + milliseconds(5000);
}

// The same tests for both kinds of door.
class DoorKinds : public testing::TestWithParam<bool> {
  protected:
    static bool tcp() { return GetParam(); }
    static Result<Door> listen(std::uint16_t port) {
        return tcp() ? Door::listen_tcp("127.0.0.1", port) : Door::listen_local(port);
    }
    static Result<DoorSocket> dial(std::uint16_t port) {
        return tcp() ? dial_tcp("127.0.0.1", port, 2000) : dial_local(port, 2000);
    }
    static Door open() {
        if (tcp()) return std::move(*listen(0));
        for (unsigned i = 0;; ++i) {
            const auto port =
                static_cast<std::uint16_t>(10000 + (unsigned(::getpid()) + i) % 50000);
            Result<Door> door = listen(port);
            if (door.ok()) return std::move(*door);
        }
    }
    // Polls until something has come or `ms` passed.
    static std::vector<Arrival> wait(Door& door, int ms = 3000) {
        std::vector<Arrival> arrivals;
        const auto end = Clock::now() + milliseconds(ms);
        while (arrivals.empty() && Clock::now() < end) {
            pollfd p{door.wait_fd(), POLLIN, 0};
            (void)::poll(&p, 1, 20);
            door.poll(arrivals);
        }
        return arrivals;
    }
    static void send_raw(const DoorSocket& socket, const std::string& text) {
        ASSERT_EQ(::send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    // Was the connection closed by the other side?
    static bool closed(DoorSocket& socket) {
        const Status status = socket.receive_frame(soon()).status();
        return status.err() == ECONNRESET;
    }
};
INSTANTIATE_TEST_SUITE_P(Local, DoorKinds, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Tcp, DoorKinds, testing::Values(true));

TEST_P(DoorKinds, GreetingsGoBothWays) {
    Door door = open();
    DoorSocket dialed = std::move(*dial(door.port()));
    ASSERT_TRUE(dialed.send_frame(bytes_of("hello")).ok());
    std::vector<Arrival> arrivals = wait(door);
    ASSERT_EQ(arrivals.size(), 1U);
    EXPECT_EQ(text_of(arrivals[0].hello), "hello");
    EXPECT_EQ(door.half_open(), 0U);
    ASSERT_TRUE(arrivals[0].socket.send_frame({}).ok());
    ASSERT_TRUE(arrivals[0].socket.send_frame(bytes_of(std::string(kMaxFrame, 'x'))).ok());
    EXPECT_EQ(text_of(*dialed.receive_frame(soon())), "");
    EXPECT_EQ(text_of(*dialed.receive_frame(soon())), std::string(kMaxFrame, 'x'));
    EXPECT_EQ(dialed.send_frame(bytes_of(std::string(kMaxFrame + 1, 'x'))).err(), EMSGSIZE);
}

TEST_P(DoorKinds, AFrameMayComeByteByByte) {
    Door door = open();
    DoorSocket dialed = std::move(*dial(door.port()));
    const std::string frame = std::string("ORFA\1\0\3\0abc", 11);
    for (const char c : frame) {
        EXPECT_TRUE(wait(door, 1).empty());
        send_raw(dialed, std::string(1, c));
    }
    std::vector<Arrival> arrivals = wait(door);
    ASSERT_EQ(arrivals.size(), 1U);
    EXPECT_EQ(text_of(arrivals[0].hello), "abc");
}

TEST_P(DoorKinds, BytesAfterTheFrameAreLeftForTheNext) {
    Door door = open();
    DoorSocket dialed = std::move(*dial(door.port()));
    send_raw(dialed, std::string("ORFA\1\0\1\0aORFA\1\0\1\0b", 18));
    std::vector<Arrival> arrivals = wait(door);
    ASSERT_EQ(arrivals.size(), 1U);
    EXPECT_EQ(arrivals[0].socket.check_silent_peer().err(), EPROTO);
    EXPECT_EQ(text_of(*arrivals[0].socket.receive_frame(soon())), "b");
    EXPECT_TRUE(arrivals[0].socket.check_silent_peer().ok());
}

TEST_P(DoorKinds, GarbageIsClosedAtOnceAndLoggedOnce) {
    Door door = open();
    const std::string garbage[] = {
        "GET / HTTP/1.1\r\n\r\n",          // another protocol
        "X",                               // one byte says it
        std::string("ORFA\2\0\0\0", 8),    // another version
        std::string("ORFA\1\0\1\x10", 8),  // longer than allowed
        std::string(100'000, '\xff').substr(0, 60000),
    };
    for (const std::string& bytes : garbage) {
        testing::internal::CaptureStderr();
        DoorSocket dialed = std::move(*dial(door.port()));
        send_raw(dialed, bytes);
        EXPECT_TRUE(wait(door, 50).empty());
        EXPECT_EQ(door.half_open(), 0U);
        EXPECT_TRUE(closed(dialed));
        const std::string log = testing::internal::GetCapturedStderr();
        EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
        EXPECT_NE(log.find("does not speak"), std::string::npos) << log;
    }
    DoorSocket good = std::move(*dial(door.port()));
    ASSERT_TRUE(good.send_frame(bytes_of("ok")).ok());
    EXPECT_EQ(wait(door).size(), 1U);
}

TEST_P(DoorKinds, WhoDialsAndLeavesIsNoNews) {
    Door door = open();
    testing::internal::CaptureStderr();
    for (int i = 0; i < 10; ++i)
        (void)*dial(door.port());
    EXPECT_TRUE(wait(door, 50).empty());
    EXPECT_EQ(door.half_open(), 0U);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_P(DoorKinds, ASlowGreetingIsClosedWithoutAnyoneElseCalling) {
    Door door = open();
    testing::internal::CaptureStderr();
    DoorSocket slow = std::move(*dial(door.port()));
    send_raw(slow, "ORF");
    const auto start = Clock::now();
    while (Clock::now() - start < milliseconds(kHandshakeMs + 3000)) {
        std::vector<Arrival> arrivals;
        door.poll(arrivals);
        if (door.half_open() == 0 && Clock::now() - start > milliseconds(1000)) break;
        pollfd p{door.wait_fd(), POLLIN, 0};
        (void)::poll(&p, 1, 10'000);
    }
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_GE(Clock::now() - start, milliseconds(kHandshakeMs - 100));
    EXPECT_EQ(door.half_open(), 0U);
    EXPECT_TRUE(closed(slow));
    EXPECT_NE(log.find("no greeting in time"), std::string::npos) << log;
}

TEST_P(DoorKinds, UnfinishedGreetingsAreBoundedTheOldestGoes) {
    Door door = open();
    testing::internal::CaptureStderr();
    std::vector<DoorSocket> dialed;
    for (std::size_t i = 0; i < kMaxHalfOpen + 10; ++i) {
        dialed.push_back(std::move(*dial(door.port())));
        (void)wait(door, 1);
    }
    EXPECT_TRUE(wait(door, 50).empty());
    EXPECT_EQ(door.half_open(), kMaxHalfOpen);
    EXPECT_TRUE(closed(dialed[0]));
    EXPECT_TRUE(closed(dialed[9]));
    ASSERT_TRUE(dialed[10].send_frame(bytes_of("still in time")).ok());
    EXPECT_EQ(wait(door).size(), 1U);
    (void)testing::internal::GetCapturedStderr();
}

TEST_P(DoorKinds, ASecondListenerIsEaddrinuseUntilTheFirstIsGone) {
    Door first = open();
    const std::uint16_t port = first.port();
    EXPECT_NE(port, 0);
    EXPECT_EQ(listen(port).status().err(), EADDRINUSE);
    {
        // A connection that was open doesn't keep the port from the next server.
        DoorSocket dialed = std::move(*dial(port));
        ASSERT_TRUE(dialed.send_frame(bytes_of("x")).ok());
        std::vector<Arrival> arrivals = wait(first);
        const Door gone = std::move(first);
    }
    EXPECT_TRUE(listen(port).ok());
}

TEST_P(DoorKinds, NobodyThereIsEconnrefused) {
    std::uint16_t port = 0;
    {
        const Door door = open();
        port = door.port();
    }
    EXPECT_EQ(dial(port).status().err(), ECONNREFUSED);
}

TEST_P(DoorKinds, HangingUpIsNoticed) {
    Door door = open();
    DoorSocket dialed = std::move(*dial(door.port()));
    ASSERT_TRUE(dialed.send_frame(bytes_of("x")).ok());
    std::vector<Arrival> arrivals = wait(door);
    ASSERT_EQ(arrivals.size(), 1U);
    EXPECT_TRUE(arrivals[0].socket.check_silent_peer().ok());
    dialed = DoorSocket();
    pollfd p{arrivals[0].socket.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&p, 1, 3000), 1);
    EXPECT_EQ(arrivals[0].socket.check_silent_peer().err(), ECONNRESET);
    EXPECT_EQ(arrivals[0].socket.receive_frame(soon()).status().err(), ECONNRESET);
}

TEST_P(DoorKinds, SilenceIsATimeout) {
    Door door = open();
    DoorSocket dialed = std::move(*dial(door.port()));
    EXPECT_EQ(dialed.receive_frame(Clock::now() + milliseconds(30)).status().err(), ETIMEDOUT);
    EXPECT_FALSE(dialed.try_receive_frame()->has_value());
}

TEST_P(DoorKinds, DescriptorsAreNotInheritedByPrograms) {
    Door door = open();
    DoorSocket dialed = std::move(*dial(door.port()));
    ASSERT_TRUE(dialed.send_frame(bytes_of("x")).ok());
    std::vector<Arrival> arrivals = wait(door);
    for (const int fd : {door.wait_fd(), dialed.fd(), arrivals.at(0).socket.fd()})
        EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_P(DoorKinds, RunningOutOfDescriptorsRefusesAndDoesNotSpin) {
    Door door = open();
    DoorSocket dialed = std::move(*dial(door.port()));
    testing::internal::CaptureStderr();
    const int next = ::dup(0);
    ::close(next);
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
    const rlimit tight{static_cast<rlim_t>(next), old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    std::vector<Arrival> arrivals;
    door.poll(arrivals);
    pollfd p{door.wait_fd(), POLLIN, 0};
    const int still_readable = ::poll(&p, 1, 0);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
    (void)testing::internal::GetCapturedStderr();
    EXPECT_EQ(still_readable, 0);
    EXPECT_TRUE(closed(dialed));
    DoorSocket again = std::move(*dial(door.port()));
    ASSERT_TRUE(again.send_frame(bytes_of("x")).ok());
    EXPECT_EQ(wait(door).size(), 1U);
}

TEST(DoorLocal, DescriptorsTravelWithAFrameAndTheKernelNamesThePeer) {
    std::optional<Door> door;
    for (unsigned i = 0; !door; ++i) {
        auto made = Door::listen_local(static_cast<std::uint16_t>(9000 + i));
        if (made.ok()) door = std::move(*made);
    }
    DoorSocket dialed = std::move(*dial_local(door->port(), 1000));
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ASSERT_TRUE(dialed.send_frame(bytes_of("two"), ends).ok());
    std::vector<Arrival> arrivals;
    door->poll(arrivals);
    ASSERT_EQ(arrivals.size(), 1U);
    ASSERT_EQ(arrivals[0].hello.fds.size(), 2U);
    EXPECT_EQ(::write(arrivals[0].hello.fds[1].get(), "x", 1), 1);
    char c = 0;
    EXPECT_EQ(::read(ends[0], &c, 1), 1);
    EXPECT_EQ(::fcntl(arrivals[0].hello.fds[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    const ucred who = *arrivals[0].socket.credentials();
    EXPECT_EQ(who.uid, ::geteuid());
    EXPECT_EQ(who.pid, ::getpid());
    std::vector<gid_t> groups(static_cast<std::size_t>(::getgroups(0, nullptr)));
    (void)::getgroups(static_cast<int>(groups.size()), groups.data());
    EXPECT_EQ(*arrivals[0].socket.groups(), groups);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(DoorLocal, PortZeroIsEinval) {
    EXPECT_EQ(Door::listen_local(0).status().err(), EINVAL);
}

TEST(DoorTcp, AnAddressOfAnotherHostCannotBeListenedOn) {
    EXPECT_EQ(Door::listen_tcp("192.0.2.1", 0).status().err(), EADDRNOTAVAIL);
    EXPECT_EQ(Door::listen_tcp("no.such.host.invalid", 0).status().err() == 0, false);
}

TEST(DoorTcp, ASilentNetworkIsATimeout) {
    const auto start = Clock::now();
    const int err = dial_tcp("192.0.2.1", 7000, 100).status().err();
    EXPECT_TRUE(err == ETIMEDOUT || err == ENETUNREACH || err == EHOSTUNREACH || err == EACCES ||
                err == ECONNREFUSED)
        << err;
    EXPECT_LT(Clock::now() - start, milliseconds(2000));
}

TEST(DoorTcp, BothEndsWatchForTheDeathOfTheOtherHost) {
    Door door = std::move(*Door::listen_tcp("", 0));
    DoorSocket dialed = std::move(*dial_tcp("localhost", door.port(), 1000));
    ASSERT_TRUE(dialed.send_frame(bytes_of("x")).ok());
    std::vector<Arrival> arrivals;
    for (int i = 0; i < 100 && arrivals.empty(); ++i) {
        pollfd p{door.wait_fd(), POLLIN, 0};
        (void)::poll(&p, 1, 20);
        door.poll(arrivals);
    }
    ASSERT_EQ(arrivals.size(), 1U);
    for (const int fd : {dialed.fd(), arrivals[0].socket.fd()}) {
        int value = 0;
        socklen_t length = sizeof value;
        ASSERT_EQ(::getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &length), 0);
        EXPECT_EQ(value, 1);
        ASSERT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length), 0);
        EXPECT_EQ(value, 1);
        ASSERT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &length), 0);
        EXPECT_GT(value, 0);
    }
}

}  // namespace
}  // namespace orfa::fabric
