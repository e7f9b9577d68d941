// SPDX-License-Identifier: MIT
// The transport over libfabric, for clients and servers on different hosts.
//
// A server's advertised port is a door (a plain TCP socket). There both sides exchange the names of
// their libfabric endpoints; the socket stays open, and its hang-up tells of death within
// milliseconds, which libfabric itself does not. Messages and rma go through libfabric, which
// listens on a port of its own. Clients load libfabric at their first connect(), not before.
#pragma once

#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/door.hpp"
#include "fabric/fabric.hpp"
#include "fabric/ofi_memory.hpp"
#include "fabric/ofi_peer.hpp"
#include "fabric/registration_settings.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace orfa::fabric {

class OfiDomain;
class OfiMessages;
class OfiRma;
class OfiSockets;

struct OfiOptions {
    // Where the door is; none: this endpoint only dials. Empty host: all interfaces; port 0: the
    // kernel chooses, see door_port().
    std::optional<Address> listen;
    // As libfabric names it ("tcp;ofi_rxm", "verbs;ofi_rxm", "cxi"). Empty: ORFA_PROVIDER from the
    // environment, else the best for TCP: "tcp;ofi_rxm" before libfabric 1.18, then "tcp". Both
    // sides of a connection must use the same.
    std::string provider;
    // Receives that are posted; more messages than that wait inside libfabric or at the sender.
    // 0: 256 when listening, else 64.
    std::size_t receives = 0;
    // For tests: ask for what other providers demand.
    bool virtual_addresses = false;
    bool always_register_local = false;
    // None: what the environment says.
    std::optional<RegistrationSettings> registration = {};
};

class OfiEndpoint final : public Endpoint, private OfiPeerWatch {
  public:
    // `events` outlives the endpoint. EADDRINUSE: another process listens on this port; ENOSYS: no
    // libfabric here; ENODATA: it has no such provider (both only when listening).
    static Result<std::unique_ptr<OfiEndpoint>> create(EndpointEvents& events,
                                                       const OfiOptions& options);
    // Completions of rma under way are not told any more. Waits up to 0.2 s for peers to let go of
    // half-done reads.
    ~OfiEndpoint() override;
    OfiEndpoint(const OfiEndpoint&) = delete;
    OfiEndpoint& operator=(const OfiEndpoint&) = delete;

    [[nodiscard]] const char* name() const override { return "ofi"; }
    // Also ENOSYS and ENODATA, as create(); EPROTONOSUPPORT: the server uses another provider or
    // other settings of it (logged). The first call takes 0.3 s more where libfabric is slow to
    // load.
    Result<PeerId> connect(const Address& address, int timeout_ms) override;
    // Its on_peer_down() comes when libfabric has let go of the memory of all rma under way.
    void disconnect(PeerId peer) override;
    Status send(PeerId peer, std::span<const std::byte> head,
                std::span<const std::byte> tail) override;
    // All failures of the other side come as that of the connection: libfabric's tcp hangs up when
    // asked for memory that is not registered. A write that is done has left our memory, and
    // reaches the peer's before any message sent afterwards.
    Result<RmaState> rma_read(PeerId peer, std::span<const LocalSegment> into,
                              std::span<const RemoteSegment> from,
                              RmaCompletion* completion) override;
    Result<RmaState> rma_write(PeerId peer, std::span<const LocalSegment> from,
                               std::span<const RemoteSegment> to,
                               RmaCompletion* completion) override;
    // ENOTCONN: not before the first connect() (or listening). Where registering costs something it
    // is done once and kept, see OfiMemory.
    Result<Registration> register_memory(std::span<std::byte> memory, Access access) override;
    void release_memory(const Registration& registration) override;
    bool copies(PeerId peer, std::span<const LocalSegment> memory, std::uint64_t bytes) override;
    Result<Staged> stage(PeerId peer, std::size_t bytes) override;
    void announce_pool(std::span<std::byte> memory, std::size_t piece) override;
    [[nodiscard]] RegistrationFigures registration_figures() const override;
    std::size_t poll() override;
    bool arm() override;
    void disarm() override { look_at_descriptors_ = true; }
    [[nodiscard]] int wait_fd() const override { return epoll_.get(); }
    [[nodiscard]] std::size_t max_message() const override { return kOfiMaxMessage; }
    [[nodiscard]] std::size_t packs_below() const override;
    [[nodiscard]] bool moves_alone(PeerId /*peer*/) const override { return false; }
    void forget_after_fork() override;

