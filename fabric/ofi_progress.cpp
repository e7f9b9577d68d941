// SPDX-License-Identifier: MIT
// What an OfiEndpoint does in poll(), and how it waits.
#include "common/log.hpp"
#include "fabric/ofi_endpoint.hpp"
#include "fabric/ofi_memory.hpp"
#include "fabric/ofi_messages.hpp"
#include "fabric/ofi_rma.hpp"
#include "fabric/ofi_sockets.hpp"

#include <rdma/fi_errno.h>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace orfa::fabric {
namespace {

constexpr std::size_t kCompletionsPerPoll = 256;
constexpr unsigned kPollsPerLook = 64;  // at the doors, by one who polls without blocking
constexpr std::uint64_t kRetryMs = 1;   // while something waits that no event may wake
constexpr std::uint64_t kDrainMs = 50;  // for operations under way with a peer that is gone
constexpr std::uint64_t kOverdueMs = 30'000;

}  // namespace

std::size_t OfiEndpoint::poll() {
    if (owner_ == 0) return 0;
    std::size_t events = 0;
    const bool look = look_at_descriptors_ || ++polls_ >= kPollsPerLook;
    // Without a peer nothing comes but what libfabric does for itself.
    if (domain_ && (look || !peers_.empty())) {
        events += read_completions();
        if (messages_->waiting()) messages_->retry();
        if (rma_->waiting()) rma_->pump();
        memory_->tend();
    }
    // After the completions: what a peer said before it went is heard first.
    if (look) events += look_at_descriptors();
    if (!closing_.empty()) events += bury();
    return events;
}

std::size_t OfiEndpoint::read_completions() {
    std::size_t count = 0;
    while (count < kCompletionsPerPoll) {
        fi_cq_msg_entry entries[16];
        const ssize_t n = fi_cq_read(domain_->cq(), entries, std::size(entries));
        if (n == -FI_EAVAIL) {
            read_error();
            ++count;
            continue;
        }
        if (n <= 0) {
            if (n != 0 && n != -FI_EAGAIN)
                ORFA_LOG(fabric, error, "fi_cq_read: %s", domain_->explain(static_cast<int>(-n)));
            break;
        }
        for (ssize_t i = 0; i < n; ++i) {
            auto* context = static_cast<OfiContext*>(entries[i].op_context);
            if (context == nullptr) continue;
            if (context->kind == OfiContext::Kind::kReceive) {
                auto* buffer = static_cast<ReceiveBuffer*>(context);
                on_received({buffer->bytes, std::min(entries[i].len, sizeof buffer->bytes)});
                messages_->receive_again(buffer);
            } else {
                on_operation_done(context, {});
            }
        }
        count += static_cast<std::size_t>(n);
    }
    return count;
}

void OfiEndpoint::read_error() {
    fi_cq_err_entry entry{};
    if (fi_cq_readerr(domain_->cq(), &entry, 0) <= 0) return;
    auto* context = static_cast<OfiContext*>(entry.op_context);
    if (context == nullptr) return;
    if (context->kind == OfiContext::Kind::kReceive) {
        ORFA_LOG(fabric, debug, "a receive failed: %s", domain_->explain(entry.err));
        messages_->receive_again(static_cast<ReceiveBuffer*>(context));
    } else {
        on_operation_done(context, Status::from_errno(entry.err == 0 ? EIO : entry.err));
    }
}

void OfiEndpoint::on_operation_done(OfiContext* context, Status status) {
    if (context->kind == OfiContext::Kind::kSend) {
        auto* buffer = static_cast<SendBuffer*>(context);
        OfiPeer& peer = *buffer->peer;
        --peer.in_flight;
        messages_->send_done(buffer);
        if (status.ok()) first_contact(peer);
        if (!status.ok()) on_peer_lost(peer, status);
        return;
    }
    auto* chunk = static_cast<RmaChunk*>(context);
    OfiPeer& peer = *chunk->op->peer;
    --peer.in_flight;
    rma_->chunk_done(chunk, status);  // may call back; the peer lives until bury()
    if (!status.ok()) on_peer_lost(peer, status);
}

// libfabric has a connection to the peer.
void OfiEndpoint::first_contact(OfiPeer& peer) {
    if (std::exchange(peer.contacted, true)) return;
    sockets_->tend();
}

