// SPDX-License-Identifier: MIT
// File data: reads and writes that the server drives.
#include "protocol/io_messages.hpp"
#include "server/access_list.hpp"
#include "server/core.hpp"
#include "server/fill_gate.hpp"
#include "server/gatherings.hpp"
#include "server/request_times.hpp"
#include "server/rma.hpp"
#include "server/rounds.hpp"
#include "server/service.hpp"
#include "server/shard.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace orfa::server {
namespace {

static_assert(sizeof(fabric::RemoteSegment) == sizeof(protocol::MemorySegment));

// An object's pin, for as long as a request lasts.
class PinGuard {
  public:
    PinGuard(ObjectStore& store, ObjectStore::Pin* pin) : store_(store), pin_(pin) {}
    ~PinGuard() {
        if (pin_ != nullptr) store_.unpin(pin_);
    }
    PinGuard(const PinGuard&) = delete;
    PinGuard& operator=(const PinGuard&) = delete;

  private:
    ObjectStore& store_;
    ObjectStore::Pin* pin_;
};

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

bool is_sound(const protocol::Together& together) {
    return together.participants >= 1 && together.participants <= protocol::kMaxParticipants &&
           together.reserved == 0;
}

// Everything a data request needs while it runs. Kept and reused: a warm request allocates nothing.
struct Scratch {
    AccessList list;
    std::vector<std::byte> fetched;  // lists that were in the client's memory
    std::vector<fabric::LocalSegment> local;
    std::vector<fabric::RemoteSegment> remote;
    std::vector<RoundPiece> round;
};

class ScratchPool {
  public:
    std::unique_ptr<Scratch> take() {
        if (free_.empty()) return std::make_unique<Scratch>();
        auto scratch = std::move(free_.back());
        free_.pop_back();
        return scratch;
    }
    void give_back(std::unique_ptr<Scratch> scratch) { free_.push_back(std::move(scratch)); }

  private:
    std::vector<std::unique_ptr<Scratch>> free_;
};

class ScratchLease {
  public:
    ScratchLease() : scratch_(pool().take()) {}
    ~ScratchLease() { pool().give_back(std::move(scratch_)); }
    ScratchLease(const ScratchLease&) = delete;
    ScratchLease& operator=(const ScratchLease&) = delete;
    Scratch& operator*() { return *scratch_; }

  private:
    static ScratchPool& pool() {
        thread_local ScratchPool instance;  // requests stay on their shard's thread
        return instance;
    }
    std::unique_ptr<Scratch> scratch_;
};

// Reads the request and its lists, fetching these from the client's memory when they are there.
// `payload` is what follows them in the message.
Task<Status> parse(Core& core, Request& request, protocol::IoRequest& io,
                   protocol::Together& together, Scratch& scratch,
                   std::span<const std::byte>& payload) {
    protocol::Reader reader = request.reader();
    if (!reader.get(io)) co_return Status::from_errno(EPROTO);
    if (const Status bounds = check_bounds(io); !bounds.ok()) co_return bounds;
    if ((io.flags & protocol::kTogether) != 0 && (!reader.get(together) || !is_sound(together)))
        co_return Status::from_errno(EPROTO);
    if ((io.flags & protocol::kListsInMemory) == 0) {
        if (const Status lists = parse_lists(io, reader, scratch.list); !lists.ok())
            co_return lists;
        payload = reader.rest();
        co_return Status();
    }
    const std::size_t bytes =
        io.entry_count * entry_bytes(io) + io.segment_count * sizeof(protocol::MemorySegment);
    if (io.lists.length != bytes || bytes == 0) co_return Status::from_errno(EPROTO);
    scratch.fetched.resize(bytes);
    const fabric::LocalSegment into{scratch.fetched.data(), bytes};
    const fabric::RemoteSegment from{io.lists.addr, io.lists.key, io.lists.length};
    const Status fetched =
        co_await Rma(Rma::Direction::kPull, *request.session, {&into, 1}, {&from, 1});
    if (!fetched.ok()) co_return fetched;
    core.shard->counters.request_bytes += bytes;
    protocol::Reader lists(scratch.fetched);
    co_return parse_lists(io, lists, scratch.list);
}

// While it is so, a request waits for core.fills->change().
bool is_filling(const Core& core, const ObjectStore::Pin* pin,
                const std::vector<RoundPiece>& round) {
    return std::any_of(round.begin(), round.end(), [&](const RoundPiece& part) {
        return core.store->is_filling(pin, part.offset, part.length);
    });
}

// The same, of all its rounds.
bool is_filling(const Core& core, const ObjectStore::Pin* pin, Scratch& scratch) {
    if (!core.store->is_filling(pin, 0, kNoLimit)) return false;
    Rounds rounds(scratch.list);
    bool found = false;
    while (!found && !rounds.finished()) {
        rounds.next(kNoLimit, scratch.round);
        found = is_filling(core, pin, scratch.round);
    }
    return found;
}

// Whether rma with this client may take any time, as it needs the client's help: others then look
// meanwhile, and do not wait as for what is_filling().
bool is_exposed(const Session& session) {
    return !session.endpoint->moves_alone(session.peer);
}

Status write_inline(ObjectStore& store, ObjectStore::Pin* pin, Scratch& scratch,
                    std::span<const std::byte> payload) {
    Rounds rounds(scratch.list);
    while (!rounds.finished()) {
        rounds.next(kNoLimit, scratch.round);
        for (const auto& part : scratch.round) {
            scratch.local.clear();
            ORFA_TRY(store.prepare_write(pin, part.offset, part.length, false, scratch.local));
            for (const auto& segment : scratch.local) {
                std::memcpy(segment.data, payload.data(), segment.length);
                payload = payload.subspan(segment.length);
            }
            store.finish_write(pin, part.offset, part.length, true);
        }
    }
    return {};
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
        return seat ? seat.turn(rounds.offset()).await_resume() : kNoLimit;
    }
};

