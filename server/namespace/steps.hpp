// SPDX-License-Identifier: MIT
// The single steps of operations of several servers: each is one atomic write at one server. Done
// directly when that server is this one, else asked for (peer_calls.hpp) and done by its handlers.
#pragma once

#include "protocol/peer_messages.hpp"
#include "server/namespace/namespace.hpp"

#include <string_view>

namespace orfa::server {

// Each: the errors of its message in peer_messages.hpp, and EIO, ENOSPC of the store.
Status step_make_directory(Namespace& names, const protocol::PeerMakeDirectory& step);
Status step_remove_directory(Namespace& names, const protocol::PeerRemoveDirectory& step);
Result<InodeRecord> step_adjust_links(Namespace& names, const protocol::PeerAdjustLinks& step);
// The name must not be locked by anybody else.
Status step_insert_entry(Namespace& names, const protocol::PeerInsertEntry& step,
                         std::string_view name);
Result<protocol::PeerGetattrReply> step_getattr(Namespace& names, const protocol::PeerGetattr& step,
                                                std::string_view name);

// Whether a directory could be removed now: ENOTEMPTY.
Status check_empty(Namespace& names, std::uint64_t ino, const InodeRecord& directory);

}  // namespace orfa::server
