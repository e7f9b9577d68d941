// SPDX-License-Identifier: MIT
// Messages of an OfiEndpoint: the buffers, and what waits because libfabric has no room.
#pragma once

#include "common/status.hpp"
#include "fabric/ofi_domain.hpp"
#include "fabric/ofi_peer.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace orfa::fabric {

struct SendBuffer : OfiContext {
    SendBuffer() : OfiContext(Kind::kSend) {}
    OfiPeer* peer = nullptr;
    std::size_t length = 0;  // prefix and message
    void* desc = nullptr;    // of its registration
    std::byte bytes[kOfiEagerBytes];
};

struct ReceiveBuffer : OfiContext {
    ReceiveBuffer() : OfiContext(Kind::kReceive) {}
    void* desc = nullptr;
    std::byte bytes[kOfiEagerBytes];
};

// Not thread-safe. Destroyed after the domain's endpoint is closed, since that uses the buffers.
class OfiMessages {
  public:
    OfiMessages(OfiDomain& domain, OfiPeerWatch& watch) : domain_(domain), watch_(watch) {}

    // Posts `count` receives.
    Status start_receiving(std::size_t count);
    // Gives a buffer back to libfabric when its message has been handled.
    void receive_again(ReceiveBuffer* buffer);

    // Copies and sends, now or from retry(). The peer is up, the size has been checked. ENOMEM.
    Status send(OfiPeer& peer, std::span<const std::byte> head, std::span<const std::byte> tail);
    // The operation of this buffer has ended; the peer may be closing.
    void send_done(SendBuffer* buffer) { free_.push_back(buffer); }
    // Sends what has waited; returns quickly when nothing does.
    void retry();
    [[nodiscard]] bool waiting() const { return !waiting_.empty() || !unposted_.empty(); }
    // Drops what waits for this peer.
    void abandon(OfiPeer& peer);

  private:
    enum class Posted { kYes, kAgain, kLost };
    SendBuffer* take_buffer();
    Posted post(SendBuffer* buffer);
    bool post_receive(ReceiveBuffer* buffer);

    OfiDomain& domain_;
    OfiPeerWatch& watch_;
    // Slabs, so that providers that want registered buffers register few regions.
    std::vector<std::unique_ptr<SendBuffer[]>> send_slabs_;
    std::vector<SendBuffer*> free_;
    std::unique_ptr<ReceiveBuffer[]> receives_;
    std::vector<ReceiveBuffer*> unposted_;  // libfabric had no room
    std::vector<OfiPeer*> waiting_;         // peers with unsent messages
};

}  // namespace orfa::fabric