    // Where the door is; 0: not listening.
    [[nodiscard]] std::uint16_t door_port() const {
        return door_ ? door_->port() : std::uint16_t{0};
    }
    // Where libfabric listens, if it uses IP addresses; else 0.
    [[nodiscard]] std::uint16_t libfabric_port() const;
    // Of the provider in use; empty before the first connection.
    [[nodiscard]] const std::string& provider() const;

  private:
    OfiEndpoint(EndpointEvents& events, const OfiOptions& options);
    Status start();
    [[nodiscard]] OfiPeer* find(PeerId id) const;
    Result<OfiPeer*> find_up(PeerId id) const;

    Status watch(int fd, std::uint64_t tag);
    void leak();
    [[nodiscard]] Registration registration_of(OfiMemory::Use& use) const;

    // ofi_connect.cpp
    Status open_domain(const std::string& host);
    Status open_domain_for(const sockaddr_storage& local);
    Result<PeerId> greet(DoorSocket door, std::chrono::steady_clock::time_point deadline);
    Status part_with_former(const std::vector<std::byte>& name,
                            std::chrono::steady_clock::time_point deadline);
    Result<OfiHello> greeting(const sockaddr_storage& local, const OfiPrefix& prefix) const;
    Status check_greeting(const OfiHello& hello, const std::string& peer) const;
    Result<OfiPeer*> add_peer(DoorSocket door, const OfiHello& hello, const OfiPrefix& prefix);
    void admit(Arrival arrival);
    Result<OfiPeer*> welcome(Arrival& arrival, const OfiPrefix& prefix);
    void on_peer_lost(OfiPeer& peer, Status why) override;

    // ofi_progress.cpp
    std::size_t read_completions();
    std::size_t drain_reads();
    void first_contact(OfiPeer& peer);
    void read_error();
    void on_operation_done(OfiContext* context, Status status);
    void on_received(std::span<const std::byte> bytes);
    std::size_t look_at_descriptors();
    std::size_t bury();
    void abort_transfers(OfiPeer& peer, std::uint64_t now);
    void set_timer(std::uint64_t ms);

    // What in epoll_ is ready.
    static constexpr std::uint64_t kDoorTag = 0;
    static constexpr std::uint64_t kCompletionsTag = 1;
    static constexpr std::uint64_t kTimerTag = 2;
    static constexpr std::uint64_t kFirstPeerTag = 3;  // + its id

    EndpointEvents& events_;
    const OfiOptions options_;
    pid_t owner_;  // the process that made it; in another one nothing is closed
    UniqueFd epoll_, timer_;
    std::optional<Door> door_;

    std::uint64_t last_id_ = 0;
    OfiPeers peers_;
    std::vector<OfiPeer*> closing_;
    // Made by open_domain(). The buffers of messages_ and rma_ outlive the domain's endpoint.
    std::unique_ptr<OfiMessages> messages_;
    std::unique_ptr<OfiRma> rma_;
    std::unique_ptr<OfiDomain> domain_;
    std::unique_ptr<OfiMemory> memory_;  // ends before the domain
    std::unique_ptr<OfiSockets> sockets_;
    bool loopback_only_ = false;  // the domain is bound to a loopback address

    bool look_at_descriptors_ = true;
    unsigned polls_ = 0;  // since the descriptors were looked at
    bool stranger_logged_ = false;
    std::vector<Arrival> arrivals_;
};

}  // namespace orfa::fabric