// For the destructor: how many reads have ended since the last call; tells nobody.
std::size_t OfiEndpoint::drain_reads() {
    std::size_t ended = 0;
    const auto end = [&](void* operation) {
        auto* context = static_cast<OfiContext*>(operation);
        if (context == nullptr || context->kind != OfiContext::Kind::kRma) return;
        if (!static_cast<RmaChunk*>(context)->op->write) ++ended;
    };
    while (true) {
        fi_cq_msg_entry entry{};
        fi_cq_err_entry error{};
        const ssize_t n = fi_cq_read(domain_->cq(), &entry, 1);
        if (n == 1) {
            end(entry.op_context);
        } else if (n == -FI_EAVAIL && fi_cq_readerr(domain_->cq(), &error, 0) == 1) {
            end(error.op_context);
        } else {
            return ended;
        }
    }
}

void OfiEndpoint::on_received(std::span<const std::byte> bytes) {
    OfiPrefix prefix{};
    OfiPeer* peer = nullptr;
    if (bytes.size() >= sizeof prefix) {
        std::memcpy(&prefix, bytes.data(), sizeof prefix);
        peer = find(PeerId{prefix.id});
    }
    if (peer == nullptr || peer->nonce != prefix.nonce) {
        // Also the last words of peers that have been given up.
        if (!std::exchange(stranger_logged_, true))
            ORFA_LOG(fabric, info, "messages of unknown connections are dropped");
        return;
    }
    first_contact(*peer);
    if (!peer->closing) events_.on_message(peer->id, bytes.subspan(sizeof prefix));
}

// Doors: arrivals and hang-ups.
std::size_t OfiEndpoint::look_at_descriptors() {
    look_at_descriptors_ = false;
    polls_ = 0;
    std::size_t count = 0;
    epoll_event events[64];
    const int n = ::epoll_wait(epoll_.get(), events, std::size(events), 0);
    if (n == static_cast<int>(std::size(events))) look_at_descriptors_ = true;
    for (int i = 0; i < n; ++i) {
        const std::uint64_t tag = events[i].data.u64;
        if (tag == kTimerTag) {
            std::uint64_t expirations = 0;
            (void)!::read(timer_.get(), &expirations, sizeof expirations);
        } else if (tag == kDoorTag) {
            door_->poll(arrivals_);
        } else if (tag >= kFirstPeerTag) {
            OfiPeer* peer = find(PeerId{tag - kFirstPeerTag});
            if (peer == nullptr || peer->closing) continue;
            const Status status = peer->door.check_silent_peer();
            if (!status.ok()) on_peer_lost(*peer, status);
        }
    }
    // Who comes again is told of its former connection's end first.
    if (!arrivals_.empty() && !closing_.empty()) count += bury();
    count += arrivals_.size();
    for (Arrival& arrival : std::exchange(arrivals_, {}))
        admit(std::move(arrival));
    return count;
}

// Reports closing peers with nothing under way, and frees them.
std::size_t OfiEndpoint::bury() {
    std::size_t count = 0;
    const std::uint64_t now = coarse_ms();
    for (std::size_t i = 0; i < closing_.size();) {
        OfiPeer& peer = *closing_[i];
        if (peer.in_flight > 0) {
            abort_transfers(peer, now);
            ++i;
            continue;
        }
        closing_.erase(closing_.begin() + static_cast<std::ptrdiff_t>(i));
        if (!peer.address_removed) domain_->remove(peer.address);
        const auto node = peers_.extract(static_cast<std::uint64_t>(peer.id));
        rma_->report_all(peer, peer.why);
        events_.on_peer_down(peer.id, peer.why);
        ++count;
        i = 0;  // the callbacks may have closed others
    }
    return count;
}

// Of a closing peer whose operations do not end by themselves, as they do when its sockets close:
// its host vanished, or a child of the dead process still has them.
void OfiEndpoint::abort_transfers(OfiPeer& peer, std::uint64_t now) {
    const std::uint64_t waited = now - peer.closing_since;
    if (waited > kDrainMs && !peer.address_removed && domain_->removal_aborts() &&
        (peer.reads_in_flight == 0 || domain_->may_abort_reads())) {
        domain_->remove(peer.address);
        peer.address_removed = true;
    }
    if (waited > kOverdueMs && !std::exchange(peer.overdue, true))
        ORFA_LOG(fabric, warn, "%zu operations with a lost peer do not end; its memory is kept",
                 peer.in_flight);
}

bool OfiEndpoint::arm() {
    if (owner_ == 0) return true;
    bool timer = !closing_.empty();
    for (const OfiPeer* peer : closing_)
        if (peer->in_flight == 0) return false;
    if (domain_) {
        if (!domain_->may_wait()) return false;
        timer = timer || messages_->waiting() || rma_->waiting();
    }
    if (timer) set_timer(kRetryMs);
    return true;
}

void OfiEndpoint::set_timer(std::uint64_t ms) {
    itimerspec when{};
    when.it_value.tv_nsec = static_cast<long>(ms * 1'000'000);
    (void)::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

}  // namespace orfa::fabric
