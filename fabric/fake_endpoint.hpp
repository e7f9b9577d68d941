// SPDX-License-Identifier: MIT
// A transport inside one process, for tests: endpoints joined by a network that loses, delays and
// breaks what it is told to, the same way for the same seed.
//
// There is no clock: time is the number of poll() calls of all endpoints. Used by one thread, a run
// is the same each time; used by several, only safe.
#pragma once

#include "common/mutex.hpp"
#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/fabric.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace orfa::fabric {

class FakeEndpoint;

// What goes wrong between two endpoints; probabilities from 0 to 1. Messages of one peer stay in
// order whatever the delays, those of different peers do not.
struct FakeFaults {
    double drop = 0;                         // a message vanishes, and nobody is told
    unsigned min_delay = 0;                  // steps that a message and an rma take
    unsigned max_delay = 0;                  // at least min_delay
    std::optional<std::uint64_t> cut_after;  // messages, both ways: then the connection breaks
    double rma_failure = 0;                  // an rma ends with EIO, and nothing was moved
    double rma_at_once = 0;                  // an rma is done when it is started
    bool refuse = false;                     // connect() fails with ETIMEDOUT
};

// Thread-safe. Outlives its endpoints.
class FakeNetwork {
  public:
    explicit FakeNetwork(std::uint64_t seed) : seed_(seed) {}
    ~FakeNetwork() = default;
    FakeNetwork(const FakeNetwork&) = delete;
    FakeNetwork& operator=(const FakeNetwork&) = delete;

    // Of all connections made from now on.
    void set_faults(const FakeFaults& faults);
    // Of the connections that exist between these two, and later ones.
    void set_faults(const FakeEndpoint& a, const FakeEndpoint& b, const FakeFaults& faults);
    // As if the process died: its peers are told, it is told nothing any more, its port is free.
    void kill(FakeEndpoint& endpoint);
    // Likewise, at the first poll() of anyone at or after this step.
    void kill_at(FakeEndpoint& endpoint, std::uint64_t step);
    // Breaks the connections between the two; both are told.
    void cut(const FakeEndpoint& a, const FakeEndpoint& b);
    // Polls so far, of all endpoints.
    [[nodiscard]] std::uint64_t step() const;

  private:
    friend class FakeEndpoint;

    struct Side {
        FakeEndpoint* endpoint;
        std::uint64_t peer;          // the id of the connection there
        std::uint64_t last_due = 0;  // of messages to it: they stay in order
    };
    struct Link {
        Side sides[2];
        FakeFaults faults;
        std::uint64_t messages = 0;
    };
    using EndpointPair = std::pair<const FakeEndpoint*, const FakeEndpoint*>;

    std::uint64_t random() ORFA_REQUIRES(mutex_);
    bool chance(double probability) ORFA_REQUIRES(mutex_);
    std::uint64_t delay(const FakeFaults& faults) ORFA_REQUIRES(mutex_);
    void advance() ORFA_REQUIRES(mutex_);
    void break_link(Link& link, Status why) ORFA_REQUIRES(mutex_);
    void kill_now(FakeEndpoint& endpoint) ORFA_REQUIRES(mutex_);
    void forget(FakeEndpoint& endpoint) ORFA_REQUIRES(mutex_);
    const FakeFaults& faults_between(const FakeEndpoint& a, const FakeEndpoint& b)
        ORFA_REQUIRES(mutex_);

    mutable Mutex mutex_;  // also guards the endpoints' members
    std::uint64_t seed_ ORFA_GUARDED_BY(mutex_);
    std::uint64_t step_ ORFA_GUARDED_BY(mutex_) = 0;
    FakeFaults faults_ ORFA_GUARDED_BY(mutex_);
    std::map<EndpointPair, FakeFaults> pair_faults_ ORFA_GUARDED_BY(mutex_);
    std::multimap<std::uint64_t, FakeEndpoint*> kills_ ORFA_GUARDED_BY(mutex_);
    std::map<std::pair<std::string, std::uint16_t>, FakeEndpoint*> listeners_
        ORFA_GUARDED_BY(mutex_);
    std::uint16_t next_port_ ORFA_GUARDED_BY(mutex_) = 1;
    std::uint64_t next_key_ ORFA_GUARDED_BY(mutex_) = 1;
};

