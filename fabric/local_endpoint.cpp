// SPDX-License-Identifier: MIT
#include "fabric/local_endpoint.hpp"

#include "common/environment.hpp"
#include "common/log.hpp"
#include "fabric/process_memory.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace orfa::fabric {
namespace {

// Measured with 500 pieces: 64 B 173 us vectored and 7 packed, 1 KiB 216 and 82, 2 KiB 350 and 290,
// 4 KiB 693 and 722. Packing costs the client's time too, so it ends before they are equal.
constexpr std::size_t kPacksBelow = 2048;
// Through shared memory a piece costs about what packing it costs.
constexpr std::size_t kPacksBelowBounce = 256;
// Smaller copies are not worth handing over.
constexpr std::uint64_t kCrewFrom = 128 << 10;

}  // namespace

Result<std::unique_ptr<LocalEndpoint>> LocalEndpoint::create(EndpointEvents& events,
                                                             const LocalOptions& options) {
    std::unique_ptr<LocalEndpoint> endpoint(new LocalEndpoint(events, options));
    ORFA_TRY(endpoint->start(options));
    return endpoint;
}

LocalEndpoint::LocalEndpoint(EndpointEvents& events, const LocalOptions& options)
    : events_(events),
      geometry_(options.geometry),
      stage_max_(options.stage_max),
      allow_process_vm_(options.allow_process_vm && is_wanted("ORFA_PROCESS_VM")),
      allow_exposed_(is_wanted("ORFA_IN_PLACE")),
      makes_way_(is_wanted("ORFA_MAKE_WAY")),
      crew_(options.crew),
      owner_(::getpid()) {
}

Status LocalEndpoint::start(const LocalOptions& options) {
    if (!geometry_.check().ok()) return Status::from_errno(EINVAL);
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) return Status::from_errno(errno);
    if (!options.listen_port) return {};
    Result<Door> door = Door::listen_local(*options.listen_port);
    if (!door.ok()) return door.status();
    door_ = std::move(*door);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kDoorTag;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, door_->wait_fd(), &event) != 0)
        return Status::from_errno(errno);
    return {};
}

LocalEndpoint::~LocalEndpoint() {
    if (::getpid() != owner_) return;  // a forked child: the connections are its parent's
    // What the crew still copies to and from may go away afterwards. Nobody is told any more.
    closing_ = true;
    if (copies_ > 0) crew_->finish();
    for (auto& [id, peer] : peers_)
        peer->connection.hang_up();
}

void LocalEndpoint::forget_after_fork() {
    // Closing and unmapping the child's copies tells nobody anything.
    scan_.clear();
    down_.clear();
    hot_ = 0;
    peers_.clear();
    door_.reset();
    epoll_.reset();
    owner_ = 0;
}

LocalEndpoint::Peer* LocalEndpoint::find(PeerId id) const {
    const auto it = peers_.find(static_cast<std::uint64_t>(id));
    return it == peers_.end() ? nullptr : it->second.get();
}

Result<LocalEndpoint::Peer*> LocalEndpoint::add_peer(LocalConnection connection, pid_t pid,
                                                     bool process_vm, bool trusted) {
    const std::uint64_t id = ++last_id_;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = 2 * id;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket().fd(), &event) != 0)
        return Status::from_errno(errno);
    event.data.u64 = 2 * id + 1;
    if (connection.pidfd() >= 0 &&
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.pidfd(), &event) != 0) {
        const int err = errno;
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.socket().fd(), nullptr);
        return Status::from_errno(err);
    }
    auto peer = std::make_unique<Peer>(PeerId{id}, std::move(connection), pid, process_vm, trusted);
    Peer* raw = peer.get();
    peers_.emplace(id, std::move(peer));
    raw->position = scan_.size();
    scan_.push_back(raw);
    make_hot(*raw);
    return raw;
}

void LocalEndpoint::take_down(Peer& peer, Status why) {
    if (peer.down) return;
    peer.down = true;
    // Taken out one by one: closing alone would not do, when a forked child holds copies.
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, peer.connection.socket().fd(), nullptr);
    if (peer.connection.pidfd() >= 0)
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, peer.connection.pidfd(), nullptr);
    peer.connection.hang_up();
    down_.push_back({&peer, why});
    if (why.err() == EPROTO)
        ORFA_LOG(fabric, warn, "%s broke the connection's rules and is cut off",
                 peer.connection.socket().peer().c_str());
    else
        ORFA_LOG(fabric, debug, "%s is gone: %s", peer.connection.socket().peer().c_str(),
                 strerror(why.err()));
}

