// SPDX-License-Identifier: MIT
#include "fabric/ofi_messages.hpp"

#include "common/log.hpp"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace orfa::fabric {
namespace {

constexpr std::size_t kSlab = 16;  // send buffers

}  // namespace

Status OfiMessages::start_receiving(std::size_t count) {
    receives_ = std::make_unique<ReceiveBuffer[]>(count);
    void* desc = nullptr;
    if (domain_.registers_local()) {
        Result<OfiRegion*> region = domain_.register_memory(
            std::as_writable_bytes(std::span(receives_.get(), count)), FI_RECV);
        if (!region.ok()) return region.status();
        desc = fi_mr_desc((*region)->mr.get());
    }
    for (std::size_t i = 0; i < count; ++i) {
        receives_[i].desc = desc;
        receive_again(&receives_[i]);
    }
    return {};
}

bool OfiMessages::post_receive(ReceiveBuffer* buffer) {
    const ssize_t rc = fi_recv(domain_.ep(), buffer->bytes, sizeof buffer->bytes, buffer->desc,
                               FI_ADDR_UNSPEC, &buffer->provider);
    if (rc != 0 && rc != -FI_EAGAIN)
        ORFA_LOG(fabric, error, "fi_recv: %s", domain_.explain(static_cast<int>(-rc)));
    return rc == 0;
}

void OfiMessages::receive_again(ReceiveBuffer* buffer) {
    if (!post_receive(buffer)) unposted_.push_back(buffer);
}

SendBuffer* OfiMessages::take_buffer() {
    if (free_.empty()) {
        std::unique_ptr<SendBuffer[]> slab(new (std::nothrow) SendBuffer[kSlab]);
        if (slab == nullptr) return nullptr;
        void* desc = nullptr;
        if (domain_.registers_local()) {
            Result<OfiRegion*> region = domain_.register_memory(
                std::as_writable_bytes(std::span(slab.get(), kSlab)), FI_SEND);
            if (!region.ok()) return nullptr;
            desc = fi_mr_desc((*region)->mr.get());
        }
        for (std::size_t i = 0; i < kSlab; ++i) {
            slab[i].desc = desc;
            free_.push_back(&slab[i]);
        }
        send_slabs_.push_back(std::move(slab));
    }
    SendBuffer* buffer = free_.back();
    free_.pop_back();
    return buffer;
}

Status OfiMessages::send(OfiPeer& peer, std::span<const std::byte> head,
                         std::span<const std::byte> tail) {
    SendBuffer* buffer = take_buffer();
    if (buffer == nullptr) return Status::from_errno(ENOMEM);
    buffer->peer = &peer;
    buffer->length = sizeof(OfiPrefix) + head.size() + tail.size();
    std::byte* into = buffer->bytes;
    std::memcpy(into, &peer.to_peer, sizeof(OfiPrefix));
    into += sizeof(OfiPrefix);
    if (!head.empty()) std::memcpy(into, head.data(), head.size());
    into += head.size();
    if (!tail.empty()) std::memcpy(into, tail.data(), tail.size());

    if (peer.unsent.empty()) {
        const Posted posted = post(buffer);
        if (posted == Posted::kYes) return {};
        if (posted == Posted::kLost) {
            free_.push_back(buffer);
            return Status::from_errno(ENOTCONN);
        }
    }
    peer.unsent.push_back(buffer);
    if (!peer.unsent_listed) waiting_.push_back(&peer);
    peer.unsent_listed = true;
    return {};
}

OfiMessages::Posted OfiMessages::post(SendBuffer* buffer) {
    OfiPeer& peer = *buffer->peer;
    const ssize_t rc = fi_send(domain_.ep(), buffer->bytes, buffer->length, buffer->desc,
                               peer.address, &buffer->provider);
    if (rc == 0) {
        peer.posted();
        return Posted::kYes;
    }
    if (rc == -FI_EAGAIN) {
        if (!peer.give_up(coarse_ms())) return Posted::kAgain;
        watch_.on_peer_lost(peer, Status::from_errno(EHOSTUNREACH));
    } else {
        watch_.on_peer_lost(peer, Status::from_rc(rc));
    }
    return Posted::kLost;
}

void OfiMessages::retry() {
    while (!unposted_.empty() && post_receive(unposted_.back()))
        unposted_.pop_back();
    if (waiting_.empty()) return;
    std::vector<OfiPeer*> peers = std::move(waiting_);
    waiting_.clear();
    for (OfiPeer* peer : peers) {
        // A lost peer has no unsent messages any more, see abandon().
        while (!peer->unsent.empty()) {
            const Posted posted = post(peer->unsent.front());
            if (posted != Posted::kYes) break;
            peer->unsent.pop_front();
        }
        peer->unsent_listed = !peer->unsent.empty();
        if (peer->unsent_listed) waiting_.push_back(peer);
    }
}

void OfiMessages::abandon(OfiPeer& peer) {
    free_.insert(free_.end(), peer.unsent.begin(), peer.unsent.end());
    peer.unsent.clear();
    std::erase(waiting_, &peer);
    peer.unsent_listed = false;
}

}  // namespace orfa::fabric
