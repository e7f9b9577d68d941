// SPDX-License-Identifier: MIT
// Changes of names that may need two or more servers, driven by the server of the (source)
// directory. The caller holds the name's lock and has checked permissions. What turns out to need
// only this server is one atomic write, without an intent.
#pragma once

#include "server/namespace/namespace.hpp"
#include "server/task.hpp"

#include <string_view>

namespace orfa::server {

// A name in a directory. `name` is borrowed from the request or intent.
struct Spot {
    std::uint64_t directory;
    std::string_view name;
};

// Whether a new name may be made there. EEXIST, EACCES, ENOENT (no such directory any more),
// ENAMETOOLONG, EBUSY (doubtful).
Status check_free(Namespace& names, const Credentials& who, std::uint64_t directory,
                  const InodeRecord& parent, std::string_view name);

// What a directory's own inode says after an entry was put in or taken out, but for its times.
void put_entry_in(InodeRecord& directory, EntryRecord entry);
void take_entry_out(InodeRecord& directory, EntryRecord entry);

// Puts a new entry and its directory, with what changes in that, into `changes`.
void put_new_entry(Changes& changes, Namespace& names, Spot spot, InodeRecord directory,
                   EntryRecord entry);
// Likewise for an entry that goes.
void put_entry_gone(Changes& changes, Namespace& names, Spot spot, InodeRecord directory,
                    EntryRecord entry);

// What is there under a name, if `who` may remove it. ENOENT, EACCES, EPERM, EBUSY; of a peer.
Task<Result<EntryRecord>> find_removable(Core& core, const Credentials& who, Spot spot);

// Makes a directory at server `home`; gives its inode number.
Task<Result<std::uint64_t>> make_directory(Core& core, Spot spot, std::uint32_t home,
                                           const InodeRecord& made);

// Removes an empty directory. ENOTEMPTY.
Task<Status> remove_directory(Core& core, Spot spot, std::uint64_t ino);

// Removes the name of a file or link.
Task<Status> remove_link(Core& core, Spot spot, EntryRecord target);

// Gives a file or link one more name. EPERM (a directory), EMLINK, ENOENT.
Task<Status> add_link(Core& core, Spot spot, std::uint64_t ino);

// What a rename moves, where from and to, and what it replaces.
struct Move {
    Spot from;
    Spot to;
    EntryRecord moved;
    EntryRecord replaced;  // ino 0: nothing
};
// EAGAIN: something else than move.replaced is there now. ENOTEMPTY.
Task<Status> move_entry(Core& core, const Move& move);

// Puts the entries of a move and the directories of them that live here into `changes`.
Status put_move(Changes& changes, Namespace& names, const Move& move);

// Commits `changes`, which hold the new intent `number`, and does its steps.
Task<Status> begin(Core& core, std::uint64_t number, Changes& changes);

// Does the steps of an intent, from the beginning (carry_out.cpp). A failure that leaves the
// outcome open, or one of the store, leaves the intent to be tried again; any other ends it.
// `first`: for the first time since it was written.
Task<Status> carry_out(Core& core, std::uint64_t number, bool first);

}  // namespace orfa::server