class FakeEndpoint final : public Endpoint {
  public:
    // Both outlive the endpoint. `listen`: port 0 means any. EADDRINUSE.
    static Result<std::unique_ptr<FakeEndpoint>> create(FakeNetwork& network,
                                                        EndpointEvents& events,
                                                        std::optional<Address> listen);
    ~FakeEndpoint() override;
    FakeEndpoint(const FakeEndpoint&) = delete;
    FakeEndpoint& operator=(const FakeEndpoint&) = delete;

    [[nodiscard]] const char* name() const override { return "fake"; }
    Result<PeerId> connect(const Address& address, int timeout_ms) override;
    void disconnect(PeerId peer) override;
    Status send(PeerId peer, std::span<const std::byte> head,
                std::span<const std::byte> tail) override;
    // The bytes are moved at the end, just before on_rma_done().
    Result<RmaState> rma_read(PeerId peer, std::span<const LocalSegment> into,
                              std::span<const RemoteSegment> from,
                              RmaCompletion* completion) override;
    Result<RmaState> rma_write(PeerId peer, std::span<const LocalSegment> from,
                               std::span<const RemoteSegment> to,
                               RmaCompletion* completion) override;
    Result<Registration> register_memory(std::span<std::byte> memory, Access access) override;
    void release_memory(const Registration& registration) override;
    std::size_t poll() override;
    bool arm() override;
    void disarm() override {}
    [[nodiscard]] int wait_fd() const override { return bell_.get(); }
    [[nodiscard]] std::size_t max_message() const override { return 4096; }
    [[nodiscard]] std::size_t packs_below() const override { return 1024; }
    [[nodiscard]] bool moves_alone(PeerId /*peer*/) const override { return true; }
    void forget_after_fork() override {}

    [[nodiscard]] const Address& address() const { return address_; }

  private:
    friend class FakeNetwork;

    struct Transfer {
        bool write;
        std::vector<LocalSegment> local;
        std::vector<RemoteSegment> remote;
        RmaCompletion* completion;
        Status fate;  // decided at the start
    };
    struct Event {
        enum class Kind { kUp, kMessage, kDown, kRma } kind;
        std::uint64_t peer;
        std::vector<std::byte> message;
        Status why;
        std::optional<Transfer> transfer;
    };
    struct Memory {
        std::span<std::byte> bytes;
        Access access;
    };

    FakeEndpoint(FakeNetwork& network, EndpointEvents& events)
        : network_(network), events_(events) {}
    // All with the network's mutex held, but start() and handle_one().
    void post(std::uint64_t due, Event event);
    FakeNetwork::Link* link_of(PeerId peer);
    Result<RmaState> start(PeerId peer, Transfer transfer);
    // EFAULT: not registered there, or not for this.
    Status move(const Transfer& transfer, const FakeEndpoint& owner, bool only_check);
    bool handle_one();
    void lose_messages(std::uint64_t peer, std::uint64_t now);

    FakeNetwork& network_;
    EndpointEvents& events_;
    Address address_;
    UniqueFd bell_;  // an eventfd, readable while waiting_ is not empty
    // Guarded by the network's mutex, since the endpoints reach into each other.
    bool dead_ = false;
    std::uint64_t last_peer_ = 0;
    std::unordered_map<std::uint64_t, std::shared_ptr<FakeNetwork::Link>> links_;
    std::multimap<std::uint64_t, Event> waiting_;       // by step
    std::unordered_map<std::uint64_t, Memory> memory_;  // by key
};

}  // namespace orfa::fabric
