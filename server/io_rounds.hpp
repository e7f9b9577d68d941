// SPDX-License-Identifier: MIT
// File data that the server moves itself, between the store and a client's memory: in rounds, so
// that other requests get their turn.
#pragma once

#include "common/status.hpp"
#include "server/core.hpp"
#include "server/gatherings.hpp"
#include "server/io_scratch.hpp"
#include "server/object_store.hpp"
#include "server/request.hpp"
#include "server/task.hpp"

#include <cstdint>

namespace orfa::server {

// Both move the bytes of scratch.list; the request, the pin (which is the request's), the scratch
// and the seat outlive them. With a seat (a part of a collective access) the rounds come in its
// turn. Errors of the store (ENOSPC, EFBIG, ...) and of the transfer; earlier rounds stay done.
Task<Status> write_rounds(Core& core, Request& request, ObjectStore::Pin* pin, Scratch& scratch,
                          Gatherings::Seat& seat);
// `object_size`: bytes beyond it are left as they are in the client's memory.
Task<Status> read_rounds(Core& core, Request& request, ObjectStore::Pin* pin, Scratch& scratch,
                         Gatherings::Seat& seat, std::uint64_t object_size);

// Whether bytes of the request hold nothing yet (see ObjectStore::is_filling()); while it is so, it
// waits for core.fills->change(). Uses scratch.round.
bool is_filling(const Core& core, const ObjectStore::Pin* pin, Scratch& scratch);

}  // namespace orfa::server
