// SPDX-License-Identifier: MIT
#include "server/io_rounds.hpp"

#include "server/fill_gate.hpp"
#include "server/request_times.hpp"
#include "server/rma.hpp"
#include "server/rounds.hpp"
#include "server/shard.hpp"

#include <algorithm>
#include <coroutine>

namespace orfa::server {
namespace {

static_assert(sizeof(fabric::RemoteSegment) == sizeof(protocol::MemorySegment));

bool is_filling_any(const Core& core, const ObjectStore::Pin* pin,
                    const std::vector<RoundPiece>& round) {
    return std::any_of(round.begin(), round.end(), [&](const RoundPiece& part) {
        return core.store->is_filling(pin, part.offset, part.length);
    });
}

// Whether rma with this client may take any time, as it needs the client's help: others then look
// meanwhile, and do not wait as for what is_filling().
bool is_exposed(const Session& session) {
    return !session.endpoint->moves_alone(session.peer);
}

// co_await RoundTurn{...}: until a request's next round may begin; gives the offset up to which it
// may go. A part of a collective access waits for its seat's turn, others let each other go first.
struct RoundTurn {
    Shard& shard;
    Gatherings::Seat& seat;
    const Rounds& rounds;

    bool await_ready() const { return !seat && !rounds.begun(); }
    void await_suspend(std::coroutine_handle<> waiting) {
        if (seat)
            seat.turn(rounds.offset()).await_suspend(waiting);
        else
            shard.turn().await_suspend(waiting);
    }
    std::uint64_t await_resume() const {
        return seat ? seat.turn(rounds.offset()).await_resume() : Rounds::kNoLimit;
    }
};

void count_round(Shard& shard, const Session& session, const Scratch& scratch) {
    ++shard.counters.rma_operations;
    if (scratch.remote.empty()) return;
    std::uint64_t bytes = 0;
    for (const auto& segment : scratch.remote)
        bytes += segment.length;
    // One rma's memory is all of one kind.
    shard.counters.bytes_copied +=
        bytes * session.endpoint->copies_with(session.peer, scratch.remote.front());
}

// Finds memory for a round's extents from the store; `prepared` of them, all unless one fails.
Status prepare_round(ObjectStore& store, const ObjectStore::Write& write, SegmentCursor& memory,
                     Scratch& scratch, std::size_t& prepared) {
    for (const auto& part : scratch.round) {
        ORFA_TRY(store.prepare_write(write, part.offset, part.length, scratch.local));
        ++prepared;
        memory.move_to(part.position);
        memory.take(part.length, scratch.remote);
    }
    return {};
}

// Where the bytes of a round are: in the store, and the memory that they go to.
Status find_round(ObjectStore& store, ObjectStore::Pin* pin, std::uint64_t object_size,
                  SegmentCursor& memory, Scratch& scratch) {
    for (const auto& part : scratch.round) {
        const std::uint64_t there = protocol::bytes_below(part.offset, part.length, object_size);
        if (there == 0) continue;
        ORFA_TRY(store.prepare_read(pin, part.offset, there, scratch.local));
        memory.move_to(part.position);
        memory.take(there, scratch.remote);
    }
    return {};
}

}  // namespace

bool is_filling(const Core& core, const ObjectStore::Pin* pin, Scratch& scratch) {
    if (!core.store->is_filling(pin, 0, Rounds::kNoLimit)) return false;
    Rounds rounds(scratch.list);
    bool found = false;
    while (!found && !rounds.finished()) {
        rounds.next(Rounds::kNoLimit, scratch.round);
        found = is_filling_any(core, pin, scratch.round);
    }
    return found;
}

Task<Status> write_rounds(Core& core, Request& request, ObjectStore::Pin* pin, Scratch& scratch,
                          Gatherings::Seat& seat) {
    const Session& session = *request.session;
    RequestTimes& times = request.times;
    ObjectStore& store = *core.store;
    SegmentCursor memory(scratch.list.segments);
    Rounds rounds(scratch.list);
    const bool exposed = is_exposed(session);
    while (!rounds.finished()) {
        const std::uint64_t limit = co_await RoundTurn{*core.shard, seat, rounds};
        rounds.next(limit, scratch.round);
        while (is_filling_any(core, pin, scratch.round))
            co_await core.fills->change();
        scratch.local.clear();
        scratch.remote.clear();
        const ObjectStore::Write write = store.begin_write(pin, exposed);
        std::size_t prepared = 0;
        Status status;
        {
            const TimedBlock timed(times, times.store);
            status = prepare_round(store, write, memory, scratch, prepared);
        }
        if (status.ok()) {
            const TimedBlock timed(times, times.moving);
            count_round(*core.shard, session, scratch);
            status = co_await Rma(Rma::Direction::kPull, session, scratch.local, scratch.remote);
        }
        const TimedBlock timed(times, times.store);
        for (std::size_t i = 0; i < prepared; ++i)
            store.finish_write(write, scratch.round[i].offset, scratch.round[i].length,
                               status.ok());
        core.fills->notify();
        if (!status.ok()) co_return status;
    }
    co_return Status();
}

Task<Status> read_rounds(Core& core, Request& request, ObjectStore::Pin* pin, Scratch& scratch,
                         Gatherings::Seat& seat, std::uint64_t object_size) {
    const Session& session = *request.session;
    RequestTimes& times = request.times;
    SegmentCursor memory(scratch.list.segments);
    Rounds rounds(scratch.list);
    while (!rounds.finished()) {
        const std::uint64_t limit = co_await RoundTurn{*core.shard, seat, rounds};
        rounds.next(limit, scratch.round);
        while (is_filling_any(core, pin, scratch.round))
            co_await core.fills->change();
        scratch.local.clear();
        scratch.remote.clear();
        {
            const TimedBlock timed(times, times.store);
            const Status found = find_round(*core.store, pin, object_size, memory, scratch);
            if (!found.ok()) co_return found;
        }
        if (!scratch.local.empty()) {
            const TimedBlock timed(times, times.moving);
            count_round(*core.shard, session, scratch);
            const Status pushed =
                co_await Rma(Rma::Direction::kPush, session, scratch.local, scratch.remote);
            if (!pushed.ok()) co_return pushed;
        }
    }
    co_return Status();
}

}  // namespace orfa::server
