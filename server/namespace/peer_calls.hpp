// SPDX-License-Identifier: MIT
// Steps (steps.hpp) wherever they belong: done here when this is the server, else asked of it.
#pragma once

#include "protocol/peer_messages.hpp"
#include "server/core.hpp"
#include "server/namespace/namespace.hpp"
#include "server/task.hpp"

#include <string_view>

namespace orfa::server {

// Whether an error leaves open if the other server has done what it was asked.
bool is_outcome_unknown(Status status);

// Each: the errors of its step, and of Peers::call(). `name` is borrowed until the end.
Task<Status> make_directory_at_home(Core& core, const protocol::PeerMakeDirectory& step);
Task<Status> remove_directory_at_home(Core& core, std::uint64_t ino,
                                      protocol::DirectoryRemoval action);
Task<Result<protocol::Attributes>> adjust_links_at_home(Core& core,
                                                        const protocol::PeerAdjustLinks& step);
Task<Status> insert_entry_at_home(Core& core, const protocol::PeerInsertEntry& step,
                                  std::string_view name);
Task<Result<protocol::PeerGetattrReply>> getattr_at_home(Core& core, std::uint64_t ino,
                                                         std::string_view name,
                                                         std::uint64_t ancestor);

// Whether `ancestor` is `ino` itself or above it.
Task<Result<bool>> is_above(Core& core, std::uint64_t ancestor, std::uint64_t ino);

}  // namespace orfa::server
