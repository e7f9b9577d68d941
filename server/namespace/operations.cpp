// SPDX-License-Identifier: MIT
#include "server/namespace/operations.hpp"

#include "server/namespace/handlers.hpp"
#include "server/namespace/peer_calls.hpp"
#include "server/namespace/permissions.hpp"
#include "server/namespace/steps.hpp"

namespace orfa::server {

Status check_free(Namespace& names, const Credentials& who, std::uint64_t directory,
                  const InodeRecord& parent, std::string_view name) {
    if (name.size() > protocol::kMaxName) return error(ENAMETOOLONG);
    ORFA_TRY(check_access(who, parent, X_OK));
    const auto there = names.entry(directory, name);
    if (there.ok()) return error(EEXIST);
    if (there.status().err() != ENOENT) return there.status();
    if (names.locks().doubtful(directory, name)) return error(EBUSY);
    return check_insert(who, parent, name);
}

void put_entry_in(InodeRecord& directory, EntryRecord entry) {
    ++directory.entries;
    if (S_ISDIR(entry.type)) ++directory.nlink;
}

void take_entry_out(InodeRecord& directory, EntryRecord entry) {
    --directory.entries;
    if (S_ISDIR(entry.type)) --directory.nlink;
}

void put_new_entry(Changes& changes, Namespace& names, Spot spot, InodeRecord directory,
                   EntryRecord entry) {
    put_entry_in(directory, entry);
    directory.mtime_ns = directory.ctime_ns = names.now();
    changes.put_inode(spot.directory, directory);
    changes.put_entry(spot.directory, spot.name, entry);
}

void put_entry_gone(Changes& changes, Namespace& names, Spot spot, InodeRecord directory,
                    EntryRecord entry) {
    take_entry_out(directory, entry);
    directory.mtime_ns = directory.ctime_ns = names.now();
    changes.put_inode(spot.directory, directory);
    changes.erase_entry(spot.directory, spot.name);
}

Task<Result<EntryRecord>> find_removable(Core& core, const Credentials& who, Spot spot) {
    Namespace& names = *core.names;
    const auto parent = names.directory(spot.directory);
    if (!parent.ok()) co_return parent.status();
    if (spot.name.size() > protocol::kMaxName) co_return error(ENAMETOOLONG);
    if (const Status may = check_access(who, *parent, X_OK); !may.ok()) co_return may;
    const auto entry = names.entry(spot.directory, spot.name);
    if (!entry.ok()) co_return entry.status();
    if (names.locks().doubtful(spot.directory, spot.name)) co_return error(EBUSY);
    std::uint32_t owner = who.uid;
    if (removal_needs_owner(who, *parent)) {
        const auto inode = co_await getattr_at_home(core, (*entry).ino, {}, 0);
        if (!inode.ok()) co_return inode.status();
        owner = (*inode).attributes.uid;
    }
    if (const Status may = check_removal(who, *parent, owner); !may.ok()) co_return may;
    co_return *entry;
}

Task<Result<std::uint64_t>> make_directory(Core& core, Spot spot, std::uint32_t home,
                                           const InodeRecord& made) {
    Namespace& names = *core.names;
    Changes& changes = names.changes();
    const std::uint64_t ino = names.new_ino(home, changes);
    if (names.is_home(ino)) {
        const auto parent = names.directory(spot.directory);
        if (!parent.ok()) co_return parent.status();
        changes.put_inode(ino, made);
        changes.new_files = 1;
        put_new_entry(changes, names, spot, *parent, {ino, S_IFDIR, 0});
        if (const Status written = names.commit(changes); !written.ok()) co_return written;
        co_return ino;
    }
    Intent intent;
    intent.fields.kind = IntentKind::kMakeDirectory;
    intent.fields.type = S_IFDIR;
    intent.fields.directory = spot.directory;
    intent.fields.ino = ino;
    intent.fields.mode = made.mode;
    intent.fields.uid = made.uid;
    intent.fields.gid = made.gid;
    intent.fields.layout = made.layout;
    intent.name = spot.name;
    const std::uint64_t number = names.put_intent(changes, std::move(intent));
    if (const Status done = co_await begin(core, number, changes); !done.ok()) co_return done;
    co_return ino;
}

Task<Status> remove_directory(Core& core, Spot spot, std::uint64_t ino) {
    Namespace& names = *core.names;
    Changes& changes = names.changes();
    if (names.is_home(ino)) {
        const auto parent = names.directory(spot.directory);
        const auto target = names.directory(ino);
        if (!parent.ok()) co_return parent.status();
        if (!target.ok()) co_return target.status();
        if (const Status empty = check_empty(names, ino, *target); !empty.ok()) co_return empty;
        put_entry_gone(changes, names, spot, *parent, {ino, S_IFDIR, 0});
        names.put_unlinked(changes, ino, *target);
        co_return names.commit(changes);
    }
    Intent intent;
    intent.fields.kind = IntentKind::kRemoveDirectory;
    intent.fields.type = S_IFDIR;
    intent.fields.directory = spot.directory;
    intent.fields.ino = ino;
    intent.name = spot.name;
    const std::uint64_t number = names.put_intent(changes, std::move(intent));
    co_return co_await begin(core, number, changes);
}

Task<Status> remove_link(Core& core, Spot spot, EntryRecord target) {
    Namespace& names = *core.names;
    const auto parent = names.directory(spot.directory);
    if (!parent.ok()) co_return parent.status();
    Changes& changes = names.changes();
    put_entry_gone(changes, names, spot, *parent, target);
    if (names.is_home(target.ino)) {
        const auto inode = names.inode(target.ino);
        if (inode.ok()) names.drop_link(changes, target.ino, *inode);
        co_return names.commit(changes);
    }
    Intent intent;
    intent.fields.kind = IntentKind::kUnlink;
    intent.fields.type = target.type;
    intent.fields.directory = spot.directory;
    intent.fields.ino = target.ino;
    intent.name = spot.name;
    const std::uint64_t number = names.put_intent(changes, std::move(intent));
    const Status done = co_await begin(core, number, changes);
    // The name is gone; if the inode's home can't be told now, it will be.
    co_return is_outcome_unknown(done) ? Status() : done;
}

Task<Status> add_link(Core& core, Spot spot, std::uint64_t ino) {
    Namespace& names = *core.names;
    Changes& changes = names.changes();
    if (names.is_home(ino)) {
        const auto parent = names.directory(spot.directory);
        const auto found = names.inode(ino);
        if (!parent.ok()) co_return parent.status();
        if (!found.ok()) co_return found.status();
        InodeRecord inode = *found;
        if (inode.is_directory()) co_return error(EPERM);
        if (inode.nlink == 0) co_return error(ENOENT);
        if (inode.nlink >= protocol::kMaxLinks) co_return error(EMLINK);
        ++inode.nlink;
        inode.ctime_ns = names.now();
        changes.put_inode(ino, inode);
        put_new_entry(changes, names, spot, *parent, {ino, inode.mode & S_IFMT, 0});
        co_return names.commit(changes);
    }
    Intent intent;
    intent.fields.kind = IntentKind::kLink;
    intent.fields.directory = spot.directory;
    intent.fields.ino = ino;
    intent.name = spot.name;
    const std::uint64_t number = names.put_intent(changes, std::move(intent));
    co_return co_await begin(core, number, changes);
}

Status put_move(Changes& changes, Namespace& names, const Move& move) {
    const auto source = names.directory(move.from.directory);
    if (!source.ok()) return source.status();
    InodeRecord from = *source;
    from.mtime_ns = from.ctime_ns = names.now();
    take_entry_out(from, move.moved);
    changes.erase_entry(move.from.directory, move.from.name);
    if (names.is_home(move.to.directory)) {
        const bool same_directory = move.from.directory == move.to.directory;
        const auto target = names.directory(move.to.directory);
        if (!target.ok()) return target.status();
        InodeRecord to = *target;
        to.mtime_ns = to.ctime_ns = names.now();
        InodeRecord& into = same_directory ? from : to;
        if (move.replaced.ino != 0) take_entry_out(into, move.replaced);
        put_entry_in(into, move.moved);
        changes.put_entry(move.to.directory, move.to.name, move.moved);
        if (!same_directory) changes.put_inode(move.to.directory, to);
    }
    changes.put_inode(move.from.directory, from);
    return {};
}

namespace {

// A rename that only this server is concerned with.
Status move_here(Namespace& names, const Move& move) {
    Changes& changes = names.changes();
    ORFA_TRY(put_move(changes, names, move));
    if (move.replaced.ino != 0) {
        auto replaced = names.inode(move.replaced.ino);
        if (!replaced.ok()) return replaced.status();
        if (replaced->is_directory()) {
            ORFA_TRY(check_empty(names, move.replaced.ino, *replaced));
            names.put_unlinked(changes, move.replaced.ino, *replaced);
        } else {
            names.drop_link(changes, move.replaced.ino, *replaced);
        }
    }
    auto moved = names.inode(move.moved.ino);  // may live elsewhere
    if (moved.ok()) {
        moved->ctime_ns = names.now();
        if (moved->is_directory()) moved->parent = move.to.directory;
        changes.put_inode(move.moved.ino, *moved);
    }
    return names.commit(changes);
}

// A file elsewhere doesn't care where its name is.
bool concerns_only_us(const Namespace& names, const Move& move) {
    const bool reparents = S_ISDIR(move.moved.type) && move.from.directory != move.to.directory;
    return names.is_home(move.to.directory) &&
           (move.replaced.ino == 0 || names.is_home(move.replaced.ino)) &&
           (!reparents || names.is_home(move.moved.ino));
}

}  // namespace

Task<Status> move_entry(Core& core, const Move& move) {
    Namespace& names = *core.names;
    if (concerns_only_us(names, move)) co_return move_here(names, move);
    Intent intent;
    intent.fields.kind = IntentKind::kRename;
    intent.fields.type = move.moved.type;
    intent.fields.directory = move.from.directory;
    intent.fields.ino = move.moved.ino;
    intent.fields.to_directory = move.to.directory;
    intent.fields.replaces = move.replaced.ino;
    intent.fields.replaces_type = move.replaced.type;
    intent.name = move.from.name;
    intent.to_name = move.to.name;
    Changes& changes = names.changes();
    const std::uint64_t number = names.put_intent(changes, std::move(intent));
    co_return co_await begin(core, number, changes);
}

}  // namespace orfa::server
