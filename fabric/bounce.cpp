// SPDX-License-Identifier: MIT
#include "fabric/bounce.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

namespace orfa::fabric {

BounceTransfers::BounceTransfers(LocalConnection& connection)
    : connection_(connection), slots_(connection.geometry().slot_count) {
    for (std::size_t i = slots_.size(); i > 0; --i)
        free_slots_.push_back(static_cast<std::uint32_t>(i - 1));
}

Status BounceTransfers::start(Direction direction, std::span<const LocalSegment> local,
                              std::span<const RemoteSegment> remote, std::uint64_t bytes,
                              RmaCompletion* completion) {
    transfers_.push_back({direction,
                          {local.begin(), local.end()},
                          {remote.begin(), remote.end()},
                          {},
                          {},
                          bytes,
                          0,
                          {},
                          completion});
    Transfer& transfer = transfers_.back();
    transfer.here = SegmentCursor<LocalSegment>(transfer.local);
    transfer.there = SegmentCursor<RemoteSegment>(transfer.remote);
    return pump();
}

Status BounceTransfers::pump() {
    for (auto it = transfers_.begin(); it != transfers_.end(); ++it) {
        while (it->to_ask > 0 && it->status.ok()) {
            if (free_slots_.empty()) return {};
            const std::uint32_t index = free_slots_.back();
            free_slots_.pop_back();
            ORFA_TRY(ask(it, index));
        }
    }
    return {};
}

Status BounceTransfers::ask(TransferList::iterator transfer, std::uint32_t slot_index) {
    RemoteSegment pieces[kMaxAskPieces];
    std::uint32_t count = 0;
    std::size_t bytes = 0;
    const std::size_t limit = connection_.geometry().slot_bytes;
    while (count < kMaxAskPieces && bytes < limit && !transfer->there.at_end()) {
        SegmentCursor<RemoteSegment>& there = transfer->there;
        const std::size_t n = std::min(limit - bytes, there.piece_length());
        const RemoteSegment& from = there.rest()[0];
        pieces[count++] = {from.addr + there.used(), from.key, n};
        there.advance(n);
        bytes += n;
    }
    Slot& slot = slots_[slot_index];
    slot = {true, transfer, transfer->here, bytes};
    ++transfer->slots_out;
    transfer->to_ask -= bytes;
    if (transfer->direction == Direction::kToPeer)
        gather(transfer->here, connection_.slot(slot_index).data(), bytes);
    else
        transfer->here.advance(bytes);
    const CopyAsk head{slot_index, static_cast<std::uint32_t>(transfer->direction), count, 0};
    return connection_.send(RecordKind::kCopyAsk, std::as_bytes(std::span(&head, 1)),
                            std::as_bytes(std::span(pieces, count)));
}

Status BounceTransfers::on_done(std::span<const std::byte> record) {
    CopyDone done;
    if (record.size() != sizeof done) return Status::from_errno(EPROTO);
    std::memcpy(&done, record.data(), sizeof done);
    if (done.slot >= slots_.size() || !slots_[done.slot].busy || done.error < 0)
        return Status::from_errno(EPROTO);
    Slot& slot = slots_[done.slot];
    const auto transfer = slot.transfer;
    if (done.error != 0) {
        if (transfer->status.ok()) transfer->status = Status::from_errno(done.error);
    } else if (transfer->direction == Direction::kFromPeer) {
        scatter(connection_.slot(done.slot).data(), slot.here, slot.bytes);
    }
    slot.busy = false;
    free_slots_.push_back(done.slot);
    --transfer->slots_out;
    if (transfer->slots_out == 0 && (transfer->to_ask == 0 || !transfer->status.ok())) {
        // Out of the list first: the completion may start another transfer.
        TransferList finished;
        finished.splice(finished.begin(), transfers_, transfer);
        const Status pumped = pump();
        transfer->completion->on_rma_done(transfer->status);
        return pumped;
    }
    return pump();
}

void BounceTransfers::fail_all(Status why) {
    TransferList failed;
    failed.swap(transfers_);
    for (Transfer& t : failed)
        t.completion->on_rma_done(why);
}

Status serve_copy(LocalConnection& connection, std::span<const std::byte> record,
                  const Registrations& registrations) {
    CopyAsk ask;
    if (record.size() < sizeof ask) return Status::from_errno(EPROTO);
    std::memcpy(&ask, record.data(), sizeof ask);
    if (ask.slot >= connection.geometry().slot_count || ask.count > kMaxAskPieces ||
        ask.direction > static_cast<std::uint32_t>(Direction::kToPeer) ||
        record.size() != sizeof ask + ask.count * sizeof(RemoteSegment))
        return Status::from_errno(EPROTO);
    const bool into_slot = ask.direction == static_cast<std::uint32_t>(Direction::kFromPeer);
    const Access needed = into_slot ? Access::kRemoteRead : Access::kRemoteWrite;
    std::span<std::byte> slot = connection.slot(ask.slot);
    std::int32_t error = 0;
    for (std::uint32_t i = 0; i < ask.count && error == 0; ++i) {
        RemoteSegment piece;
        std::memcpy(&piece, record.data() + sizeof ask + i * sizeof piece, sizeof piece);
        if (piece.length > slot.size()) return Status::from_errno(EPROTO);
        std::byte* memory = registrations.find(piece, needed);
        if (memory == nullptr) {
            error = EFAULT;
        } else if (into_slot) {
            std::memcpy(slot.data(), memory, piece.length);
        } else {
            std::memcpy(memory, slot.data(), piece.length);
        }
        slot = slot.subspan(piece.length);
    }
    const CopyDone done{ask.slot, error};
    return connection.send(RecordKind::kCopyDone, std::as_bytes(std::span(&done, 1)), {});
}

}  // namespace orfa::fabric
