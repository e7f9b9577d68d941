// SPDX-License-Identifier: MIT
// Requests for file data: what they ask, whether they may, and the small ones whose bytes are in
// the messages. The others: io_rounds.hpp.
#include "protocol/io_messages.hpp"
#include "server/access_list.hpp"
#include "server/core.hpp"
#include "server/fill_gate.hpp"
#include "server/gatherings.hpp"
#include "server/io_rounds.hpp"
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

// Of a byte in a message: into it or the ring, out of that, and to where it belongs.
constexpr std::uint64_t kInlineCopies = 3;

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

bool is_sound(const protocol::Together& together) {
    return together.participants >= 1 && together.participants <= protocol::kMaxParticipants &&
           together.reserved == 0;
}

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

Status write_inline(ObjectStore& store, ObjectStore::Pin* pin, Scratch& scratch,
                    std::span<const std::byte> payload) {
    Rounds rounds(scratch.list);
    const ObjectStore::Write write = store.begin_write(pin, false);
    while (!rounds.finished()) {
        rounds.next(Rounds::kNoLimit, scratch.round);
        for (const auto& part : scratch.round) {
            scratch.local.clear();
            ORFA_TRY(store.prepare_write(write, part.offset, part.length, scratch.local));
            for (const auto& segment : scratch.local) {
                std::memcpy(segment.data, payload.data(), segment.length);
                payload = payload.subspan(segment.length);
            }
            store.finish_write(write, part.offset, part.length, true);
        }
    }
    return {};
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
        core.shard->counters.bytes_copied += kInlineCopies * io.total_bytes;
    } else {
        moved = co_await write_rounds(core, request, *pinned, scratch, seat);
    }
    if (!moved.ok()) co_return moved;
    core.shard->counters.bytes_written += io.total_bytes;
    request.reply.put(protocol::IoReply{io.total_bytes, core.store->size(*pinned)});
    co_return Status();
}

Status read_inline(ObjectStore& store, ObjectStore::Pin* pin, Scratch& scratch,
                   std::uint64_t object_size, protocol::Writer& reply) {
    Rounds rounds(scratch.list);
    while (!rounds.finished()) {
        rounds.next(Rounds::kNoLimit, scratch.round);
        for (const auto& part : scratch.round) {
            const std::uint64_t there =
                protocol::bytes_below(part.offset, part.length, object_size);
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
            core.shard->counters.bytes_copied += kInlineCopies * io.total_bytes;
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
