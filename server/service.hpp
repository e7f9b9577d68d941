// SPDX-License-Identifier: MIT
// Request dispatch: checks a message, finds its handler in a table indexed by op, sends the reply.
#pragma once

#include "server/request.hpp"
#include "server/task.hpp"

#include <array>

namespace orfa::server {

class Core;

// A handler's Status is the reply's error; with success what it put into request.reply is sent.
// EPROTO (a malformed body) also ends the connection.
using Handler = Task<Status> (*)(Core& core, Request& request);

struct OpEntry {
    Handler handler = nullptr;
    bool servers_only = false;  // EPERM for clients
    const char* name = nullptr;
};
using OpTable = std::array<OpEntry, protocol::kOpLimit>;

inline OpEntry& entry_of(OpTable& table, protocol::Op op) {
    return table[static_cast<std::size_t>(op)];
}

// Each file of handlers adds its own.
void add_session_handlers(OpTable& table);  // session_handlers.cpp: HELLO, PING, STATUS
void add_io_handlers(OpTable& table);       // io_handlers.cpp: data
void add_object_handlers(OpTable& table);   // object_handlers.cpp: sizes, room, durability
void add_lock_handlers(OpTable& table);     // locks/lock_handlers.cpp: locks and counters
void add_name_handlers(OpTable& table);     // namespace/name_handlers.cpp: names
void add_peer_handlers(OpTable& table);     // namespace/peer_handlers.cpp: server to server

}  // namespace orfa::server
