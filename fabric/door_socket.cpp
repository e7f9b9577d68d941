// SPDX-License-Identifier: MIT
#include "fabric/door.hpp"
#include "fabric/door_address.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace orfa::fabric {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kFrameMagic = 0x4146524f;  // "ORFA"
constexpr std::uint16_t kFrameVersion = 1;

struct FrameHeader {
    std::uint32_t magic;
    std::uint16_t version;
    std::uint16_t length;  // bytes that follow
};
static_assert(sizeof(FrameHeader) == 8);

int remaining_ms(Clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 1'000'000'000));
}

// True when `events` came up before the deadline.
Result<bool> wait_for(int fd, short events, Clock::time_point deadline) {
    while (true) {
        const bool late = Clock::now() >= deadline;
        pollfd p{fd, events, 0};
        const int n = ::poll(&p, 1, late ? 0 : remaining_ms(deadline));
        if (n > 0) return true;
        if (n < 0 && errno != EINTR) return Status::from_errno(errno);
        if (late) return false;
    }
}

// Takes the descriptors out of a received message. False: they were too many.
bool take_fds(msghdr& message, std::vector<UniqueFd>& into) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
            into.emplace_back(fd);
        }
    }
    return (message.msg_flags & MSG_CTRUNC) == 0 && into.size() <= kMaxFrameFds;
}

// Finishes a nonblocking connect().
Status finish_connect(int fd, Clock::time_point deadline) {
    Result<bool> ready = wait_for(fd, POLLOUT, deadline);
    if (!ready.ok()) return ready.status();
    if (!*ready) return Status::from_errno(ETIMEDOUT);
    int err = 0;
    socklen_t length = sizeof err;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length) != 0) err = errno;
    return Status::from_errno(err);
}

}  // namespace

Status DoorSocket::send_frame(std::span<const std::byte> bytes, std::span<const int> fds) {
    if (bytes.size() > kMaxFrame || fds.size() > kMaxFrameFds) return Status::from_errno(EMSGSIZE);
    const FrameHeader header{kFrameMagic, kFrameVersion, static_cast<std::uint16_t>(bytes.size())};
    std::byte buffer[sizeof header + kMaxFrame];
    std::memcpy(buffer, &header, sizeof header);
    if (!bytes.empty()) std::memcpy(buffer + sizeof header, bytes.data(), bytes.size());

    iovec piece{buffer, sizeof header + bytes.size()};
    alignas(cmsghdr) std::byte control[CMSG_SPACE(kMaxFrameFds * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
    }
    ssize_t n = 0;
    do {
        n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return Status::from_errno(errno);
    return Status::from_errno(static_cast<std::size_t>(n) == piece.iov_len ? 0 : EAGAIN);
}

// Reads until `wanted` bytes are there or no more have come. ECONNRESET: end of the stream.
Status DoorSocket::receive_some(std::byte* into, std::size_t wanted, std::size_t& have) {
    while (have < wanted) {
        iovec piece{into + have, wanted - have};
        alignas(cmsghdr) std::byte control[CMSG_SPACE(kMaxFrameFds * sizeof(int))];
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t n = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
        if (n < 0) return Status::from_errno(errno);
        if (!take_fds(message, frame_.fds)) return Status::from_errno(EPROTO);
        if (n == 0) return Status::from_errno(ECONNRESET);
        have += static_cast<std::size_t>(n);
    }
    return {};
}

Result<std::optional<Frame>> DoorSocket::try_receive_frame() {
    FrameHeader header;
    static_assert(sizeof header_ == sizeof header);
    const bool had_header = header_have_ == sizeof header;
    if (!had_header) {
        ORFA_TRY(receive_some(header_, sizeof header_, header_have_));
        // Garbage is known by its first bytes, also when fewer than a header's come.
        const std::size_t magic_bytes = std::min(header_have_, sizeof kFrameMagic);
        if (std::memcmp(header_, &kFrameMagic, magic_bytes) != 0) return Status::from_errno(EPROTO);
        if (header_have_ < sizeof header) return std::optional<Frame>();
    }
    std::memcpy(&header, header_, sizeof header);
    if (header.version != kFrameVersion || header.length > kMaxFrame)
        return Status::from_errno(EPROTO);
    if (!had_header) frame_.bytes.resize(header.length);
    ORFA_TRY(receive_some(frame_.bytes.data(), header.length, body_have_));
    if (body_have_ < header.length) return std::optional<Frame>();
    header_have_ = body_have_ = 0;
    return std::optional<Frame>(std::exchange(frame_, Frame()));
}

Result<Frame> DoorSocket::receive_frame(Clock::time_point deadline) {
    while (true) {
        Result<std::optional<Frame>> got = try_receive_frame();
        if (!got.ok()) return got.status();
        if (got->has_value()) return std::move(**got);
        Result<bool> ready = wait_for(fd_.get(), POLLIN, deadline);
        if (!ready.ok()) return ready.status();
        if (!*ready) return Status::from_errno(ETIMEDOUT);
    }
}

Status DoorSocket::check_silent_peer() const {
    char byte = 0;
    ssize_t n = 0;
    do {
        n = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n == 0) return Status::from_errno(ECONNRESET);
    if (n > 0) return Status::from_errno(EPROTO);
    return Status::from_errno(errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno);
}

Result<ucred> DoorSocket::credentials() const {
    ucred who{};
    socklen_t length = sizeof who;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
        return Status::from_errno(errno);
    return who;
}

Result<std::vector<gid_t>> DoorSocket::groups() const {
    std::vector<gid_t> list(64);
    while (true) {
        auto length = static_cast<socklen_t>(list.size() * sizeof(gid_t));
        const int rc = ::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERGROUPS, list.data(), &length);
        if (rc != 0 && errno != ERANGE) return Status::from_errno(errno);
        list.resize(length / sizeof(gid_t));
        if (rc == 0) return list;
    }
}

Result<DoorSocket> dial_local(std::uint16_t port, int timeout_ms) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    const LocalAddress address(port);
    while (true) {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd) return Status::from_errno(errno);
        if (::connect(fd.get(), address.get(), address.length()) == 0)
            return DoorSocket(std::move(fd), "local port " + std::to_string(port));
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return Status::from_errno(errno);
        // The listener's queue is full.
        if (Clock::now() >= deadline) return Status::from_errno(ETIMEDOUT);
        ::usleep(1000);
    }
}

Result<DoorSocket> dial_tcp(const std::string& host, std::uint16_t port, int timeout_ms) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    Result<TcpAddresses> addresses = TcpAddresses::look_up(host, port, false);
    if (!addresses.ok()) return addresses.status();
    Status last = Status::from_errno(EHOSTUNREACH);
    for (const addrinfo* a = addresses->first(); a != nullptr; a = a->ai_next) {
        UniqueFd fd(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd) {
            last = Status::from_errno(errno);
            continue;
        }
        set_tcp_options(fd.get());
        if (::connect(fd.get(), a->ai_addr, a->ai_addrlen) != 0) {
            last = errno == EINPROGRESS || errno == EINTR ? finish_connect(fd.get(), deadline)
                                                          : Status::from_errno(errno);
            if (!last.ok()) continue;
        }
        std::string name = tcp_name(a->ai_addr, a->ai_addrlen);
        return DoorSocket(std::move(fd), std::move(name));
    }
    return last;
}

}  // namespace orfa::fabric
