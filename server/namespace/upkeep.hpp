// SPDX-License-Identifier: MIT
// What a server does about names on its own: frees the objects of deleted files, here at once and
// at other servers in the background, and ends operations that were interrupted.
#pragma once

#include "server/core.hpp"
#include "server/namespace/namespace.hpp"
#include "server/task.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace orfa::server {

// Made when `core` is complete and its names are loaded, before the first request; lives as long as
// they do. Shard's thread only.
class Upkeep {
  public:
    explicit Upkeep(Core& core);
    ~Upkeep();
    Upkeep(const Upkeep&) = delete;
    Upkeep& operator=(const Upkeep&) = delete;

    // To be called about once a second: tries again what another server's absence has stopped.
    void tick();

    // Whether background work is under way or waits for the next tick().
    [[nodiscard]] bool idle() const;

  private:
    void on_deleted(std::uint64_t ino, const protocol::Layout& layout, bool spread);
    Detached run_removals();
    Detached run_intents();

    // One batch of the removal queue (removal.cpp).
    struct Removals;
    Status read_removals(Removals& batch);
    Task<Status> remove_at(std::uint32_t server, const Removals& batch);

    Core& core_;
    bool removing_ = false;
    bool more_removals_ = true;  // the queue may hold something
    bool finishing_ = false;
};

}  // namespace orfa::server
