// SPDX-License-Identifier: MIT
// One server of a cluster: its parts, wired together.
#pragma once

#include "server/capability.hpp"
#include "server/core.hpp"
#include "server/corrupting_store.hpp"
#include "server/fill_gate.hpp"
#include "server/gatherings.hpp"
#include "server/locks/lock_service.hpp"
#include "server/memory_store.hpp"
#include "server/namespace/namespace.hpp"
#include "server/namespace/upkeep.hpp"
#include "server/options.hpp"
#include "server/peer_client.hpp"
#include "server/shard.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace orfa::fabric {
class CopyCrew;
}

namespace orfa::server {

class Loop;  // server/loop.hpp

// Created, started and destroyed by the thread that runs its loop.
class Server {
  public:
    // Server `index` of options.servers.
    Server(const Options& options, std::uint32_t index);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Listens, loads what it keeps, and joins `loop`. After an error `what` tells what failed, and
    // the server can only be destroyed.
    Status start(Loop& loop, std::string& what);

    // For the log.
    [[nodiscard]] std::string description() const;

  private:
    Status listen(fabric::CopyCrew& crew);
    Status make_store();

    const Options& options_;
    const std::string where_;  // host:port
    Core core_;
    const OpTable table_;
    Shard shard_;
    LockService locks_;
    Gatherings gatherings_;
    FillGate fills_;
    std::unique_ptr<MemoryStore> store_;
    std::optional<CorruptingStore> corrupting_;
    const Capabilities capabilities_;
    std::optional<Namespace> names_;
    std::optional<PeerClient> peers_;
    std::optional<Upkeep> upkeep_;
};

}  // namespace orfa::server