std::size_t LocalEndpoint::bury() {
    std::size_t events = 0;
    std::vector<Down> copied_with;  // still
    while (!down_.empty()) {
        const Down down = down_.back();
        down_.pop_back();
        Peer& peer = *down.peer;
        if (peer.copies > 0) {
            copied_with.push_back(down);
            continue;
        }
        if (peer.bounce) peer.bounce->fail_all(Status::from_errno(ECONNRESET));
        events_.on_peer_down(peer.id, down.why);
        ++events;
        count_exposed(peer, exposed_to_gone_);
        if (peer.position < hot_) make_cold(peer);
        swap_positions(peer.position, scan_.size() - 1);
        scan_.pop_back();
        peers_.erase(static_cast<std::uint64_t>(peer.id));
    }
    down_ = std::move(copied_with);
    return events;
}

void LocalEndpoint::disconnect(PeerId id) {
    if (Peer* peer = find(id)) take_down(*peer, Status::from_errno(ECONNABORTED));
}

Status LocalEndpoint::send(PeerId id, std::span<const std::byte> head,
                           std::span<const std::byte> tail) {
    Peer* peer = find(id);
    if (peer == nullptr || peer->down) return Status::from_errno(ENOTCONN);
    if (head.size() + tail.size() > peer->connection.geometry().max_message)
        return Status::from_errno(EMSGSIZE);
    asked_ = id;
    const Status sent = peer->connection.send(RecordKind::kMessage, head, tail);
    if (sent.ok()) return sent;
    take_down(*peer, sent);
    return Status::from_errno(ENOTCONN);
}

Result<RmaState> LocalEndpoint::rma_read(PeerId peer, std::span<const LocalSegment> into,
                                         std::span<const RemoteSegment> from,
                                         RmaCompletion* completion) {
    return move(peer, Direction::kFromPeer, into, from, completion);
}

Result<RmaState> LocalEndpoint::rma_write(PeerId peer, std::span<const LocalSegment> from,
                                          std::span<const RemoteSegment> to,
                                          RmaCompletion* completion) {
    return move(peer, Direction::kToPeer, from, to, completion);
}

Result<RmaState> LocalEndpoint::move(PeerId id, Direction direction,
                                     std::span<const LocalSegment> local,
                                     std::span<const RemoteSegment> remote,
                                     RmaCompletion* completion) {
    Peer* peer = find(id);
    if (peer == nullptr || peer->down) return Status::from_errno(ENOTCONN);
    if (!peer->connection.is_listener()) return Status::from_errno(EOPNOTSUPP);
    Result<std::uint64_t> bytes = common_length(local, remote);
    if (!bytes.ok()) return bytes.status();
    if (*bytes == 0) return RmaState::kDone;
    if (remote[0].key == kStagedKey) {
        const Status moved = move_staged(*peer, direction, local, remote);
        return moved.ok() ? Result<RmaState>(RmaState::kDone) : moved;
    }
    if (peer->process_vm) {
        // The pid could be another process's by now; not within a tick of the clock.
        if (coarse_now() != last_look_ && peer->connection.has_exited()) {
            take_down(*peer, Status::from_errno(ECONNRESET));
            return Status::from_errno(ENOTCONN);
        }
        if (crew_ != nullptr && *bytes >= kCrewFrom) {
            hand_over(*peer, direction, local, remote, completion);
            return RmaState::kStarted;
        }
        const Status copied = copy_with_process(peer->pid, direction, local, remote);
        if (copied.ok()) return RmaState::kDone;
        if (copied.err() == ESRCH) {
            take_down(*peer, Status::from_errno(ECONNRESET));
            return Status::from_errno(ENOTCONN);
        }
        if (copied.err() != EPERM && copied.err() != ENOSYS) return copied;
        lose_process_vm(*peer);
    }
    bounce(*peer, direction, local, remote, *bytes, completion);
    return RmaState::kStarted;
}

