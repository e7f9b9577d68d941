// SPDX-License-Identifier: MIT
// One connection of an OfiEndpoint, and the bookkeeping of what libfabric is doing for it.
//
// The rules for peers that die (libfabric tells little): operations under way are counted; the
// first one that fails, or the hang-up of the door, closes the peer; then nothing new is started,
// and its libfabric address is given up when nothing is under way any more.
#pragma once

#include "common/status.hpp"
#include "fabric/door.hpp"
#include "fabric/fabric.hpp"
#include "fabric/ofi_wire.hpp"

#include <rdma/fabric.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace orfa::fabric {

// Milliseconds of a clock that is read in a few ns and is up to 4 ms behind.
inline std::uint64_t coarse_ms() {
    timespec t{};
    (void)::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1000 +
           static_cast<std::uint64_t>(t.tv_nsec) / 1'000'000;
}

// What libfabric carries through an operation and gives back with its completion; the first member,
// because providers use it while the operation is under way.
struct OfiContext {
    enum class Kind : std::uint8_t { kReceive, kSend, kRma };
    fi_context2 provider{};
    Kind kind;
    explicit OfiContext(Kind k) : kind(k) {}
};

struct SendBuffer;
struct RmaOp;

struct OfiPeer {
    PeerId id{};
    OfiPrefix to_peer{};      // goes before each message to it
    std::uint64_t nonce = 0;  // comes before each message from it
    fi_addr_t address = FI_ADDR_UNSPEC;
    std::vector<std::byte> name;  // of its endpoint
    DoorSocket door;

    bool closing = false;
    bool address_removed = false;
    bool overdue = false;             // logged
    Status why;                       // it is closing
    std::uint64_t closing_since = 0;  // coarse_ms()

    std::size_t reads_in_flight = 0;  // how many of the following read its memory
    std::size_t in_flight = 0;        // operations posted, not completed
    bool contacted = false;           // one has completed
    std::uint64_t again_since = 0;    // coarse_ms() of the first -FI_EAGAIN in a row; 0: none
    std::deque<SendBuffer*> unsent;   // in order
    bool unsent_listed = false;

    std::deque<RmaOp*> rma;        // all that are not reported, in order
    std::size_t rma_unposted = 0;  // how many of them, at the end, have pieces to post
    std::size_t rma_bytes = 0;     // posted, not completed
    std::size_t rma_chunks = 0;
    bool rma_listed = false;
    bool stalled = false;         // its chunks do not count for the endpoint's limit
    std::uint64_t rma_moved = 0;  // coarse_ms() of its last chunk's start or end

    // After a posting was refused with -FI_EAGAIN. True: the peer cannot be reached any more.
    bool give_up(std::uint64_t now) {
        if (again_since == 0) again_since = now;
        // With something under way the queue may just be full; the door tells of death.
        const std::uint64_t limit_ms = contacted ? 300 : 5000;
        return in_flight == 0 && now - again_since > limit_ms;
    }
    void posted() {
        ++in_flight;
        again_since = 0;
    }
};

using OfiPeers = std::unordered_map<std::uint64_t, std::unique_ptr<OfiPeer>>;

// Told by the parts of an endpoint that a peer is lost.
class OfiPeerWatch {
  public:
    // Closes the peer. Nothing of it is freed before the end of the endpoint's poll().
    virtual void on_peer_lost(OfiPeer& peer, Status why) = 0;

  protected:
    ~OfiPeerWatch() = default;
};

}  // namespace orfa::fabric
