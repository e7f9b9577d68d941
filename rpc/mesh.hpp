// SPDX-License-Identifier: MIT
// Requests to the servers of a cluster: connections, HELLO, matching replies, credits, time-outs,
// and the rule by which waiting threads drive the transports. Used by the client core, and by
// servers to call each other.
//
// Whoever waits does the work: one waiting thread at a time polls the endpoints for all of them
// (leader), the others sleep until their reply came or the leader leaves. A thread of the mesh's
// own runs only while requests are outstanding that nobody waits for and that would stand still
// without the client (hold_progress()).
#pragma once

#include "common/mutex.hpp"
#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/fabric.hpp"
#include "protocol/messages.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rpc/connector.hpp"

namespace orfa::rpc {

class Channel;

// One request under way. The caller owns it and keeps it alive until on_reply() has run.
class Call {
  public:
    // The end of the request: the server's answer, or why there is none (ECONNRESET, ETIMEDOUT).
    // `body` is the reply's, valid until the return. Runs with the mesh locked, on whatever
    // thread drives it; must not wait, and must not call the mesh but for start().
    virtual void on_reply(Status status, std::span<const std::byte> body) = 0;

  protected:
    ~Call() = default;
};

struct MeshOptions {
    std::vector<fabric::Address> servers;  // in cluster order
    ConnectorOptions connector;            // transport, provider
    protocol::PeerKind kind = protocol::PeerKind::kClient;
    std::uint64_t cluster_secret = 0;  // servers only
    int timeout_ms = 30000;  // a server that is silent for so long while it owes a reply is dead
};

// Where to reach a server's memory transfers; valid while the server stays connected.
struct Route {
    fabric::Endpoint* endpoint;
    fabric::PeerId peer;
};

// Thread-safe. No lock is held while on_reply() of another mesh runs.
class Mesh {
  public:
    using Clock = std::chrono::steady_clock;

    // So many milliseconds from now; timeout_ms < 0: never.
    static Clock::time_point deadline_after(int timeout_ms) {
        if (timeout_ms < 0) return Clock::time_point::max();
        return Clock::now() + std::chrono::milliseconds(timeout_ms);
    }

    explicit Mesh(MeshOptions options);
    // No request may be under way.
    ~Mesh();
    Mesh(const Mesh&) = delete;
    Mesh& operator=(const Mesh&) = delete;

    [[nodiscard]] std::uint32_t server_count() const {
        return static_cast<std::uint32_t>(options_.servers.size());
    }
    [[nodiscard]] const fabric::Address& address(std::uint32_t server) const {
        return options_.servers[server];
    }

    // Makes sure that a server is connected; blocks until it is or can't be. ECONNREFUSED,
    // ETIMEDOUT, EPROTO, EHOSTUNREACH.
    Status connect(std::uint32_t server);
    [[nodiscard]] bool is_connected(std::uint32_t server);
    // What the server said of itself. Connects when needed.
    Result<protocol::HelloReply> greeting(std::uint32_t server);

    // Sends one request and waits for its reply, whose body replaces `reply`. The server's errno,
    // or ECONNREFUSED, ECONNRESET, ETIMEDOUT, EMSGSIZE.
    Status call(std::uint32_t server, protocol::Op op, std::span<const std::byte> body,
                std::vector<std::byte>& reply);

    // Sends a request of two parts (copied) and returns at once; `call` hears of the end, unless
    // start() itself fails, which it does only when the server isn't connected (ENOTCONN: use
    // connect()) or the message is too long (EMSGSIZE). Needs the lock.
    Status start(std::uint32_t server, protocol::Op op, std::span<const std::byte> head,
                 std::span<const std::byte> tail, Call& call) ORFA_REQUIRES(mutex_);
    // The server's transport, for registering memory. ENOTCONN. Needs the lock.
    Result<Route> route(std::uint32_t server) ORFA_REQUIRES(mutex_);

    // For callers that use a route's memory without sending anything: takes notice, every few
    // milliseconds, of servers that have gone. Needs the lock.
    void notice() ORFA_REQUIRES(mutex_);