// Finds memory for a round's extents from the store; `prepared` of them, all unless one fails.
Status prepare_round(ObjectStore& store, ObjectStore::Pin* pin, bool exposed, SegmentCursor& memory,
                     Scratch& scratch, std::size_t& prepared) {
    for (const auto& part : scratch.round) {
        ORFA_TRY(store.prepare_write(pin, part.offset, part.length, exposed, scratch.local));
        ++prepared;
        memory.move_to(part.position);
        memory.take(part.length, scratch.remote);
    }
    return {};
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
        while (is_filling(core, pin, scratch.round))
            co_await core.fills->change();
        scratch.local.clear();
        scratch.remote.clear();
        std::size_t prepared = 0;
        Status status;
        {
            const TimedBlock timed(times, times.store);
            status = prepare_round(store, pin, exposed, memory, scratch, prepared);
        }
        if (status.ok()) {
            const TimedBlock timed(times, times.moving);
            ++core.shard->counters.rma_operations;
            status = co_await Rma(Rma::Direction::kPull, session, scratch.local, scratch.remote);
        }
        const TimedBlock timed(times, times.store);
        for (std::size_t i = 0; i < prepared; ++i)
            store.finish_write(pin, scratch.round[i].offset, scratch.round[i].length, status.ok());
        core.fills->notify();
        if (!status.ok()) co_return status;
    }
    co_return Status();
}

// A request that was refused before has none, and the others do not wait for it for ever.
Gatherings::Seat seat_of(Core& core, const protocol::IoRequest& io,
                         const protocol::Together& together) {
    if ((io.flags & protocol::kTogether) == 0) return {};
    return core.gatherings->arrive(io.capability.ino, together);
}

Task<Status> handle_join(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::JoinRequest join{};
    if (!reader.get(join) || !reader.finished() || !is_sound(join.together))
        co_return Status::from_errno(EPROTO);
    if (!core.capabilities->allows(join.capability, 0)) co_return Status::from_errno(EBADF);
    core.gatherings->arrive(join.capability.ino, join.together);
    co_return Status();
}

Task<Status> handle_write(Core& core, Request& request) {
    ScratchLease lease;
    Scratch& scratch = *lease;
    protocol::IoRequest io{};
    protocol::Together together{};
    std::span<const std::byte> payload;
    if (const Status parsed = co_await parse(core, request, io, together, scratch, payload);
        !parsed.ok())
        co_return parsed;
    if (!core.capabilities->allows(io.capability, protocol::kMayWrite))
        co_return Status::from_errno(EBADF);
    if (io.segment_count == 0 && payload.size() != io.total_bytes)
        co_return Status::from_errno(EPROTO);
    const auto pinned = core.store->pin(io.capability.ino, true);
    if (!pinned.ok()) co_return pinned.status();
    const PinGuard guard(*core.store, *pinned);
    Gatherings::Seat seat = seat_of(core, io, together);
    while (io.segment_count == 0 && is_filling(core, *pinned, scratch))
        co_await core.fills->change();
    Status moved;
    if (io.segment_count == 0) {
        const TimedBlock timed(request.times, request.times.store);
        moved = write_inline(*core.store, *pinned, scratch, payload);
    } else {
        moved = co_await write_rounds(core, request, *pinned, scratch, seat);
    }
    if (!moved.ok()) co_return moved;
    core.shard->counters.bytes_written += io.total_bytes;
    request.reply.put(protocol::IoReply{io.total_bytes, core.store->size(*pinned)});
    co_return Status();
}

