// SPDX-License-Identifier: MIT
// The door: the stream socket on which a connection starts, and whose hang-up tells of death.
//
// Both sides greet each other with frames: a checked header, then at most kMaxFrame bytes, and over
// a Unix socket a few file descriptors. The one who dials speaks first. A listening door never
// blocks and hands a connection out when its first frame is whole; one that sends anything else, or
// is slower than kHandshakeMs, is closed and logged once. Not thread-safe.
#pragma once

#include "common/status.hpp"
#include "common/unique_fd.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace orfa::fabric {

inline constexpr std::size_t kMaxFrame = 4096;   // bytes after the header
inline constexpr std::size_t kMaxFrameFds = 4;   // descriptors with one frame
inline constexpr int kHandshakeMs = 5000;        // a first frame must be whole by then
inline constexpr std::size_t kMaxHalfOpen = 64;  // connections without a whole first frame

struct Frame {
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;  // CLOEXEC
};

// One end of a connection; owns the socket, which is nonblocking and CLOEXEC.
class DoorSocket {
  public:
    DoorSocket() = default;
    // Takes ownership of a connected stream socket. `peer`: for people.
    DoorSocket(UniqueFd fd, std::string peer) : fd_(std::move(fd)), peer_(std::move(peer)) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] const std::string& peer() const noexcept { return peer_; }

    // Sends one frame without blocking; the descriptors stay the caller's. Frames are few and
    // small, so no room in the socket is an error (EAGAIN). EMSGSIZE; EPIPE or ECONNRESET: gone.
    Status send_frame(std::span<const std::byte> bytes, std::span<const int> fds = {});

    // One frame if it is whole, nothing if not yet. EPROTO: not a frame; ECONNRESET: hung up.
    // Never reads beyond the frame. After an error only destruction makes sense.
    Result<std::optional<Frame>> try_receive_frame();
    // Waits for a frame, at most until `deadline`: ETIMEDOUT. Otherwise as above.
    Result<Frame> receive_frame(std::chrono::steady_clock::time_point deadline);

    // Of a connection on which no frame is expected: ok while the peer holds on; ECONNRESET: hung
    // up; EPROTO: it sent something; otherwise the socket's error. Does not block.
    Status check_silent_peer() const;

    // Who the kernel says is there (Unix sockets only).
    [[nodiscard]] Result<ucred> credentials() const;
    // Its supplementary groups (Unix sockets only).
    [[nodiscard]] Result<std::vector<gid_t>> groups() const;

  private:
    Status receive_some(std::byte* into, std::size_t wanted, std::size_t& have);

    UniqueFd fd_;
    std::string peer_;
    // The frame being received.
    std::byte header_[8];
    std::size_t header_have_ = 0;
    std::size_t body_have_ = 0;
    Frame frame_;
};

// Connects to a listening door, blocking for at most `timeout_ms`. ECONNREFUSED: nobody there;
// ETIMEDOUT; EHOSTUNREACH, ENETUNREACH and such from the network (and for an unknown host name).
Result<DoorSocket> dial_local(std::uint16_t port, int timeout_ms);
// Looking up a host name may exceed the timeout; numeric addresses need no looking up.
Result<DoorSocket> dial_tcp(const std::string& host, std::uint16_t port, int timeout_ms);

// A connection whose first frame has come in.
struct Arrival {
    DoorSocket socket;
    Frame hello;
};

class Door {
  public:
    // A Unix socket in the abstract name space ("orfa/<port>"), seen by all processes of this
    // network name space. EADDRINUSE: another server has this port; EINVAL: port 0.
    static Result<Door> listen_local(std::uint16_t port);
    // TCP. Empty host: all interfaces; port 0: the kernel chooses, see port(). EADDRINUSE,
    // EADDRNOTAVAIL: not an address of this machine.
    static Result<Door> listen_tcp(const std::string& host, std::uint16_t port);

    Door(Door&&) = default;
    Door& operator=(Door&&) = default;
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;
    // Closes the descriptors; connections that were not handed out are hung up.
    ~Door() = default;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    // Readable when poll() has work (also when a slow handshake is to be dropped). An epoll
    // descriptor, may itself be put into another epoll. Valid for the door's life.
    [[nodiscard]] int wait_fd() const noexcept { return epoll_.get(); }
    // Accepts, reads, drops the slow; appends whole arrivals. A few system calls, never blocks.
    void poll(std::vector<Arrival>& arrivals);
    [[nodiscard]] std::size_t half_open() const noexcept { return half_open_.size(); }

  private:
    struct HalfOpen {
        std::uint64_t id;
        DoorSocket socket;
        std::chrono::steady_clock::time_point deadline;
    };
    using HalfOpenList = std::list<HalfOpen>;  // oldest first

    Door() = default;
    Status start(UniqueFd listener, std::uint16_t port, bool tcp);
    void accept_all(std::vector<Arrival>& arrivals);
    void admit(UniqueFd fd, std::string peer, std::vector<Arrival>& arrivals);
    // Reads on; `it` may leave the list.
    void advance(HalfOpenList::iterator it, std::vector<Arrival>& arrivals);
    void drop(HalfOpenList::iterator it, const char* why, bool quiet);
    void drop_slow();
    void set_timer();

    std::uint16_t port_ = 0;
    bool tcp_ = false;
    std::uint64_t next_id_ = 2;  // 0: the listener, 1: the timer
    UniqueFd epoll_, listener_, timer_;
    UniqueFd spare_;  // given up for a moment to refuse a connection when descriptors run out
    HalfOpenList half_open_;
};

}  // namespace orfa::fabric
