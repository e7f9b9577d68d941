// SPDX-License-Identifier: MIT
// Requests between servers: one server's step of an operation on names that another server drives.
// Their handlers never call other servers. No reply body where none is named.
#pragma once

#include "protocol/messages.hpp"

namespace orfa::protocol {

// Which step of which operation this is, so that a step that is sent again (the first reply was
// lost) is not done twice. The receiver forgets the steps of a server's operations below
// `settled_below`.
struct PeerStep {
    std::uint64_t operation;      // the sending server's number; rising
    std::uint64_t settled_below;  // operations with smaller numbers have ended
    std::uint32_t server;         // the sender
    std::uint32_t step;           // within the operation
};

// kPeerMakeDirectory. The sender has chosen the inode number; a directory that is there already is
// success.
struct PeerMakeDirectory {
    std::uint64_t ino;
    std::uint64_t parent;
    std::uint32_t mode;  // permission bits
    std::uint32_t uid, gid;
    std::uint32_t reserved;
    Layout layout;
};

// kPeerRemoveDirectory. ENOENT: it is gone already; ENOTEMPTY.
enum class DirectoryRemoval : std::uint32_t {
    kRemove = 1,  // if it is empty
    kSeal = 2,    // if it is empty: takes no new names from now on
    kUnseal = 3,
};
struct PeerRemoveDirectory {
    std::uint64_t ino;
    DirectoryRemoval action;
    std::uint32_t reserved;
};

// kPeerAdjustLinks -> Attributes. ENOENT; more links: EPERM (a directory), EMLINK.
struct PeerAdjustLinks {
    PeerStep step;
    std::uint64_t ino;
    std::uint64_t new_parent;  // of a directory; 0: stays
    std::int32_t delta;        // -1, 0, 1
    std::uint32_t reserved;
};

// kPeerInsertEntry: + name. Puts an entry into a directory, in place of `replaces` (0: of nothing).
// EAGAIN: something else is there; ENOENT: no such directory; EBUSY.
struct PeerInsertEntry {
    PeerStep step;
    std::uint64_t directory;
    std::uint64_t ino;
    std::uint64_t replaces;
    std::uint32_t type;  // S_IF...
    std::uint32_t reserved;
};

// kPeerGetattr: + name -> PeerGetattrReply. Of an inode, and (with a name) of what it holds under
// it.
struct PeerGetattr {
    std::uint64_t ino;
    std::uint64_t ancestor;  // follow the parents of `ino` until this one; 0: don't
};
struct PeerGetattrReply {
    Attributes attributes;  // of ino; the size is not asked of the store
    std::uint64_t
        reached;  // with `ancestor`: it, or the first inode of another server, or the root
    std::uint64_t entry_ino;   // 0: no such name
    std::uint32_t entry_type;  // S_IF...
    std::uint32_t reserved;
};

// kPeerRemoveObject: + `count` inode numbers (uint64), whose objects here are freed.
struct PeerRemoveObject {
    std::uint32_t count;  // at most kMaxRemovals
    std::uint32_t reserved;
};
inline constexpr std::uint32_t kMaxRemovals = 256;

// To server 0: only one server at a time renames across servers or moves directories. Taking waits
// until it is the sender's turn; the turn ends when it is given back or the sender's connection
// ends.
struct PeerRenameTurn {
    std::uint32_t take;  // 1: take, 0: give back
    std::uint32_t reserved;
};

static_assert(Wire<PeerStep> && sizeof(PeerStep) == 24);
static_assert(Wire<PeerMakeDirectory> && sizeof(PeerMakeDirectory) == 48);
static_assert(Wire<PeerRemoveDirectory> && sizeof(PeerRemoveDirectory) == 16);
static_assert(Wire<PeerAdjustLinks> && sizeof(PeerAdjustLinks) == 48);
static_assert(Wire<PeerInsertEntry> && sizeof(PeerInsertEntry) == 56);
static_assert(Wire<PeerGetattr> && sizeof(PeerGetattr) == 16);
static_assert(Wire<PeerGetattrReply> && sizeof(PeerGetattrReply) == 112);
static_assert(Wire<PeerRemoveObject> && sizeof(PeerRemoveObject) == 8);
static_assert(Wire<PeerRenameTurn> && sizeof(PeerRenameTurn) == 8);

}  // namespace orfa::protocol
