// SPDX-License-Identifier: MIT
// kRename: finds out what is to be moved and replaced, and whether it may be; operations.hpp does
// it.
#include "protocol/peer_messages.hpp"
#include "server/namespace/handlers.hpp"
#include "server/namespace/operations.hpp"
#include "server/namespace/peer_calls.hpp"
#include "server/namespace/permissions.hpp"

#include <tuple>

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the messages, throughout

namespace {

// How often a rename starts anew because the target changed under its eyes.
constexpr int kAttempts = 16;

Task<Status> take_turn(Core& core) {
    co_await core.names->rename_turn().take();
    if (core.identity.index == 0) co_return Status();
    const PeerRenameTurn body{1, 0};
    const auto reply =
        co_await core.peers->call(0, Op::kPeerRenameTurn, std::as_bytes(std::span(&body, 1)));
    if (!reply.ok()) core.names->rename_turn().give_back();
    co_return reply.status();
}

Task<Status> give_turn_back(Core& core) {
    if (core.identity.index != 0) {
        const PeerRenameTurn body{0, 0};
        // When it can't be told, the connection is broken, and server 0 takes the turn back.
        (void)co_await core.peers->call(0, Op::kPeerRenameTurn, std::as_bytes(std::span(&body, 1)));
    }
    core.names->rename_turn().give_back();
    co_return Status();
}

// What permission checks need of an inode that may live elsewhere.
InodeRecord record_of(const Attributes& attributes) {
    InodeRecord record{};
    record.mode = attributes.mode;
    record.nlink = attributes.nlink;
    record.uid = attributes.uid;
    record.gid = attributes.gid;
    return record;
}

struct Rename {
    const Credentials& who;
    Spot from;
    Spot to;
    std::uint32_t flags;
    bool has_turn;
};

// Whether a directory may go below another parent.
Task<Status> check_reparent(Core& core, const Rename& rename, const EntryRecord& moved) {
    if (!rename.has_turn) co_return error(EAGAIN);  // it was no directory a moment ago
    const auto above = co_await is_above(core, moved.ino, rename.to.directory);
    if (!above.ok()) co_return above.status();
    if (*above) co_return error(EINVAL);
    if (rename.who.is_root()) co_return Status();
    const auto directory = co_await getattr_at_home(core, moved.ino, {}, 0);
    if (!directory.ok()) co_return directory.status();
    co_return check_access(rename.who, record_of((*directory).attributes), W_OK);
}

// Whether what is there under the new name may be replaced.
Task<Status> check_replaced(Core& core, const Rename& rename, const InodeRecord& target,
                            const EntryRecord& moved, const EntryRecord& replaced) {
    if ((rename.flags & kRenameNoReplace) != 0) co_return error(EEXIST);
    if (S_ISDIR(moved.type) && !S_ISDIR(replaced.type)) co_return error(ENOTDIR);
    if (!S_ISDIR(moved.type) && S_ISDIR(replaced.type)) co_return error(EISDIR);
    if (!removal_needs_owner(rename.who, target)) co_return Status();
    const auto inode = co_await getattr_at_home(core, replaced.ino, {}, 0);
    if (!inode.ok()) co_return inode.status();
    co_return check_removal(rename.who, target, (*inode).attributes.uid);
}

// With the names locked as far as they are here.
Task<Status> rename_locked(Core& core, const Rename& rename) {
    const auto moved = co_await find_removable(core, rename.who, rename.from);
    if (!moved.ok()) co_return moved.status();
    const bool is_directory = S_ISDIR((*moved).type);
    if ((rename.flags & kRenameDirectory) != 0 && !is_directory) co_return error(ENOTDIR);

    const auto there = co_await getattr_at_home(core, rename.to.directory, rename.to.name, 0);
    if (!there.ok()) co_return there.status();
    const PeerGetattrReply& found = *there;
    const InodeRecord target = record_of(found.attributes);
    if (!target.is_directory()) co_return error(ENOTDIR);
    if (const Status may = check_insert(rename.who, target, rename.to.name); !may.ok())
        co_return may;
    if (core.names->locks().doubtful(rename.to.directory, rename.to.name)) co_return error(EBUSY);
    if (found.entry_ino == (*moved).ino) co_return Status();  // two names of one file stay
    const EntryRecord replaced{found.entry_ino, found.entry_type, 0};
    if (is_directory && rename.from.directory != rename.to.directory) {
        if (const Status may = co_await check_reparent(core, rename, *moved); !may.ok())
            co_return may;
    }
    if (replaced.ino != 0) {
        const Status may = co_await check_replaced(core, rename, target, *moved, replaced);
        if (!may.ok()) co_return may;
    }
    const Move move{rename.from, rename.to, *moved, replaced};
    co_return co_await move_entry(core, move);
}

Task<Status> lock_and_rename(Core& core, const Rename& rename) {
    NameLocks& locks = core.names->locks();
    const bool both = core.names->is_home(rename.to.directory);
    // Both names are here: in an order that all renames keep.
    const bool from_first = std::tie(rename.from.directory, rename.from.name) <
                            std::tie(rename.to.directory, rename.to.name);
    const Spot& one = !both || from_first ? rename.from : rename.to;
    const auto first = co_await locks.take(one.directory, one.name);
    NameLocks::Guard second;
    if (both) {
        const Spot& other = from_first ? rename.to : rename.from;
        second = co_await locks.take(other.directory, other.name);
    }
    co_return co_await rename_locked(core, rename);
}

}  // namespace

Task<Status> handle_rename(Core& core, Request& request) {
    RenameRequest body;
    std::string_view old_name;
    std::string_view new_name;
    auto reader = request.reader();
    if (!reader.get(body) || !reader.get_string(old_name, kMaxPath) ||
        !reader.get_string(new_name, kMaxPath) || !reader.finished())
        co_return malformed();
    if (is_special(old_name) || is_special(new_name)) co_return error(EBUSY);
    if (old_name.size() > kMaxName || new_name.size() > kMaxName) co_return error(ENAMETOOLONG);
    Namespace& names = *core.names;
    if (!names.is_home(body.from) || home_of(body.to) >= core.identity.count)
        co_return error(ESTALE);
    Rename rename{
        request.credentials(), {body.from, old_name}, {body.to, new_name}, body.flags, false};
    if (body.from == body.to && old_name == new_name) {
        const auto there = co_await find_removable(core, rename.who, rename.from);
        co_return there.status();
    }
    Status status;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        const auto peek = names.entry(body.from, old_name);
        const bool moves_directory = peek.ok() && S_ISDIR((*peek).type) && body.from != body.to;
        rename.has_turn = moves_directory || !names.is_home(body.to);
        if (rename.has_turn)
            if (const Status turn = co_await take_turn(core); !turn.ok()) co_return turn;
        status = co_await lock_and_rename(core, rename);
        if (rename.has_turn) (void)co_await give_turn_back(core);
        if (status.err() != EAGAIN) co_return status;
    }
    co_return error(EBUSY);
}

}  // namespace orfa::server
