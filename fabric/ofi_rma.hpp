// SPDX-License-Identifier: MIT
// Remote memory access of an OfiEndpoint: cut into chunks that libfabric takes, a bounded number of
// bytes under way, in order for one peer and in turns for several.
#pragma once

#include "common/status.hpp"
#include "fabric/fabric.hpp"
#include "fabric/ofi_domain.hpp"
#include "fabric/ofi_memory.hpp"
#include "fabric/ofi_peer.hpp"

#include <rdma/fi_rma.h>

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace orfa::fabric {

struct RmaOp {
    // What has not been posted starts here.
    struct Cursor {
        std::size_t local_index = 0, local_offset = 0;
        std::size_t remote_index = 0, remote_offset = 0;
        std::size_t left = 0;  // bytes
    };

    bool write = false;
    OfiPeer* peer = nullptr;
    RmaCompletion* completion = nullptr;
    std::vector<LocalSegment> local;
    std::vector<RemoteSegment> remote;
    Cursor unposted;
    std::size_t chunks = 0;  // posted, not completed
    Status status;           // first failure
};

// One libfabric operation.
struct RmaChunk : OfiContext {
    RmaChunk() : OfiContext(Kind::kRma) {}
    static constexpr std::size_t kMaxPieces = 16;  // on each side; providers may have fewer
    RmaOp* op = nullptr;
    std::size_t bytes = 0;
    std::size_t local_count = 0, remote_count = 0;
    std::array<iovec, kMaxPieces> local;
    std::array<fi_rma_iov, kMaxPieces> remote;
    std::array<OfiMemory::Use*, kMaxPieces> uses;  // of the local pieces, if registered
    std::array<void*, kMaxPieces> desc;
};

// Not thread-safe.
class OfiRma {
  public:
    static constexpr std::size_t kChunkBytes = 1 << 20;
    static constexpr std::size_t kMaxBytes = 8 << 20;  // under way, for one peer and for all
    static constexpr std::size_t kMaxChunks = 64;      // likewise
    static constexpr std::uint64_t kStallMs = 20;      // without progress: counts no longer

    OfiRma(OfiDomain& domain, OfiMemory& memory, OfiPeerWatch& watch, OfiPeers& peers);
    ~OfiRma();
    OfiRma(const OfiRma&) = delete;
    OfiRma& operator=(const OfiRma&) = delete;

    // See Endpoint. The peer is up.
    Result<RmaState> start(OfiPeer& peer, bool write, std::span<const LocalSegment> local,
                           std::span<const RemoteSegment> remote, RmaCompletion* completion);
    // Posts what the limits allow; returns quickly when nothing waits.
    void pump();
    // libfabric is done with a chunk. Reports the end of its op, unless the peer is closing.
    void chunk_done(RmaChunk* chunk, Status status);
    // Something waits that no completion may wake.
    [[nodiscard]] bool waiting() const { return !ready_.empty(); }
    // Of a closing peer with nothing under way: reports all its ops.
    void report_all(OfiPeer& peer, Status why);
    // Takes a closing peer out of the queue; its chunks stay under way.
    void abandon(OfiPeer& peer);

  private:
    enum class Posted { kYes, kAgain, kLost };
    RmaOp* take_op();
    void give_back(RmaOp* op);
    RmaChunk* take_chunk();
    void cut(RmaOp& op, RmaChunk& chunk) const;
    bool append(RmaChunk& chunk, std::byte* data, std::uint64_t addr, std::uint64_t key,
                std::size_t n) const;
    Status register_local(RmaChunk& chunk);
    void release_local(RmaChunk& chunk);
    Posted post_next(OfiPeer& peer);
    static bool finished(const RmaOp& op) { return op.unposted.left == 0 && op.chunks == 0; }
    Status submit(RmaChunk& chunk, const OfiPeer& peer);
    void enlist(OfiPeer& peer);
    bool forget_stalled();
    void count(OfiPeer& peer, std::size_t bytes);
    void uncount(OfiPeer& peer, std::size_t bytes);

    OfiDomain& domain_;
    OfiMemory& memory_;
    OfiPeerWatch& watch_;
    OfiPeers& peers_;
    std::size_t max_local_, max_remote_;       // pieces of a chunk
    std::size_t bytes_ = 0, chunks_ = 0;       // under way for peers that are not stalled
    std::uint64_t stall_check_ = 0;            // coarse_ms()
    std::deque<OfiPeer*> ready_;               // peers with something to post, whose turn comes
    std::vector<std::unique_ptr<RmaOp>> ops_;  // all ever made
    std::vector<std::unique_ptr<RmaChunk>> chunk_store_;
    std::vector<RmaOp*> free_ops_;
    std::vector<RmaChunk*> free_chunks_;
};

}  // namespace orfa::fabric
