// SPDX-License-Identifier: MIT
// Creating, opening and closing files; the two requests of writers to a file's home.
#include "protocol/layout.hpp"
#include "server/namespace/handlers.hpp"
#include "server/namespace/permissions.hpp"

#include <algorithm>
#include <limits>

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

namespace {

// The layout of a new file: what was asked for, else the directory's, else the cluster's. EINVAL.
Result<Layout> layout_of_new(const ServerIdentity& server, const InodeRecord& directory,
                             const Layout& wish) {
    Layout layout = server.default_layout;
    layout.first_server = server.index;
    if (directory.layout.stripe_size != 0) layout = directory.layout;
    if (wish.stripe_size != 0) layout.stripe_size = wish.stripe_size;
    if (wish.stripe_count != 0) layout.stripe_count = wish.stripe_count;
    if (wish.first_server != kAnyServer) {
        layout.first_server = wish.first_server;
    } else if (directory.layout.stripe_size != 0 && layout.first_server == kAnyServer) {
        layout.first_server = server.index;
    }
    layout.stripe_count = std::min(layout.stripe_count, server.count);
    if (!is_valid(layout, server.count)) return error(EINVAL);
    return layout;
}

Status check_open(const Credentials& who, const InodeRecord& inode, std::uint32_t flags) {
    const bool writes = (flags & (kOpenWrite | kOpenTruncate)) != 0;
    if (inode.is_symlink()) return error(ELOOP);
    if (inode.is_directory() && writes) return error(EISDIR);
    if (!inode.is_directory() && (flags & kOpenDirectory) != 0) return error(ENOTDIR);
    std::uint32_t access = (flags & kOpenRead) != 0 ? R_OK : 0U;
    if (writes) access |= W_OK;
    return check_access(who, inode, access);
}

Status truncate_at_open(Core& core, std::uint64_t ino, InodeRecord& inode) {
    if (core.store->info(ino).ok()) ORFA_TRY(core.store->truncate(ino, 0));
    core.names->forget_append(ino);
    inode.mtime_ns = inode.ctime_ns = core.names->now();
    Changes& changes = core.names->changes();
    changes.put_inode(ino, inode);
    return core.names->commit(changes);
}

// The end of every kOpen: the inode is known, allowed, and there.
Status finish_open(Core& core, Request& request, const OpenRequest& open, std::uint64_t ino,
                   const InodeRecord& inode, bool created) {
    std::uint32_t rights = 0;
    if ((open.flags & kOpenRead) != 0) rights |= kMayRead;
    if ((open.flags & kOpenWrite) != 0) rights |= kMayWrite;
    OpenReply reply{};
    reply.attributes = attributes_of(core, ino, inode);
    reply.capability = core.capabilities->make(ino, rights);
    reply.created = created ? 1 : 0;
    request.reply.put(reply);
    ORFA_TRY(end_of_reply(request));
    core.names->count_open(*request.session, ino);
    return {};
}

Status open_inode(Core& core, Request& request, const OpenRequest& open, const Place& place) {
    InodeRecord inode = place.inode;
    ORFA_TRY(check_open(request.credentials(), inode, open.flags));
    if ((open.flags & kOpenTruncate) != 0) ORFA_TRY(truncate_at_open(core, place.ino, inode));
    reply_done(request, place, place.ino);
    return finish_open(core, request, open, place.ino, inode, false);
}

Status create(Core& core, Request& request, const OpenRequest& open, const Place& place) {
    Namespace& names = *core.names;
    auto layout = layout_of_new(core.identity, place.inode, open.layout);
    if (!layout.ok()) return layout.status();
    const std::int64_t now = names.now();
    InodeRecord inode = new_inode(request.credentials(), place.inode, S_IFREG, open.mode, now);
    inode.layout = *layout;
    if (layout->first_server != core.identity.index) inode.flags |= kSpread;
    InodeRecord directory = place.inode;
    ++directory.entries;
    directory.mtime_ns = directory.ctime_ns = now;

    Changes& changes = names.changes();
    const std::uint64_t ino = names.new_ino(core.identity.index, changes);
    changes.put_inode(ino, inode);
    changes.put_entry(place.ino, place.last, {ino, S_IFREG, 0});
    changes.put_inode(place.ino, directory);
    changes.new_files = 1;
    ORFA_TRY(names.commit(changes));
    reply_done(request, place, ino);
    return finish_open(core, request, open, ino, inode, true);
}

// What is there under the path's last name, in place.inode's directory.
Status open_entry(Core& core, Request& request, const OpenRequest& open, Place& place,
                  const EntryRecord& entry) {
    if ((open.flags & kOpenCreate) != 0 && (open.flags & kOpenExclusive) != 0) return error(EEXIST);
    const bool follow = (open.flags & kOpenNoFollow) == 0 || place.must_be_directory;
    if (S_ISLNK(entry.type) && !follow) return error(ELOOP);
    place.ino = entry.ino;
    if (!core.names->is_home(entry.ino)) {
        place.state = PathState::kElsewhere;
        return reply_redirect(request, place);
    }
    if (S_ISLNK(entry.type)) {
        auto target = core.names->link_target(entry.ino);
        if (!target.ok()) return target.status();
        place.state = PathState::kSymlink;
        place.target = std::move(*target);
        return reply_redirect(request, place);
    }
    auto inode = core.names->inode(entry.ino);
    if (!inode.ok()) return inode.status();
    place.inode = *inode;
    if (place.must_be_directory && !inode->is_directory()) return error(ENOTDIR);
    return open_inode(core, request, open, place);
}

}  // namespace

