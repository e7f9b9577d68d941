// SPDX-License-Identifier: MIT
// Moving bytes between processes: the one interface of all transports.
//
// Implementations: LocalEndpoint (same host), OfiEndpoint (libfabric), FakeEndpoint (tests).
// A connection starts at a "door": a stream socket (Unix or TCP) on which both sides say who they
// are. It stays open: its hang-up is how either side learns of the other's death. Messages and
// remote memory access (rma) go another way, which the transport chooses.
#pragma once

#include "common/status.hpp"

#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace orfa::fabric {

// One connection of an endpoint. Ids start at 1 and are never used again in its life.
enum class PeerId : std::uint64_t { kNone = 0 };

// Who is at the other end, as far as the transport can tell.
struct PeerIdentity {
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    std::vector<gid_t> groups;  // supplementary; only where trusted
    pid_t pid = 0;              // 0: not on this host
    bool trusted = false;       // the kernel vouches for uid, gid and groups (SO_PEERCRED)
    std::string address;        // for people: "local pid 4711" or "192.0.2.1:40312"
};

// Memory of this process.
struct LocalSegment {
    std::byte* data;
    std::size_t length;  // bytes
};

// Memory of a peer, as it crosses the wire.
struct RemoteSegment {
    std::uint64_t addr;    // as the owner's transport wants it (virtual address or offset)
    std::uint64_t key;     // of its registration; not looked at where the kernel checks the right
                           // to touch the owner's memory (process_vm_*)
    std::uint64_t length;  // bytes
};

enum class Access : std::uint8_t { kRemoteRead = 1, kRemoteWrite = 2, kBoth = 3 };

// Memory that peers may use until it is released: where to find it.
struct Registration {
    std::uint64_t addr = 0;  // of the first byte; add an offset for later ones
    std::uint64_t key = 0;
    void* handle = nullptr;  // the transport's own, for release_memory()
};

// What an endpoint has done to let its peers, or its own hardware, at memory. All zero but the
// first where registering costs nothing.
struct RegistrationFigures {
    std::uint64_t registered = 0;    // registrations made with the transport
    std::uint64_t hits = 0;          // found in the registration cache
    std::uint64_t misses = 0;        // not found there
    std::uint64_t evicted = 0;       // given up there for others
    std::uint64_t invalidated = 0;   // or because their memory had changed
    std::uint64_t bytes = 0;         // kept registered now
    std::uint64_t bytes_staged = 0;  // copied through registered buffers instead
    std::uint64_t checked = 0;       // uses looked at for being stale (ORFA_REGISTRATION_PRICE)
};

// What a dialer says of the memory that the listener exposes to it; in memory of both. Zero at
// first.
struct ExposedUse {
    // The part that the dialer is about to read or write, or is at: its number + 1; 0: none.
    std::atomic<std::uint64_t> part;
    std::atomic<std::uint64_t> bytes_read;  // there, so far
    std::atomic<std::uint64_t> bytes_written;
};
struct ExposedMemory {
    std::span<std::byte> memory;  // empty: none
    ExposedUse* use = nullptr;
};
// Of all peers of a listener, also of those that have gone.
struct ExposedFigures {
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_written = 0;
};

// Told the end of an rma that was not done at once. Owned by the caller, alive until on_rma_done().
class RmaCompletion {
  public:
    // Runs inside Endpoint::poll(), or CopyCrew::reap() or work() of an endpoint that has a crew.
    virtual void on_rma_done(Status status) = 0;

  protected:
    ~RmaCompletion() = default;
};

enum class RmaState : std::uint8_t { kDone, kStarted };

// What an endpoint reports; every call comes from inside Endpoint::poll() (or connect()), on the
// thread that called it. A callback may call any method of the endpoint but poll() and connect().
class EndpointEvents {
  public:
    // A peer has come in through the door (listening endpoints only).
    virtual void on_peer_up(PeerId peer, const PeerIdentity& identity) = 0;
    // A whole message; `message` is valid until the call returns.
    virtual void on_message(PeerId peer, std::span<const std::byte> message) = 0;
    // The last event of a peer. Its rma that were under way have been reported before.
    virtual void on_peer_down(PeerId peer, Status why) = 0;

  protected:
    ~EndpointEvents() = default;
};

// Where a listening endpoint is reached, and where connect() goes.
struct Address {
    std::string host;
    std::uint16_t port = 0;
};

// Not thread-safe: callers hold one lock around all calls (a server's shard owns its endpoints and
// needs none). Only blocking on the descriptor that wait_fd() gave needs no lock. Destruction
// closes all connections.
class Endpoint {
  public:
    virtual ~Endpoint() = default;
    Endpoint() = default;
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;

    // "local", "ofi" or "fake".
    [[nodiscard]] virtual const char* name() const = 0;

    // Connects to a listening endpoint; blocks at most `timeout_ms`. ECONNREFUSED: nobody there;
    // ETIMEDOUT; EPROTO: something else is there; EHOSTUNREACH: this transport can't reach the
    // host.
    virtual Result<PeerId> connect(const Address& address, int timeout_ms) = 0;

