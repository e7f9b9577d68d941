// SPDX-License-Identifier: MIT
#include "fabric/ofi_rma.hpp"

#include "common/log.hpp"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <limits>

namespace orfa::fabric {
namespace {

// False: the sum does not fit.
template <typename Segment>
bool sum(std::span<const Segment> segments, std::uint64_t& total) {
    total = 0;
    for (const Segment& s : segments) {
        if (s.length > std::numeric_limits<std::int64_t>::max() - total) return false;
        total += s.length;
    }
    return true;
}

}  // namespace

OfiRma::OfiRma(OfiDomain& domain, OfiMemory& memory, OfiPeerWatch& watch, OfiPeers& peers)
    : domain_(domain),
      memory_(memory),
      watch_(watch),
      peers_(peers),
      max_local_(std::clamp<std::size_t>(domain.iov_limit(), 1, RmaChunk::kMaxPieces)),
      max_remote_(std::clamp<std::size_t>(domain.rma_iov_limit(), 1, RmaChunk::kMaxPieces)) {
}

OfiRma::~OfiRma() = default;

RmaOp* OfiRma::take_op() {
    if (free_ops_.empty()) {
        ops_.push_back(std::make_unique<RmaOp>());
        return ops_.back().get();
    }
    RmaOp* op = free_ops_.back();
    free_ops_.pop_back();
    return op;
}

void OfiRma::give_back(RmaOp* op) {
    op->local.clear();
    op->remote.clear();
    op->unposted = {};
    op->chunks = 0;
    op->status = {};
    free_ops_.push_back(op);
}

RmaChunk* OfiRma::take_chunk() {
    if (free_chunks_.empty()) {
        chunk_store_.push_back(std::make_unique<RmaChunk>());
        return chunk_store_.back().get();
    }
    RmaChunk* chunk = free_chunks_.back();
    free_chunks_.pop_back();
    return chunk;
}

Result<RmaState> OfiRma::start(OfiPeer& peer, bool write, std::span<const LocalSegment> local,
                               std::span<const RemoteSegment> remote, RmaCompletion* completion) {
    std::uint64_t local_bytes = 0;
    std::uint64_t remote_bytes = 0;
    if (!sum(local, local_bytes) || !sum(remote, remote_bytes) || local_bytes != remote_bytes)
        return Status::from_errno(EINVAL);
    if (local_bytes == 0) return RmaState::kDone;
    RmaOp* op = take_op();
    op->write = write;
    op->peer = &peer;
    op->completion = completion;
    op->local.assign(local.begin(), local.end());
    op->remote.assign(remote.begin(), remote.end());
    op->unposted.left = local_bytes;
    peer.rma.push_back(op);
    ++peer.rma_unposted;
    enlist(peer);
    pump();
    return RmaState::kStarted;
}

// Fills the chunk with the next pieces of the op, joining those that touch.
void OfiRma::cut(RmaOp& op, RmaChunk& chunk) const {
    chunk.op = &op;
    chunk.bytes = chunk.local_count = chunk.remote_count = 0;
    RmaOp::Cursor& at = op.unposted;
    while (at.left > 0 && chunk.bytes < kChunkBytes) {
        const LocalSegment& here = op.local[at.local_index];
        const RemoteSegment& there = op.remote[at.remote_index];
        const std::size_t n = std::min({here.length - at.local_offset,
                                        static_cast<std::size_t>(there.length) - at.remote_offset,
                                        kChunkBytes - chunk.bytes});
        if (n > 0 && !append(chunk, here.data + at.local_offset, there.addr + at.remote_offset,
                             there.key, n))
            return;
        at.left -= n;
        at.local_offset += n;
        at.remote_offset += n;
        if (at.local_offset == here.length) {
            ++at.local_index;
            at.local_offset = 0;
        }
        if (at.remote_offset == there.length) {
            ++at.remote_index;
            at.remote_offset = 0;
        }
    }
}

// False: the chunk has no room for another piece.
bool OfiRma::append(RmaChunk& chunk, std::byte* data, std::uint64_t addr, std::uint64_t key,
                    std::size_t n) const {
    iovec* l = chunk.local_count > 0 ? &chunk.local[chunk.local_count - 1] : nullptr;
    fi_rma_iov* r = chunk.remote_count > 0 ? &chunk.remote[chunk.remote_count - 1] : nullptr;
    const bool join_local =
        l != nullptr && static_cast<std::byte*>(l->iov_base) + l->iov_len == data;
    const bool join_remote = r != nullptr && r->addr + r->len == addr && r->key == key;
    if ((!join_local && chunk.local_count == max_local_) ||
        (!join_remote && chunk.remote_count == max_remote_))
        return false;
    if (join_local)
        l->iov_len += n;
    else
        chunk.local[chunk.local_count++] = {data, n};
    if (join_remote)
        r->len += n;
    else
        chunk.remote[chunk.remote_count++] = {addr, n, key};
    chunk.bytes += n;
    return true;
}

// For either direction: the same memory will be read from and written to.
Status OfiRma::register_local(RmaChunk& chunk) {
    chunk.desc.fill(nullptr);
    chunk.uses.fill(nullptr);
    if (!memory_.registers_local()) return {};
    for (std::size_t i = 0; i < chunk.local_count; ++i) {
        const Result<OfiMemory::Use*> use = memory_.acquire(
            {static_cast<std::byte*>(chunk.local[i].iov_base), chunk.local[i].iov_len},
            FI_READ | FI_WRITE);
        if (!use.ok()) {
            release_local(chunk);
            return use.status();
        }
        chunk.uses[i] = *use;
        chunk.desc[i] = fi_mr_desc((*use)->region->mr.get());
    }
    return {};
}

void OfiRma::release_local(RmaChunk& chunk) {
    if (!memory_.registers_local()) return;
    for (OfiMemory::Use*& use : chunk.uses) {
        if (use != nullptr) memory_.release(use);
        use = nullptr;
    }
}

void OfiRma::count(OfiPeer& peer, std::size_t bytes) {
    peer.rma_bytes += bytes;
    ++peer.rma_chunks;
    if (peer.stalled) return;
    bytes_ += bytes;
    ++chunks_;
}

void OfiRma::uncount(OfiPeer& peer, std::size_t bytes) {
    if (peer.stalled) {
        // It moves again: the rest counts again, which may pass the limit for a while.
        peer.stalled = false;
        bytes_ += peer.rma_bytes;
        chunks_ += peer.rma_chunks;
    }
    peer.rma_bytes -= bytes;
    --peer.rma_chunks;
    bytes_ -= bytes;
    --chunks_;
}

void OfiRma::enlist(OfiPeer& peer) {
    if (peer.rma_listed || peer.stalled || peer.rma_unposted == 0 || peer.rma_bytes >= kMaxBytes ||
        peer.rma_chunks >= kMaxChunks)
        return;
    peer.rma_listed = true;
    ready_.push_back(&peer);
}

// Peers that do not take part (a client that computes) must not keep the others waiting. True: that
// made room.
bool OfiRma::forget_stalled() {
    const std::uint64_t now = coarse_ms();
    if (now - stall_check_ < kStallMs / 4) return false;
    stall_check_ = now;
    bool found = false;
    for (auto& [id, peer] : peers_) {
        if (peer->rma_chunks == 0 || peer->stalled || now - peer->rma_moved < kStallMs) continue;
        peer->stalled = true;
        bytes_ -= peer->rma_bytes;
        chunks_ -= peer->rma_chunks;
        found = true;
    }
    return found;
}

void OfiRma::pump() {
    std::size_t refused = 0;  // in a row, by libfabric
    while (ready_.size() > refused) {
        if ((bytes_ >= kMaxBytes || chunks_ >= kMaxChunks) && !forget_stalled()) return;
        OfiPeer& peer = *ready_.front();
        ready_.pop_front();
        peer.rma_listed = false;
        if (peer.stalled) continue;  // until one of its chunks ends
        const Posted posted = post_next(peer);
        if (posted == Posted::kLost) continue;
        refused = posted == Posted::kAgain ? refused + 1 : 0;
        enlist(peer);
    }
}

OfiRma::Posted OfiRma::post_next(OfiPeer& peer) {
    RmaOp& op = *peer.rma[peer.rma.size() - peer.rma_unposted];
    RmaChunk* chunk = take_chunk();
    const RmaOp::Cursor before = op.unposted;
    cut(op, *chunk);
    const Status status = submit(*chunk, peer);
    if (status.ok()) {
        peer.posted();
        ++op.chunks;
        if (!op.write) ++peer.reads_in_flight;
        if (peer.rma_chunks == 0) peer.rma_moved = coarse_ms();
        count(peer, chunk->bytes);
        if (op.unposted.left == 0) --peer.rma_unposted;
        return Posted::kYes;
    }
    op.unposted = before;
    free_chunks_.push_back(chunk);
    if (status.err() != FI_EAGAIN) {
        watch_.on_peer_lost(peer, status);
        return Posted::kLost;
    }
    if (!peer.give_up(coarse_ms())) return Posted::kAgain;
    watch_.on_peer_lost(peer, Status::from_errno(EHOSTUNREACH));
    return Posted::kLost;
}

// EAGAIN: libfabric has no room, or no connection yet.
Status OfiRma::submit(RmaChunk& chunk, const OfiPeer& peer) {
    ORFA_TRY(register_local(chunk));
    fi_msg_rma message{};
    message.msg_iov = chunk.local.data();
    message.desc = chunk.desc.data();
    message.iov_count = chunk.local_count;
    message.addr = peer.address;
    message.rma_iov = chunk.remote.data();
    message.rma_iov_count = chunk.remote_count;
    message.context = &chunk.provider;
    const ssize_t rc =
        chunk.op->write ? fi_writemsg(domain_.ep(), &message, FI_COMPLETION | domain_.write_flags())
                        : fi_readmsg(domain_.ep(), &message, FI_COMPLETION);
    if (rc != 0) release_local(chunk);
    return Status::from_rc(rc);
}

void OfiRma::chunk_done(RmaChunk* chunk, Status status) {
    RmaOp* op = chunk->op;
    OfiPeer& peer = *op->peer;
    release_local(*chunk);
    free_chunks_.push_back(chunk);
    uncount(peer, chunk->bytes);
    peer.rma_moved = coarse_ms();
    --op->chunks;
    if (!op->write) --peer.reads_in_flight;
    if (op->status.ok()) op->status = status;
    if (peer.closing || !status.ok()) return;  // report_all() comes
    enlist(peer);
    if (!finished(*op)) return;
    RmaCompletion* completion = op->completion;
    peer.rma.erase(std::find(peer.rma.begin(), peer.rma.end(), op));
    give_back(op);
    completion->on_rma_done({});
}

void OfiRma::abandon(OfiPeer& peer) {
    peer.rma_unposted = 0;
    if (peer.rma_listed) std::erase(ready_, &peer);
    peer.rma_listed = false;
}

void OfiRma::report_all(OfiPeer& peer, Status why) {
    assert(peer.closing && peer.rma_chunks == 0);
    std::deque<RmaOp*> ops = std::move(peer.rma);
    peer.rma.clear();
    for (RmaOp* op : ops) {
        const Status status = finished(*op) || !op->status.ok() ? op->status : why;
        RmaCompletion* completion = op->completion;
        give_back(op);
        completion->on_rma_done(status);
    }
}

}  // namespace orfa::fabric