Task<Status> handle_open(Core& core, Request& request) {
    OpenRequest open;
    std::string_view path;
    if (!parse(request, open, path)) co_return malformed();
    Namespace& names = *core.names;
    const Credentials& who = request.credentials();

    auto place = walk_to_parent(names, who, open.start, path);
    if (!place.ok()) co_return place.status();
    if (place->state == PathState::kDone && is_special(place->last)) {
        const bool follow = (open.flags & kOpenNoFollow) == 0;
        place = walk(names, who, open.start, path, follow ? std::uint32_t{kFollowLast} : 0U);
        if (!place.ok()) co_return place.status();
        if (place->state == PathState::kDone) co_return open_inode(core, request, open, *place);
    }
    if (place->state != PathState::kDone) co_return reply_redirect(request, *place);

    if (names.locks().held(place->ino, place->last)) {
        while (names.locks().held(place->ino, place->last))
            co_await names.locks().settle(place->ino, place->last);
        const auto directory = names.directory(place->ino);
        if (!directory.ok()) co_return directory.status();
        place->inode = *directory;
    }
    if (place->last.size() > kMaxName) co_return error(ENAMETOOLONG);
    if (const Status may = check_access(who, place->inode, X_OK); !may.ok()) co_return may;
    const auto entry = names.entry(place->ino, place->last);
    if (entry.ok()) co_return open_entry(core, request, open, *place, *entry);
    if (entry.status().err() != ENOENT || (open.flags & kOpenCreate) == 0) co_return entry.status();
    if (place->must_be_directory) co_return error(EISDIR);
    if (names.locks().doubtful(place->ino, place->last)) co_return error(EBUSY);
    if (const Status may = check_insert(who, place->inode, place->last); !may.ok()) co_return may;
    co_return create(core, request, open, *place);
}

Task<Status> handle_close(Core& core, Request& request) {
    InodeRequest body;
    if (!parse(request, body)) co_return malformed();
    co_return core.names->count_close(*request.session, body.ino);
}

Task<Status> handle_mark_spread(Core& core, Request& request) {
    MarkSpreadRequest body;
    if (!parse(request, body)) co_return malformed();
    if (!core.capabilities->allows(body.capability, kMayWrite)) co_return error(EACCES);
    auto inode = core.names->inode(body.capability.ino);
    if (!inode.ok()) co_return inode.status();
    if ((inode->flags & kSpread) != 0) co_return Status();
    InodeRecord spread = *inode;
    spread.flags |= kSpread;
    Changes& changes = core.names->changes();
    changes.put_inode(body.capability.ino, spread);
    co_return core.names->commit(changes);
}

Task<Status> handle_append(Core& core, Request& request) {
    AppendRequest body;
    if (!parse(request, body)) co_return malformed();
    if (!core.capabilities->allows(body.capability, kMayWrite)) co_return error(EACCES);
    auto inode = core.names->inode(body.capability.ino);
    if (!inode.ok()) co_return inode.status();
    constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
    if (body.observed_size > kLargest || body.length > kLargest / 2) co_return error(EFBIG);
    request.reply.put(AppendReply{
        core.names->reserve_append(body.capability.ino, body.observed_size, body.length)});
    co_return end_of_reply(request);
}

}  // namespace orfa::server
