// SPDX-License-Identifier: MIT
// The transport between processes of one host: a shared-memory ring each way for messages, and
// memory moved by the listening side (the server) with process_vm_*, in one copy and without the
// client's help. Where that isn't permitted, through shared memory and with it (bounce.hpp).
//
// process_vm_* is used only between processes of the same user: a privileged server would get past
// the kernel's check that keeps a client from having another program's memory written.
#pragma once

#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/bounce.hpp"
#include "fabric/copy_crew.hpp"
#include "fabric/door.hpp"
#include "fabric/fabric.hpp"
#include "fabric/guarded_mapping.hpp"
#include "fabric/local_peer.hpp"
#include "fabric/registrations.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace orfa::fabric {

struct LocalOptions {
    std::optional<std::uint16_t> listen_port;  // none: this endpoint only dials
    LocalGeometry geometry;                    // of the connections that come in
    std::size_t stage_max = SIZE_MAX;  // bytes; what is larger, or than a stage, is not staged
    bool allow_process_vm = true;      // ORFA_PROCESS_VM=0 in the environment overrides
    CopyCrew* crew = nullptr;  // makes the larger copies; outlives the endpoint. None: made at once
};

class LocalEndpoint final : public Endpoint, private CopyJob::Owner {
  public:
    // `events` outlives the endpoint. EADDRINUSE: another process listens on this port; EINVAL: bad
    // geometry or port 0; EMFILE.
    static Result<std::unique_ptr<LocalEndpoint>> create(EndpointEvents& events,
                                                         const LocalOptions& options);
    ~LocalEndpoint() override;
    LocalEndpoint(const LocalEndpoint&) = delete;
    LocalEndpoint& operator=(const LocalEndpoint&) = delete;

    [[nodiscard]] const char* name() const override { return "local"; }
    // Refuses (ECONNREFUSED) a server that runs as neither this user, nor root, nor the user whose
    // number ORFA_SERVER_UID gives. EHOSTUNREACH: the host isn't this one.
    Result<PeerId> connect(const Address& address, int timeout_ms) override;
    void disconnect(PeerId peer) override;
    Status send(PeerId peer, std::span<const std::byte> head,
                std::span<const std::byte> tail) override;
    // From the listening side only; EOPNOTSUPP on the other.
    Result<RmaState> rma_read(PeerId peer, std::span<const LocalSegment> into,
                              std::span<const RemoteSegment> from,
                              RmaCompletion* completion) override;
    Result<RmaState> rma_write(PeerId peer, std::span<const LocalSegment> from,
                               std::span<const RemoteSegment> to,
                               RmaCompletion* completion) override;
    Result<Registration> register_memory(std::span<std::byte> memory, Access access) override;
    void release_memory(const Registration& registration) override;
    bool copies(PeerId peer, std::span<const LocalSegment> memory, std::uint64_t bytes) override;
    Result<Staged> stage(PeerId peer, std::size_t bytes) override;
    void expose(int fd, std::size_t bytes) override;
    [[nodiscard]] ExposedMemory exposed(PeerId peer) const override;
    void exposed_parts_in_use(std::vector<std::uint64_t>& out) const override;
    [[nodiscard]] ExposedFigures exposed_figures() const override;
    std::size_t poll() override;
    [[nodiscard]] bool is_due() const override { return coarse_now() != last_look_; }
    void set_busy(bool busy) override { busy_ = busy; }
    // ORFA_MAKE_WAY=0 in the environment: nothing happens.
    void make_way() override;
    bool arm() override;
    void disarm() override;
    [[nodiscard]] int wait_fd() const override { return epoll_.get(); }
    [[nodiscard]] std::size_t max_message() const override { return geometry_.max_message; }
    [[nodiscard]] std::size_t packs_below() const override;
    [[nodiscard]] bool moves_alone(PeerId peer) const override;
    [[nodiscard]] unsigned copies_with(PeerId peer, const RemoteSegment& memory) const override;
    void forget_after_fork() override;

  private:
    struct Peer {
        Peer(PeerId peer_id, LocalConnection peer_connection, pid_t peer_pid, bool vm, bool trust)
            : id(peer_id),
              connection(std::move(peer_connection)),
              pid(peer_pid),
              process_vm(vm),
              trusted(trust) {}

