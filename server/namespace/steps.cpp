// SPDX-License-Identifier: MIT
#include "server/namespace/steps.hpp"

#include "server/namespace/handlers.hpp"
#include "server/namespace/operations.hpp"

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the messages, throughout

namespace {

Key step_key(const PeerStep& step) {
    return Key('A')
        .number(step.server)
        .number(step.operation)
        .text(std::string_view(reinterpret_cast<const char*>(&step.step), sizeof(step.step)));
}

// Whether the step was done before. Also forgets those that can't be sent again.
Result<bool> was_done(Namespace& names, const PeerStep& step) {
    names.forget_steps(step.server, step.settled_below);
    std::string value;
    const Status found = names.kv().get(step_key(step), value);
    if (found.ok()) return true;
    if (found.err() == ENOENT) return false;
    return found;
}

}  // namespace

Status check_empty(Namespace& names, std::uint64_t ino, const InodeRecord& directory) {
    // A name under way in it counts: its inode may be there already.
    if (directory.entries != 0 || names.locks().busy_in(ino)) return error(ENOTEMPTY);
    return {};
}

Status step_make_directory(Namespace& names, const PeerMakeDirectory& step) {
    auto there = names.inode(step.ino);
    if (there.ok()) return {};
    if (there.status().err() != ENOENT) return there.status();
    InodeRecord made{};
    made.parent = step.parent;
    made.mode = S_IFDIR | (step.mode & 07777);
    made.nlink = 2;
    made.uid = step.uid;
    made.gid = step.gid;
    made.atime_ns = made.mtime_ns = made.ctime_ns = names.now();
    made.layout = step.layout;
    Changes& changes = names.changes();
    changes.put_inode(step.ino, made);
    changes.new_files = 1;
    return names.commit(changes);
}

Status step_remove_directory(Namespace& names, const PeerRemoveDirectory& step) {
    auto found = names.directory(step.ino);
    if (!found.ok()) return found.status();
    InodeRecord directory = *found;
    if (step.action != DirectoryRemoval::kUnseal) ORFA_TRY(check_empty(names, step.ino, directory));
    Changes& changes = names.changes();
    if (step.action == DirectoryRemoval::kRemove) {
        names.put_unlinked(changes, step.ino, directory);
    } else {
        directory.sealed = step.action == DirectoryRemoval::kSeal ? 1 : 0;
        changes.put_inode(step.ino, directory);
    }
    return names.commit(changes);
}

Result<InodeRecord> step_adjust_links(Namespace& names, const PeerAdjustLinks& step) {
    auto found = names.inode(step.ino);
    if (!found.ok()) return found.status();
    InodeRecord inode = *found;
    const auto done = was_done(names, step.step);
    if (!done.ok()) return done.status();
    if (*done) return inode;
    if (inode.nlink == 0) return error(ENOENT);
    Changes& changes = names.changes();
    changes.batch().put(step_key(step.step), {});
    inode.ctime_ns = names.now();
    if (step.delta > 0) {
        if (inode.is_directory()) return error(EPERM);
        if (inode.nlink >= kMaxLinks) return error(EMLINK);
        ++inode.nlink;
        changes.put_inode(step.ino, inode);
    } else if (step.delta < 0) {
        names.drop_link(changes, step.ino, inode);
    } else {
        if (step.new_parent != 0 && inode.is_directory()) inode.parent = step.new_parent;
        changes.put_inode(step.ino, inode);
    }
    ORFA_TRY(names.commit(changes));
    return inode;
}

Status step_insert_entry(Namespace& names, const PeerInsertEntry& step, std::string_view name) {
    const auto done = was_done(names, step.step);
    if (!done.ok()) return done.status();
    if (*done) return {};
    if (names.locks().doubtful(step.directory, name)) return error(EBUSY);
    auto found = names.directory(step.directory);
    if (!found.ok()) return found.status();
    if (found->nlink == 0 || found->sealed != 0) return error(ENOENT);
    auto there = names.entry(step.directory, name);
    if (!there.ok() && there.status().err() != ENOENT) return there.status();
    if ((there.ok() ? there->ino : 0) != step.replaces) return error(EAGAIN);
    Changes& changes = names.changes();
    changes.batch().put(step_key(step.step), {});
    InodeRecord directory = *found;
    if (there.ok()) take_entry_out(directory, *there);
    put_new_entry(changes, names, {step.directory, name}, directory, {step.ino, step.type, 0});
    return names.commit(changes);
}

Result<PeerGetattrReply> step_getattr(Namespace& names, const PeerGetattr& step,
                                      std::string_view name) {
    auto found = names.inode(step.ino);
    if (!found.ok()) return found.status();
    PeerGetattrReply reply{};
    reply.attributes = plain_attributes(step.ino, *found);
    if (!name.empty()) {
        if (!found->is_directory()) return error(ENOTDIR);
        auto entry = names.entry(step.ino, name);
        if (entry.ok()) {
            reply.entry_ino = entry->ino;
            reply.entry_type = entry->type;
        } else if (entry.status().err() != ENOENT) {
            return entry.status();
        }
    }
    if (step.ancestor == 0) return reply;
    reply.reached = step.ino;
    // A tree this deep is damaged.
    for (unsigned depth = 0; depth < (1U << 20); ++depth) {
        if (reply.reached == step.ancestor || reply.reached == kRootIno ||
            !names.is_home(reply.reached))
            return reply;
        const auto directory = names.directory(reply.reached);
        if (!directory.ok()) return directory.status();
        reply.reached = (*directory).parent;
    }
    return error(ELOOP);
}

}  // namespace orfa::server
