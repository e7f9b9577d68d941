// SPDX-License-Identifier: MIT
// The care of objects: sizes, room, durability.
#include "protocol/io_messages.hpp"
#include "server/core.hpp"
#include "server/namespace/namespace.hpp"
#include "server/service.hpp"

#include <cerrno>

namespace orfa::server {
namespace {

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
    entry_of(table, protocol::Op::kSync) = {handle_sync, false, "sync"};
}

}  // namespace orfa::server