        PeerId id;
        LocalConnection connection;
        pid_t pid;
        bool process_vm;  // moves memory with it
        bool trusted;     // could read our memory anyway: its messages needn't be copied first
        std::size_t position = 0;  // in scan_
        std::uint32_t idle_scans = 0;
        bool down = false;
        std::size_t copies = 0;                   // the crew has of it
        std::unique_ptr<BounceTransfers> bounce;  // made when first needed
        GuardedMapping exposed;                   // what the listener exposes to us
    };

    LocalEndpoint(EndpointEvents& events, const LocalOptions& options);
    Status start(const LocalOptions& options);

    [[nodiscard]] Peer* find(PeerId id) const;
    Result<Peer*> add_peer(LocalConnection connection, pid_t pid, bool process_vm, bool trusted);
    // Marks it; bury() reports it and frees it.
    void take_down(Peer& peer, Status why);
    std::size_t bury();

    static void count_exposed(const Peer& peer, ExposedFigures& figures);

    // local_connect.cpp
    void admit(Arrival arrival);
    Result<Peer*> welcome(Arrival& arrival, const ucred& who);
    Result<PeerId> greet(DoorSocket socket, std::chrono::steady_clock::time_point deadline);

    Result<RmaState> move(PeerId id, Direction direction, std::span<const LocalSegment> local,
                          std::span<const RemoteSegment> remote, RmaCompletion* completion);
    static Status move_staged(Peer& peer, Direction direction, std::span<const LocalSegment> local,
                              std::span<const RemoteSegment> remote);
    // By the crew; its end comes as on_copied().
    void hand_over(Peer& peer, Direction direction, std::span<const LocalSegment> local,
                   std::span<const RemoteSegment> remote, RmaCompletion* completion);
    void on_copied(CopyJob& job) override;
    void lose_process_vm(Peer& peer);
    // Through shared memory.
    void bounce(Peer& peer, Direction direction, std::span<const LocalSegment> local,
                std::span<const RemoteSegment> remote, std::uint64_t bytes,
                RmaCompletion* completion);

    // local_progress.cpp
    static std::int64_t coarse_now();  // ns, moves some milliseconds at a time; cheap
    std::size_t scan();
    std::size_t serve(Peer& peer);
    Status on_record(Peer& peer, const Record& record);
    void make_hot(Peer& peer);
    void make_cold(Peer& peer);
    void swap_positions(std::size_t a, std::size_t b);
    std::size_t check_descriptors();
    void on_descriptor(Peer& peer, bool is_pidfd);
    void stop_bells();

    EndpointEvents& events_;
    LocalGeometry geometry_;
    std::size_t stage_max_;
    bool allow_process_vm_;
    bool allow_exposed_;  // mapping memory: unless the environment has ORFA_IN_PLACE=0
    bool makes_way_;
    CopyCrew* crew_;
    std::size_t copies_ = 0;  // the crew has
    bool closing_ = false;
    int exposed_fd_ = -1;  // -1: nothing
    std::size_t exposed_bytes_ = 0;
    ExposedFigures exposed_to_gone_;  // by peers that are no longer there
    pid_t owner_;                     // the process that made it; another one only may destroy it
    UniqueFd epoll_;
    std::optional<Door> door_;
    Registrations registrations_;

    static constexpr std::uint64_t kDoorTag = 0;  // in epoll; others: 2 * peer id, + 1: its pidfd

    std::uint64_t last_id_ = 0;
    std::unordered_map<std::uint64_t, std::unique_ptr<Peer>> peers_;
    // All peers: first the hot ones, looked at in each poll, then the others, a few in each.
    std::vector<Peer*> scan_;
    std::size_t hot_ = 0;
    std::size_t next_cold_ = 0;
    struct Down {
        Peer* peer;
        Status why;
    };
    std::vector<Down> down_;

    bool busy_ = false;
    PeerId asked_{};  // the peer that a message last went to
    bool armed_ = false;
    bool look_at_descriptors_ = false;
    std::int64_t last_look_ = 0;  // at descriptors: coarse_now()
    std::vector<std::byte> private_copy_;
};

}  // namespace orfa::fabric