    // Drops a connection at once; on_peer_down() is reported at the next poll().
    virtual void disconnect(PeerId peer) = 0;

    // Sends head + tail as one message of at most max_message() bytes. Copies both; when the
    // transport has no room it keeps the copy and sends it from poll() (bounded by the credits of
    // the protocol). In order per peer. ENOTCONN: the peer is down; EMSGSIZE.
    virtual Status send(PeerId peer, std::span<const std::byte> head,
                        std::span<const std::byte> tail) = 0;

    // Copies from the peer's memory to ours, or from ours to the peer's. The bytes of both lists in
    // order are the same bytes; both sums must be equal (EINVAL). The lists are borrowed until the
    // call returns, the memory until the end. kDone: finished, `completion` is not used.
    // kStarted: `completion` will be told. EFAULT: not the peer's registered memory.
    virtual Result<RmaState> rma_read(PeerId peer, std::span<const LocalSegment> into,
                                      std::span<const RemoteSegment> from,
                                      RmaCompletion* completion) = 0;
    virtual Result<RmaState> rma_write(PeerId peer, std::span<const LocalSegment> from,
                                       std::span<const RemoteSegment> to,
                                       RmaCompletion* completion) = 0;

    // Lets peers use this memory. The caller keeps it mapped until release_memory().
    virtual Result<Registration> register_memory(std::span<std::byte> memory, Access access) = 0;
    virtual void release_memory(const Registration& registration) = 0;

    // True: `bytes` that this peer moves to or from some of this memory are better copied through
    // stage() than registered. The answer is counted: whoever is told true is expected to try.
    virtual bool copies(PeerId /*peer*/, std::span<const LocalSegment> /*memory*/,
                        std::uint64_t /*bytes*/) {
        return false;
    }
    // Memory of the endpoint's that the peer may use already, until it is given back by
    // release_memory(); registration.addr belongs to its first byte. ENOTSUP, ENOMEM: none.
    struct Staged {
        std::span<std::byte> memory;
        Registration registration;
    };
    virtual Result<Staged> stage(PeerId /*peer*/, std::size_t /*bytes*/) {
        return Status::from_errno(ENOTSUP);
    }
    // Memory that will be used for many rma and lives as long as the endpoint: to be registered
    // once, in pieces of `piece` bytes (whole pages).
    virtual void announce_pool(std::span<std::byte> /*memory*/, std::size_t /*piece*/) {}
    [[nodiscard]] virtual RegistrationFigures registration_figures() const { return {}; }

    // For listening endpoints, before they are polled: peers of this host and user may map `fd`,
    // all `bytes` of it, to read and write there at will. Borrowed for the endpoint's life.
    virtual void expose(int /*fd*/, std::size_t /*bytes*/) {}
    // For the dialing side: what the listener exposes, mapped. Valid until the next poll().
    [[nodiscard]] virtual ExposedMemory exposed(PeerId /*peer*/) const { return {}; }
    // For listening endpoints: appends the parts that peers use now.
    virtual void exposed_parts_in_use(std::vector<std::uint64_t>& /*out*/) const {}
    [[nodiscard]] virtual ExposedFigures exposed_figures() const { return {}; }

    // Handles what has happened, without blocking; returns the number of events.
    virtual std::size_t poll() = 0;
    // Whether poll() has not looked for peers' deaths for some milliseconds. Cheap.
    [[nodiscard]] virtual bool is_due() const { return false; }

    // Whether the thread that polls this endpoint has so much to do that clients had better not run
    // on its processor. At first it has not.
    virtual void set_busy(bool /*busy*/) {}
    // For a thread that waits for the peer it has last sent to: if that peer's thread is on this
    // host and busy, and ran on the processor that the caller runs on, the caller is moved to
    // another one that it may run on (see leave_processor()). Cheap where nothing is to be done.
    virtual void make_way() {}

    // Before blocking: arms wait_fd(). False when something is there already: poll() again.
    virtual bool arm() = 0;
    // After blocking, or instead of it.
    virtual void disarm() = 0;
    // Readable when poll() has work, once armed. Valid for the endpoint's life.
    [[nodiscard]] virtual int wait_fd() const = 0;

    // Largest message, bytes. At least 4096.
    [[nodiscard]] virtual std::size_t max_message() const = 0;
    // Pieces of memory smaller than this (bytes, on average) are better packed into one by the
    // client than moved by a vectored rma.
    [[nodiscard]] virtual std::size_t packs_below() const = 0;
    // False: rma with this peer needs the peer to poll() (so a computing client needs a thread).
    [[nodiscard]] virtual bool moves_alone(PeerId peer) const = 0;
    // How often processors copy a byte of an rma with this memory of the peer, on both sides
    // together; what a network does is not counted.
    [[nodiscard]] virtual unsigned copies_with(PeerId /*peer*/,
                                               const RemoteSegment& /*memory*/) const {
        return 0;
    }

    // In the child of a fork: forgets everything without telling peers; only destruction is allowed
    // afterwards, and does nothing to the parent's connections.
    virtual void forget_after_fork() = 0;
};

}  // namespace orfa::fabric
