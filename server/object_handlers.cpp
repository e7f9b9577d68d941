// SPDX-License-Identifier: MIT
// The care of objects: sizes, room, durability.
#include "protocol/io_messages.hpp"
#include "protocol/mapped_store.hpp"
#include "server/core.hpp"
#include "server/namespace/namespace.hpp"
#include "server/service.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace orfa::server {
namespace {

constexpr std::uint64_t kMostBlocks = (1ULL << 62) / protocol::kStoreBlockBytes;

Task<Status> handle_object_stat(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::ObjectRequest object{};
    if (!reader.get(object) || !reader.finished()) co_return Status::from_errno(EPROTO);
    const auto info = core.store->info(object.ino);
    if (!info.ok() && info.status().err() != ENOENT) co_return info.status();
    const ObjectInfo found = info.ok() ? *info : ObjectInfo{};
    request.reply.put(protocol::ObjectReply{found.size, found.allocated, found.mtime_ns});
    co_return Status();
}

Task<Status> handle_truncate(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::TruncateRequest truncate{};
    if (!reader.get(truncate) || !reader.finished()) co_return Status::from_errno(EPROTO);
    if (!core.capabilities->allows(truncate.capability, protocol::kMayWrite))
        co_return Status::from_errno(EBADF);
    const std::uint64_t ino = truncate.capability.ino;
    switch (truncate.mode) {
        case protocol::TruncateMode::kForgetTime:
            core.store->forget_time(ino);
            co_return Status();
        case protocol::TruncateMode::kGrowOnly: {
            const auto info = core.store->info(ino);
            if (info.ok() && (*info).size >= truncate.size) co_return Status();
            co_return core.store->truncate(ino, truncate.size);
        }
        case protocol::TruncateMode::kExact:
            core.names->forget_append(ino);
            co_return core.store->truncate(ino, truncate.size);
    }
    co_return Status::from_errno(EPROTO);
}

Task<Status> handle_allocate(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::AllocateRequest allocate{};
    if (!reader.get(allocate) || !reader.finished()) co_return Status::from_errno(EPROTO);
    if (!core.capabilities->allows(allocate.capability, protocol::kMayWrite))
        co_return Status::from_errno(EBADF);
    co_return core.store->allocate(allocate.capability.ino, allocate.range.offset,
                                   allocate.range.length);
}

Task<Status> handle_locate(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::LocateRequest locate{};
    if (!reader.get(locate) || !reader.finished() || locate.count == 0 ||
        locate.count > protocol::kMaxLocated || locate.room_count > protocol::kMaxRoom ||
        locate.room_first > locate.count - std::min(locate.count, locate.room_count) ||
        locate.room_count > locate.count || locate.room_new > protocol::kMaxRoom ||
        (locate.room_count == 0 && locate.room_new > 0))
        co_return Status::from_errno(EPROTO);
    const std::uint32_t right = locate.room_count > 0 ? std::uint32_t{protocol::kMayWrite} : 0;
    if (!core.capabilities->allows(locate.capability, right)) co_return Status::from_errno(EBADF);
    const std::uint64_t ino = locate.capability.ino;
    protocol::LocateReply reply{};
    if (locate.room_count > 0 && locate.first_block < kMostBlocks) {
        const std::uint64_t first = locate.first_block + locate.room_first;
        reply.made = core.store->make_room(
            ino,
            {first, first + locate.room_count, locate.first_block + locate.count, locate.room_new});
    }
    std::array<protocol::BlockLocation, protocol::kMaxLocated> locations{};
    const std::span<protocol::BlockLocation> wanted(locations.data(), locate.count);
    core.store->locate(ino, locate.first_block, wanted);
    request.reply.put(reply);
    request.reply.put_array(std::span<const protocol::BlockLocation>(wanted));
    co_return Status();
}

Task<Status> handle_sync(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::SyncRequest sync{};
    if (!reader.get(sync) || !reader.finished()) co_return Status::from_errno(EPROTO);
    if (!core.capabilities->allows(sync.capability, 0)) co_return Status::from_errno(EBADF);
    co_return core.store->sync(sync.capability.ino);
}

}  // namespace

void add_object_handlers(OpTable& table) {
    entry_of(table, protocol::Op::kObjectStat) = {handle_object_stat, false, "object stat"};
    entry_of(table, protocol::Op::kTruncate) = {handle_truncate, false, "truncate"};
    entry_of(table, protocol::Op::kAllocate) = {handle_allocate, false, "allocate"};
    entry_of(table, protocol::Op::kLocate) = {handle_locate, false, "locate"};
    entry_of(table, protocol::Op::kSync) = {handle_sync, false, "sync"};
}

}  // namespace orfa::server
