// SPDX-License-Identifier: MIT
#include "fabric/door.hpp"

#include "common/log.hpp"
#include "fabric/door_address.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace orfa::fabric {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kListenerId = 0;
constexpr std::uint64_t kTimerId = 1;
constexpr int kBacklog = 1024;
constexpr int kAcceptsPerPoll = 256;

Status watch(int epoll, int fd, std::uint64_t id) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    return Status::from_errno(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno);
}

std::string local_name(int fd) {
    ucred who{};
    socklen_t length = sizeof who;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return "local process";
    return "local pid " + std::to_string(who.pid);
}

std::uint16_t bound_port(int fd) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
    const in_port_t port = address.ss_family == AF_INET6
                               ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                               : reinterpret_cast<const sockaddr_in*>(&address)->sin_port;
    return ntohs(port);
}

}  // namespace

Result<Door> Door::listen_local(std::uint16_t port) {
    if (port == 0) return Status::from_errno(EINVAL);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return Status::from_errno(errno);
    const LocalAddress address(port);
    if (::bind(fd.get(), address.get(), address.length()) != 0) return Status::from_errno(errno);
    Door door;
    ORFA_TRY(door.start(std::move(fd), port, false));
    return door;
}

Result<Door> Door::listen_tcp(const std::string& host, std::uint16_t port) {
    Result<TcpAddresses> addresses = TcpAddresses::look_up(host, port, true);
    if (!addresses.ok()) return addresses.status();
    const addrinfo* a = addresses->first();
    UniqueFd fd(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return Status::from_errno(errno);
    // Lets a restarted server have its port back at once; two listeners still exclude each other.
    const int one = 1;
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (::bind(fd.get(), a->ai_addr, a->ai_addrlen) != 0) return Status::from_errno(errno);
    Door door;
    const std::uint16_t actual = bound_port(fd.get());
    ORFA_TRY(door.start(std::move(fd), actual, true));
    return door;
}

Status Door::start(UniqueFd listener, std::uint16_t port, bool tcp) {
    listener_ = std::move(listener);
    port_ = port;
    tcp_ = tcp;
    if (::listen(listener_.get(), kBacklog) != 0) return Status::from_errno(errno);
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!epoll_ || !timer_) return Status::from_errno(errno);
    ORFA_TRY(watch(epoll_.get(), listener_.get(), kListenerId));
    return watch(epoll_.get(), timer_.get(), kTimerId);
}

void Door::poll(std::vector<Arrival>& arrivals) {
    epoll_event events[kMaxHalfOpen + 2];
    const int n = ::epoll_wait(epoll_.get(), events, std::size(events), 0);
    bool accept_too = false;
    for (int i = 0; i < n; ++i) {
        const std::uint64_t id = events[i].data.u64;
        if (id == kListenerId) {
            accept_too = true;
        } else if (id == kTimerId) {
            std::uint64_t expirations = 0;
            (void)!::read(timer_.get(), &expirations, sizeof expirations);
            drop_slow();
        } else {
            const auto it = std::find_if(half_open_.begin(), half_open_.end(),
                                         [id](const HalfOpen& h) { return h.id == id; });
            if (it != half_open_.end()) advance(it, arrivals);
        }
    }
    if (accept_too) accept_all(arrivals);
}

void Door::accept_all(std::vector<Arrival>& arrivals) {
    for (int i = 0; i < kAcceptsPerPoll; ++i) {
        sockaddr_storage address{};
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        UniqueFd fd(::accept4(listener_.get(), generic, &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (fd) {
            std::string peer = tcp_ ? tcp_name(generic, length) : local_name(fd.get());
            if (tcp_) set_tcp_options(fd.get());
            admit(std::move(fd), std::move(peer), arrivals);
        } else if (errno == EMFILE || errno == ENFILE) {
            // Refuse it, or the listener would stay readable and the loop would spin.
            ORFA_LOG(fabric, warn, "port %u: out of file descriptors, a connection is refused",
                     unsigned{port_});
            spare_.reset();
            UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
            spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                ORFA_LOG(fabric, warn, "port %u: accept: %s", unsigned{port_}, strerror(errno));
            return;
        }
    }
}

void Door::admit(UniqueFd fd, std::string peer, std::vector<Arrival>& arrivals) {
    if (half_open_.size() >= kMaxHalfOpen)
        drop(half_open_.begin(), "too many unfinished handshakes", false);
    const std::uint64_t id = next_id_++;
    if (!watch(epoll_.get(), fd.get(), id).ok()) return;
    half_open_.push_back({id, DoorSocket(std::move(fd), std::move(peer)),
                          Clock::now() + std::chrono::milliseconds(kHandshakeMs)});
    if (half_open_.size() == 1) set_timer();
    advance(std::prev(half_open_.end()), arrivals);
}

void Door::advance(HalfOpenList::iterator it, std::vector<Arrival>& arrivals) {
    Result<std::optional<Frame>> got = it->socket.try_receive_frame();
    if (!got.ok()) {
        const int err = got.status().err();
        drop(it, err == EPROTO ? "it does not speak this protocol" : strerror(err), err != EPROTO);
        return;
    }
    if (!got->has_value()) return;
    // Explicitly: a forked child may hold the socket too, then closing it would not do.
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, it->socket.fd(), nullptr);
    arrivals.push_back({std::move(it->socket), std::move(**got)});
    half_open_.erase(it);
}

void Door::drop(HalfOpenList::iterator it, const char* why, bool quiet) {
    if (quiet)
        ORFA_LOG(fabric, debug, "port %u: closed %s: %s", unsigned{port_},
                 it->socket.peer().c_str(), why);
    else
        ORFA_LOG(fabric, warn, "port %u: closed %s: %s", unsigned{port_}, it->socket.peer().c_str(),
                 why);
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, it->socket.fd(), nullptr);
    half_open_.erase(it);
}

void Door::drop_slow() {
    const auto now = Clock::now();
    while (!half_open_.empty() && half_open_.front().deadline <= now)
        drop(half_open_.begin(), "no greeting in time", false);
    if (!half_open_.empty()) set_timer();
}

// To the deadline of the oldest.
void Door::set_timer() {
    const auto left = half_open_.front().deadline - Clock::now();
    const auto ns = std::max<std::int64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(left).count(), 1);
    itimerspec when{};
    when.it_value.tv_sec = ns / 1'000'000'000;
    when.it_value.tv_nsec = ns % 1'000'000'000;
    (void)::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

}  // namespace orfa::fabric
