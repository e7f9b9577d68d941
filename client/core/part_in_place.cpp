// SPDX-License-Identifier: MIT
// What of a part needs no request: its bytes are copied to or from the store that this process has
// mapped.
#include "client/core/file.hpp"
#include "client/core/in_place.hpp"
#include "client/core/part.hpp"
#include "client/core/pieces.hpp"
#include "client/core/session.hpp"
#include "client/core/transfer.hpp"
#include "protocol/mapped_store.hpp"

#include <algorithm>

namespace orfa::client {
namespace {

using Purpose = Locations::Purpose;

// Of larger ones servers see that the program's memory is not there (EFAULT), which here would be
// the program's end; they copy them with both processors.
constexpr std::uint64_t kLargestInPlace = 1 << 20;
// Larger writes gain nothing by room: making it costs the server what copying them would.
constexpr std::uint64_t kLargestToFill = 128 << 10;
// None of that holds for many small pieces: a server searches for each of them, which takes longer
// than to copy it. Unless they are so far from each other that room for a block is for few of them.
constexpr std::uint64_t kManyPieces = 256;
constexpr std::uint64_t kSmallPiece = 1024;
constexpr std::uint64_t kNearPieces = 1024;
// Copied until others get the lock.
constexpr std::uint64_t kMostAtOnce = 4 << 20;

bool is_scattered(const Share& share) {
    const std::uint64_t pieces = share.pieces();
    return pieces >= kManyPieces && share.bytes / pieces <= kSmallPiece;
}

Purpose purpose_of(const Share& share, Direction direction, bool scattered) {
    if (direction == Direction::kRead) return Purpose::kRead;
    if (scattered && share.hull() / share.pieces() <= kNearPieces) return Purpose::kSprinkle;
    return share.bytes > kLargestToFill ? Purpose::kOverwrite : Purpose::kFill;
}

}  // namespace

// Goes on behind the first `done` bytes of the share, and adds to them. The caller holds the mesh's
// lock, by a name the analysis can't follow.
Part::Copied Part::copy_in_place(std::uint64_t& done, Locations::Miss& miss) ORFA_NO_ANALYSIS {
    File& file = transfer_.file();
    rpc::Mesh& mesh = file.session().mesh();
    mesh.notice();
    const auto route = mesh.route(file.server_of(share_->column));
    if (!route.ok()) return Copied::kNothingThere;
    const fabric::ExposedMemory exposed = (*route).endpoint->exposed((*route).peer);
    if (exposed.memory.empty()) return Copied::kNothingThere;
    InPlaceCopy copy(exposed, file.locations(), share_->column, direction_);
    std::uint64_t skip = done;
    bool missed = false;
    const bool all = visit_runs(*share_, [&](const Pieces& pieces) {
        if (copy.bytes() >= kMostAtOnce) return false;
        const std::uint64_t before = std::min(skip, pieces.length * pieces.count);
        skip -= before;
        missed = !copy.copy(pieces, before);
        return !missed;
    });
    done += copy.bytes();
    miss = copy.miss();
    if (missed) return Copied::kMissed;
    return all ? Copied::kAll : Copied::kSome;
}

// Room that a question about the miss is to ask for, when `done` bytes are copied.
Locations::Room Part::room_for(const Locations::Miss& miss, Purpose purpose,
                               std::uint64_t done) const {
    const Locations& locations = transfer_.file().locations();
    if (purpose == Purpose::kFill) return locations.room_wanted(share_->column, miss, 0);
    if (purpose != Purpose::kSprinkle) return {};
    const std::uint64_t blocks = share_->hull() / protocol::kStoreBlockBytes + 1;
    const std::uint64_t needed = blocks * (share_->bytes - done) / share_->bytes + 1;
    return locations.room_wanted(share_->column, miss, needed);
}

bool Part::move_in_place(Share& share, Direction direction) {
    const bool scattered = is_scattered(share);
    if (share.bytes > kLargestInPlace && !scattered) return false;
    share_ = &share;
    direction_ = direction;
    File& file = transfer_.file();
    rpc::Mesh& mesh = file.session().mesh();
    const Purpose purpose = purpose_of(share, direction, scattered);
    // Data beyond the first server must not be there before its home server knows.
    if (direction == Direction::kWrite && share.column != 0 && !file.is_spread() &&
        (purpose != Purpose::kSprinkle || !file.mark_spread().ok()))
        return false;
    std::uint64_t done = 0;
    std::uint64_t asked_at = ~std::uint64_t{0};
    for (Copied copied = Copied::kSome; copied != Copied::kAll;) {
        Locations::Miss miss{};
        Locations::Room room;
        {
            const MutexLock lock(mesh.mutex());
            copied = copy_in_place(done, miss);
            if (copied == Copied::kNothingThere) return false;
            if (copied != Copied::kMissed) continue;
            if (done == asked_at || !file.locations().is_worth_asking(share.column, miss, purpose))
                return false;
            room = room_for(miss, purpose, done);
        }
        asked_at = done;
        if (!file.locate(share.column, miss, room).ok()) return false;
    }
    reply_ = {share.bytes, File::kUnknown};
    file.session().counters.bytes_in_place.fetch_add(share.bytes, std::memory_order_relaxed);
    return true;
}

}  // namespace orfa::client