// The bytes of a piece that an object of `size` bytes has.
std::uint64_t bytes_there(const RoundPiece& part, std::uint64_t size) {
    return part.offset < size ? std::min(part.length, size - part.offset) : 0;
}

Status read_inline(ObjectStore& store, ObjectStore::Pin* pin, Scratch& scratch,
                   std::uint64_t object_size, protocol::Writer& reply) {
    Rounds rounds(scratch.list);
    while (!rounds.finished()) {
        rounds.next(kNoLimit, scratch.round);
        for (const auto& part : scratch.round) {
            const std::uint64_t there = bytes_there(part, object_size);
            scratch.local.clear();
            if (there > 0) ORFA_TRY(store.prepare_read(pin, part.offset, there, scratch.local));
            for (const auto& segment : scratch.local)
                if (!reply.put_bytes({segment.data, segment.length}))
                    return Status::from_errno(EMSGSIZE);
            const auto rest = reply.reserve(part.length - there);
            if (reply.overflowed()) return Status::from_errno(EMSGSIZE);
            std::fill(rest.begin(), rest.end(), std::byte{0});
        }
    }
    return {};
}

// Where the bytes of a round are: in the store, and the memory that they go to.
Status find_round(ObjectStore& store, ObjectStore::Pin* pin, std::uint64_t object_size,
                  SegmentCursor& memory, Scratch& scratch) {
    for (const auto& part : scratch.round) {
        const std::uint64_t there = bytes_there(part, object_size);
        if (there == 0) continue;
        ORFA_TRY(store.prepare_read(pin, part.offset, there, scratch.local));
        memory.move_to(part.position);
        memory.take(there, scratch.remote);
    }
    return {};
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
        while (is_filling(core, pin, scratch.round))
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
            ++core.shard->counters.rma_operations;
            const Status pushed =
                co_await Rma(Rma::Direction::kPush, session, scratch.local, scratch.remote);
            if (!pushed.ok()) co_return pushed;
        }
    }
    co_return Status();
}

// The bytes of the request that lie below the object's end.
std::uint64_t bytes_below(const AccessList& list, std::uint64_t size) {
    std::uint64_t bytes = 0;
    protocol::Walk walk = list.walk();
    for (auto run = walk.next(); run.count > 0; run = walk.next())
        bytes += protocol::bytes_below(run, size);
    return bytes;
}

Task<Status> handle_read(Core& core, Request& request) {
    ScratchLease lease;
    Scratch& scratch = *lease;
    protocol::IoRequest io{};
    protocol::Together together{};
    std::span<const std::byte> payload;
    if (const Status parsed = co_await parse(core, request, io, together, scratch, payload);
        !parsed.ok())
        co_return parsed;
    if (!payload.empty()) co_return Status::from_errno(EPROTO);
    if (!core.capabilities->allows(io.capability, protocol::kMayRead))
        co_return Status::from_errno(EBADF);
    const auto pinned = core.store->pin(io.capability.ino, false);
    if (!pinned.ok() && pinned.status().err() != ENOENT) co_return pinned.status();
    const PinGuard guard(*core.store, pinned.ok() ? *pinned : nullptr);
    Gatherings::Seat seat = seat_of(core, io, together);
    while (io.segment_count == 0 && pinned.ok() && is_filling(core, *pinned, scratch))
        co_await core.fills->change();
    // Its size now: bytes that come meanwhile are not this read's.
    const std::uint64_t size = pinned.ok() ? core.store->size(*pinned) : 0;
    const std::uint64_t bytes = bytes_below(scratch.list, size);
    request.reply.put(protocol::IoReply{bytes, size});
    if (bytes > 0 || io.segment_count == 0) {
        ObjectStore::Pin* pin = pinned.ok() ? *pinned : nullptr;
        Status moved;
        if (io.segment_count == 0) {
            const TimedBlock timed(request.times, request.times.store);
            moved = read_inline(*core.store, pin, scratch, size, request.reply);
        } else {
            moved = co_await read_rounds(core, request, pin, scratch, seat, size);
        }
        if (!moved.ok()) co_return moved;
    }
    core.shard->counters.bytes_read += bytes;
    co_return Status();
}

}  // namespace

void add_io_handlers(OpTable& table) {
    entry_of(table, protocol::Op::kRead) = {handle_read, false, "read"};
    entry_of(table, protocol::Op::kWrite) = {handle_write, false, "write"};
    entry_of(table, protocol::Op::kJoin) = {handle_join, false, "join"};
}

}  // namespace orfa::server
