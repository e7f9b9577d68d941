// SPDX-License-Identifier: MIT
#include "fabric/ofi_endpoint.hpp"

#include "common/log.hpp"
#include "fabric/ofi_memory.hpp"
#include "fabric/ofi_messages.hpp"
#include "fabric/ofi_rma.hpp"
#include "fabric/ofi_sockets.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace orfa::fabric {
namespace {

// Measured: below this, copying into one piece is cheaper than a vectored rma of 4 pieces an
// operation.
constexpr std::size_t kPacksBelow = std::size_t{32} * 1024;

}  // namespace

Result<std::unique_ptr<OfiEndpoint>> OfiEndpoint::create(EndpointEvents& events,
                                                         const OfiOptions& options) {
    std::unique_ptr<OfiEndpoint> endpoint(new OfiEndpoint(events, options));
    ORFA_TRY(endpoint->start());
    return endpoint;
}

OfiEndpoint::OfiEndpoint(EndpointEvents& events, const OfiOptions& options)
    : events_(events), options_(options), owner_(::getpid()) {
}

Status OfiEndpoint::start() {
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!epoll_ || !timer_) return Status::from_errno(errno);
    ORFA_TRY(watch(timer_.get(), kTimerTag));
    if (!options_.listen) return {};
    Result<Door> door = Door::listen_tcp(options_.listen->host, options_.listen->port);
    if (!door.ok()) return door.status();
    ORFA_TRY(open_domain(options_.listen->host));
    door_ = std::move(*door);
    return watch(door_->wait_fd(), kDoorTag);
}

Status OfiEndpoint::watch(int fd, std::uint64_t tag) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.u64 = tag;
    return Status::from_errno(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0
                                                                                        : errno);
}

OfiEndpoint::~OfiEndpoint() {
    if (::getpid() != owner_) {
        forget_after_fork();
        return;
    }
    std::size_t reads = 0;
    for (auto& [id, peer] : peers_) {
        reads += peer->reads_in_flight;
        // Explicitly: a forked child may hold the sockets too, then closing would not do.
        if (peer->door.fd() >= 0) (void)::shutdown(peer->door.fd(), SHUT_RDWR);
    }
    if (reads == 0 || domain_->may_abort_reads()) return;
    for (int i = 0; i < 200 && reads > 0; ++i) {
        reads -= std::min(reads, drain_reads());
        if (reads > 0) (void)::usleep(1000);
    }
    // Nothing moves any more when nobody polls.
    if (reads > 0) leak();
}

// Gives up libfabric's objects and the buffers it uses, without closing. They stay reachable, so
// that leak checkers keep quiet about them and only them.
void OfiEndpoint::leak() {
    struct Leaked {
        OfiDomain* domain;
        OfiRma* rma;
        OfiMessages* messages;
        OfiMemory* memory;
        Leaked* next;
    };
    static std::atomic<Leaked*> all = nullptr;
    if (!domain_) return;
    domain_->leak();
    auto* leaked = new Leaked{domain_.release(), rma_.release(), messages_.release(),
                              memory_.release(), all.load()};
    while (!all.compare_exchange_weak(leaked->next, leaked))
        continue;
}

void OfiEndpoint::forget_after_fork() {
    // Closing the child's copies of sockets tells nobody anything, but closing a libfabric object
    // would shut the parent's connections down.
    if (sockets_) sockets_->close_copies();
    if (memory_) memory_->forget_after_fork();
    leak();
    for (auto& [id, peer] : peers_)
        peer->door = DoorSocket();
    door_.reset();
    closing_.clear();
    owner_ = 0;
}

OfiPeer* OfiEndpoint::find(PeerId id) const {
    const auto it = peers_.find(static_cast<std::uint64_t>(id));
    return it == peers_.end() ? nullptr : it->second.get();
}

Result<OfiPeer*> OfiEndpoint::find_up(PeerId id) const {
    OfiPeer* peer = find(id);
    if (peer == nullptr || peer->closing) return Status::from_errno(ENOTCONN);
    return peer;
}