Status LocalEndpoint::move_staged(Peer& peer, Direction direction,
                                  std::span<const LocalSegment> local,
                                  std::span<const RemoteSegment> remote) {
    SegmentCursor<LocalSegment> here(local);
    for (const RemoteSegment& piece : remote) {
        std::byte* there = piece.key == kStagedKey ? peer.connection.stages().find(piece) : nullptr;
        if (there == nullptr) return Status::from_errno(EFAULT);
        if (direction == Direction::kFromPeer)
            scatter(there, here, piece.length);
        else
            gather(here, there, piece.length);
    }
    return {};
}

void LocalEndpoint::lose_process_vm(Peer& peer) {
    if (peer.process_vm)
        ORFA_LOG(fabric, info, "%s: process_vm no longer permitted, going through shared memory",
                 peer.connection.socket().peer().c_str());
    peer.process_vm = false;
}

void LocalEndpoint::bounce(Peer& peer, Direction direction, std::span<const LocalSegment> local,
                           std::span<const RemoteSegment> remote, std::uint64_t bytes,
                           RmaCompletion* completion) {
    if (!peer.bounce) peer.bounce = std::make_unique<BounceTransfers>(peer.connection);
    const Status started = peer.bounce->start(direction, local, remote, bytes, completion);
    // The transfer is known by now: its completion will be told.
    if (!started.ok()) take_down(peer, started);
}

void LocalEndpoint::hand_over(Peer& peer, Direction direction, std::span<const LocalSegment> local,
                              std::span<const RemoteSegment> remote, RmaCompletion* completion) {
    auto job = crew_->new_job();
    job->owner = this;
    job->peer = peer.id;
    job->pid = peer.pid;
    job->direction = direction;
    job->completion = completion;
    job->local.assign(local.begin(), local.end());
    job->remote.assign(remote.begin(), remote.end());
    ++peer.copies;
    ++copies_;
    crew_->submit(std::move(job));
}

void LocalEndpoint::on_copied(CopyJob& job) {
    Status status = job.status;
    --copies_;
    Peer& peer = *find(job.peer);  // bury() leaves it until now
    --peer.copies;
    if (closing_) return;
    if (status.err() == ESRCH) take_down(peer, Status::from_errno(ECONNRESET));
    if (peer.down && !status.ok()) status = Status::from_errno(ECONNRESET);
    if (!peer.down && (status.err() == EPERM || status.err() == ENOSYS)) {
        lose_process_vm(peer);
        const Result<std::uint64_t> bytes = common_length(job.local, job.remote);
        bounce(peer, job.direction, job.local, job.remote, *bytes, job.completion);
        return;
    }
    job.completion->on_rma_done(status);
}

Result<Registration> LocalEndpoint::register_memory(std::span<std::byte> memory, Access access) {
    return registrations_.add(memory, access);
}

void LocalEndpoint::release_memory(const Registration& registration) {
    if (registration.key != kStagedKey) {
        registrations_.remove(registration);
        return;
    }
    const auto id = PeerId{reinterpret_cast<std::uintptr_t>(registration.handle)};
    if (Peer* peer = find(id)) peer->connection.stages().give_back(registration.addr);
}

bool LocalEndpoint::copies(PeerId id, std::span<const LocalSegment> /*memory*/,
                           std::uint64_t bytes) {
    Peer* peer = find(id);
    return peer != nullptr && bytes <= stage_max_ && peer->connection.stages().has_room(bytes);
}

Result<Endpoint::Staged> LocalEndpoint::stage(PeerId id, std::size_t bytes) {
    Peer* peer = find(id);
    if (peer == nullptr || peer->down) return Status::from_errno(ENOTCONN);
    LocalStages& stages = peer->connection.stages();
    if (!stages.has_room(bytes)) return Status::from_errno(ENOMEM);
    const std::uint64_t offset = stages.take();
    // NOLINTNEXTLINE(performance-no-int-to-ptr): only carried to release_memory()
    void* handle = reinterpret_cast<void*>(static_cast<std::uintptr_t>(id));
    return Staged{{stages.find({offset, kStagedKey, bytes}), bytes}, {offset, kStagedKey, handle}};
}

std::size_t LocalEndpoint::packs_below() const {
    return allow_process_vm_ ? kPacksBelow : kPacksBelowBounce;
}

bool LocalEndpoint::moves_alone(PeerId id) const {
    const Peer* peer = find(id);
    return peer != nullptr && peer->process_vm;
}

unsigned LocalEndpoint::copies_with(PeerId id, const RemoteSegment& memory) const {
    return memory.key != kStagedKey && moves_alone(id) ? 1 : 2;
}

}  // namespace orfa::fabric