    // The mesh's lock, for start(), route() and a caller's state that on_reply() changes.
    Mutex& mutex() ORFA_TSA(lock_returned(mutex_)) { return mutex_; }

    // Drives the mesh until done() (called with the lock held) is true: true; or until `deadline`:
    // false. Requests themselves always end, within the time-out of a silent server.
    template <typename Done>
    bool wait(Done done, Clock::time_point deadline = Clock::time_point::max()) {
        const MutexLock lock(mutex_);
        return wait_locked(done, deadline);
    }
    // The same for a caller that holds the lock; others may take it meanwhile.
    template <typename Done>
    bool wait_locked(Done done, Clock::time_point deadline = Clock::time_point::max())
        ORFA_REQUIRES(mutex_) {
        while (!done()) {
            if (!drive_once(deadline)) return done();
        }
        return true;
    }

    // Handles what has arrived, without blocking. Returns the number of events.
    std::size_t poll();

    // While held at least once, the mesh's own thread drives it, for requests nobody waits for.
    // hold_progress() needs the lock, release_progress() takes it.
    void hold_progress() ORFA_REQUIRES(mutex_);
    void release_progress();

    // Number of requests sent so far, and of servers connected by (local, ofi).
    [[nodiscard]] std::uint64_t requests_sent();
    void connections(std::uint64_t (&by_transport)[2]);
    // Of the network endpoint; the same-host one registers nothing that costs.
    fabric::RegistrationFigures registration_figures();

    // In the child of a fork, before any other use: forgets the parent's connections and requests.
    // Servers are connected anew when they are next needed.
    void forget_after_fork();

  private:
    friend class Channel;
    // The events of one of the two endpoints.
    class Events final : public fabric::EndpointEvents {
      public:
        void on_peer_up(fabric::PeerId, const fabric::PeerIdentity&) override {}
        void on_message(fabric::PeerId peer, std::span<const std::byte> message) override;
        void on_peer_down(fabric::PeerId peer, Status why) override;
        void attach(fabric::PeerId peer, Channel* channel);
        void detach(fabric::PeerId peer);
        void clear() { channels_.clear(); }

      private:
        [[nodiscard]] Channel* find(fabric::PeerId peer) const;
        std::vector<std::pair<fabric::PeerId, Channel*>> channels_;  // a handful
    };

    void setup();
    // One round of driving (as leader) or sleeping (as follower). False: the deadline has passed.
    // Called and returns with the lock held; releases it in between.
    bool drive_once(Clock::time_point deadline) ORFA_REQUIRES(mutex_);
    void lead(Clock::time_point deadline) ORFA_REQUIRES(mutex_);
    void block(Clock::time_point deadline) ORFA_REQUIRES(mutex_);
    void sleep_until(Clock::time_point deadline) ORFA_REQUIRES(mutex_);
    void wake() ORFA_REQUIRES(mutex_);
    std::size_t poll_locked() ORFA_REQUIRES(mutex_);
    void check_silence() ORFA_REQUIRES(mutex_);
    Status connect_locked(std::uint32_t server) ORFA_REQUIRES(mutex_);
    void progress_thread();

    const MeshOptions options_;
    Mutex mutex_;  // protects all below
    Events local_events_;
    Events ofi_events_;
    std::unique_ptr<Connector> connector_;
    std::vector<std::unique_ptr<Channel>> channels_;
    std::uint64_t session_id_[2] = {};
    std::vector<std::uint64_t> epochs_;  // by server: of the one this mesh began with; 0: none yet
    std::uint64_t requests_sent_ = 0;
    std::uint32_t polls_ = 0;  // since the last look at the clock
    bool leader_ = false;      // a thread is polling or blocked in the endpoints
    bool blocked_ = false;     // that thread is blocked; wake() ends it
    UniqueFd wake_;            // eventfd
    unsigned followers_ = 0;   // threads asleep in changed_
    std::condition_variable_any changed_;
    unsigned holds_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

// Copies a wire struct's bytes: mesh.call(server, op, as_body(request), reply).
template <protocol::Wire T>
std::span<const std::byte> as_body(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

}  // namespace orfa::rpc
