// SPDX-License-Identifier: MIT
// Names of what is no directory: removing them, symbolic links, further names.
#include "server/namespace/handlers.hpp"
#include "server/namespace/operations.hpp"
#include "server/namespace/permissions.hpp"

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

Task<Status> handle_unlink(Core& core, Request& request) {
    RemoveRequest body;
    std::string_view path;
    if (!parse(request, body, path)) co_return malformed();
    Namespace& names = *core.names;
    const Credentials& who = request.credentials();
    auto place = walk_to_parent(names, who, body.start, path);
    if (!place.ok()) co_return place.status();
    if (place->state != PathState::kDone) co_return reply_redirect(request, *place);
    if (is_special(place->last)) co_return error(EISDIR);

    const auto guard = co_await names.locks().take(place->ino, place->last);
    auto target = co_await find_removable(core, who, {place->ino, place->last});
    if (!target.ok()) co_return target.status();
    if (S_ISDIR(target->type)) co_return error(EISDIR);
    if (place->must_be_directory) co_return error(ENOTDIR);
    if (const Status removed = co_await remove_link(core, {place->ino, place->last}, *target);
        !removed.ok())
        co_return removed;
    reply_done(request, *place, target->ino);
    co_return end_of_reply(request);
}

Task<Status> handle_symlink(Core& core, Request& request) {
    SymlinkRequest body;
    std::string_view path;
    std::string_view target;
    auto reader = request.reader();
    if (!reader.get(body) || !reader.get_string(path, kMaxPath) ||
        !reader.get_string(target, kMaxPath) || !reader.finished())
        co_return malformed();
    if (target.empty()) co_return error(ENOENT);
    if (target.size() > kMaxTarget) co_return error(ENAMETOOLONG);
    Namespace& names = *core.names;
    const Credentials& who = request.credentials();
    auto place = walk_to_parent(names, who, body.start, path);
    if (!place.ok()) co_return place.status();
    if (place->state != PathState::kDone) co_return reply_redirect(request, *place);
    if (is_special(place->last)) co_return error(EEXIST);

    while (names.locks().held(place->ino, place->last))
        co_await names.locks().settle(place->ino, place->last);
    const auto found = names.directory(place->ino);
    if (!found.ok()) co_return found.status();
    InodeRecord parent = *found;
    if (const Status free = check_free(names, who, place->ino, parent, place->last); !free.ok())
        co_return free;
    if (place->must_be_directory) co_return error(ENOENT);
    InodeRecord link = new_inode(who, parent, S_IFLNK, 0777, names.now());
    link.entries = target.size();
    Changes& changes = names.changes();
    const std::uint64_t ino = names.new_ino(core.identity.index, changes);
    changes.put_inode(ino, link);
    changes.batch().put(target_key(ino), target);
    put_new_entry(changes, names, {place->ino, place->last}, parent, {ino, S_IFLNK, 0});
    changes.new_files = 1;
    if (const Status written = names.commit(changes); !written.ok()) co_return written;
    reply_done(request, *place, ino);
    request.reply.put(attributes_of(core, ino, link));
    co_return end_of_reply(request);
}

Task<Status> handle_readlink(Core& core, Request& request) {
    InodeRequest body;
    if (!parse(request, body)) co_return malformed();
    auto inode = core.names->inode(body.ino);
    if (!inode.ok()) co_return inode.status();
    if (!inode->is_symlink()) co_return error(EINVAL);
    auto target = core.names->link_target(body.ino);
    if (!target.ok()) co_return target.status();
    request.reply.put_string(*target);
    co_return end_of_reply(request);
}

Task<Status> handle_link(Core& core, Request& request) {
    LinkRequest body;
    std::string_view name;
    if (!parse(request, body, name)) co_return malformed();
    if (is_special(name)) co_return error(EEXIST);
    Namespace& names = *core.names;
    const Credentials& who = request.credentials();
    const auto guard = co_await names.locks().take(body.directory, name);
    const auto parent = names.directory(body.directory);
    if (!parent.ok()) co_return parent.status();
    if (const Status free = check_free(names, who, body.directory, *parent, name); !free.ok())
        co_return free;
    co_return co_await add_link(core, {body.directory, name}, body.ino);
}

}  // namespace orfa::server