void OfiEndpoint::disconnect(PeerId id) {
    Result<OfiPeer*> peer = find_up(id);
    if (peer.ok()) on_peer_lost(**peer, Status::from_errno(ECONNABORTED));
}

Status OfiEndpoint::send(PeerId id, std::span<const std::byte> head,
                         std::span<const std::byte> tail) {
    Result<OfiPeer*> peer = find_up(id);
    if (!peer.ok()) return peer.status();
    if (head.size() > kOfiMaxMessage || tail.size() > kOfiMaxMessage - head.size())
        return Status::from_errno(EMSGSIZE);
    return messages_->send(**peer, head, tail);
}

Result<RmaState> OfiEndpoint::rma_read(PeerId id, std::span<const LocalSegment> into,
                                       std::span<const RemoteSegment> from,
                                       RmaCompletion* completion) {
    Result<OfiPeer*> peer = find_up(id);
    if (!peer.ok()) return peer.status();
    return rma_->start(**peer, false, into, from, completion);
}

Result<RmaState> OfiEndpoint::rma_write(PeerId id, std::span<const LocalSegment> from,
                                        std::span<const RemoteSegment> to,
                                        RmaCompletion* completion) {
    Result<OfiPeer*> peer = find_up(id);
    if (!peer.ok()) return peer.status();
    return rma_->start(**peer, true, from, to, completion);
}

Result<Registration> OfiEndpoint::register_memory(std::span<std::byte> memory, Access access) {
    if (!domain_) return Status::from_errno(ENOTCONN);
    const auto wanted = static_cast<unsigned>(access);
    std::uint64_t flags = 0;
    if ((wanted & static_cast<unsigned>(Access::kRemoteRead)) != 0) flags |= FI_REMOTE_READ;
    if ((wanted & static_cast<unsigned>(Access::kRemoteWrite)) != 0) flags |= FI_REMOTE_WRITE;
    const Result<OfiMemory::Use*> use = memory_->acquire(memory, flags);
    if (!use.ok()) return use.status();
    return registration_of(**use);
}

Registration OfiEndpoint::registration_of(OfiMemory::Use& use) const {
    return {domain_->remote_address(use.data, use.base), fi_mr_key(use.region->mr.get()), &use};
}

bool OfiEndpoint::copies(PeerId /*peer*/, std::span<const LocalSegment> memory,
                         std::uint64_t /*bytes*/) {
    return memory_ && memory.size() == 1 && memory_->copies({memory[0].data, memory[0].length});
}

Result<Endpoint::Staged> OfiEndpoint::stage(PeerId /*peer*/, std::size_t bytes) {
    if (!memory_) return Status::from_errno(ENOTCONN);
    const Result<OfiMemory::Use*> use = memory_->stage(bytes);
    if (!use.ok()) return use.status();
    return Staged{{(*use)->data, bytes}, registration_of(**use)};
}

void OfiEndpoint::announce_pool(std::span<std::byte> memory, std::size_t piece) {
    if (memory_) memory_->announce_pool(memory, piece);
}

RegistrationFigures OfiEndpoint::registration_figures() const {
    return memory_ ? memory_->figures() : RegistrationFigures{};
}

void OfiEndpoint::release_memory(const Registration& registration) {
    if (memory_ && registration.handle != nullptr && owner_ != 0)
        memory_->release(static_cast<OfiMemory::Use*>(registration.handle));
}

std::size_t OfiEndpoint::packs_below() const {
    return kPacksBelow;
}

std::uint16_t OfiEndpoint::libfabric_port() const {
    if (!domain_) return 0;
    Result<std::vector<std::byte>> name = domain_->name({});
    if (!name.ok()) return 0;
    sockaddr_in address;  // the port is at the same place in a sockaddr_in6
    if (domain_->address_format() != FI_SOCKADDR_IN && domain_->address_format() != FI_SOCKADDR_IN6)
        return 0;
    std::memcpy(&address, name->data(), sizeof address);
    return ntohs(address.sin_port);
}

const std::string& OfiEndpoint::provider() const {
    return domain_ ? domain_->provider() : options_.provider;
}

}  // namespace orfa::fabric
