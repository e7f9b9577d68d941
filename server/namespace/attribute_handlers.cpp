// SPDX-License-Identifier: MIT
// Looking up paths, and the attributes of inodes.
#include "server/namespace/handlers.hpp"
#include "server/namespace/permissions.hpp"

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

Task<Status> handle_walk(Core& core, Request& request) {
    WalkRequest body;
    std::string_view path;
    if (!parse(request, body, path)) co_return malformed();
    auto place = walk(*core.names, request.credentials(), body.start, path, body.flags);
    if (!place.ok()) co_return place.status();
    if (place->state != PathState::kDone) co_return reply_redirect(request, *place);
    if (const Status may = check_access(request.credentials(), place->inode, body.access);
        !may.ok())
        co_return may;
    reply_done(request, *place, place->ino);
    request.reply.put(attributes_of(core, place->ino, place->inode));
    co_return end_of_reply(request);
}

Task<Status> handle_getattr(Core& core, Request& request) {
    InodeRequest body;
    if (!parse(request, body)) co_return malformed();
    const auto inode = core.names->inode(body.ino);
    if (!inode.ok()) co_return inode.status();
    request.reply.put(attributes_of(core, body.ino, *inode));
    co_return end_of_reply(request);
}

namespace {

void apply(const SetattrRequest& change, std::int64_t now, InodeRecord& inode) {
    if ((change.mask & kSetMode) != 0) inode.mode = (inode.mode & S_IFMT) | (change.mode & 07777);
    if ((change.mask & kSetUid) != 0) inode.uid = change.uid;
    if ((change.mask & kSetGid) != 0) inode.gid = change.gid;
    if ((change.mask & kSetAtime) != 0) inode.atime_ns = change.atime_ns;
    if ((change.mask & kSetAtimeNow) != 0) inode.atime_ns = now;
    if ((change.mask & kSetMtime) != 0) inode.mtime_ns = change.mtime_ns;
    if ((change.mask & kSetMtimeNow) != 0) inode.mtime_ns = now;
    inode.ctime_ns = now;
}

}  // namespace

Task<Status> handle_setattr(Core& core, Request& request) {
    SetattrRequest body;
    if (!parse(request, body)) co_return malformed();
    const auto found = core.names->inode(body.ino);
    if (!found.ok()) co_return found.status();
    InodeRecord inode = *found;
    if (const Status may = check_setattr(request.credentials(), inode, body); !may.ok())
        co_return may;
    apply(body, core.names->now(), inode);
    Changes& changes = core.names->changes();
    changes.put_inode(body.ino, inode);
    if (const Status written = core.names->commit(changes); !written.ok()) co_return written;
    // From now on the inode's time counts, until the next write.
    const bool sets_mtime = (body.mask & kSetMtime) != 0 && inode.is_file();
    if (sets_mtime) core.store->forget_time(body.ino);
    SetattrReply reply{};
    reply.attributes = attributes_of(core, body.ino, inode);
    reply.capability =
        core.capabilities->make(body.ino, sets_mtime ? std::uint32_t{kMayWrite} : 0U);
    request.reply.put(reply);
    co_return end_of_reply(request);
}

Task<Status> handle_statfs(Core& core, Request& request) {
    if (!request.body.empty()) co_return malformed();
    const StoreUsage usage = core.store->usage();
    StatfsReply reply{};
    reply.total_bytes = usage.limit;
    reply.free_bytes = usage.limit > usage.used ? usage.limit - usage.used : 0;
    reply.files = core.names->files();
    reply.name_max = static_cast<std::uint32_t>(kMaxName);
    request.reply.put(reply);
    co_return end_of_reply(request);
}

}  // namespace orfa::server
