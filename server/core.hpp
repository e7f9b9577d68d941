// SPDX-License-Identifier: MIT
// The parts of a server that handlers work with. Wired by main() (or a test), owned there.
#pragma once

#include "protocol/messages.hpp"
#include "server/capability.hpp"
#include "server/object_store.hpp"
#include "server/peers.hpp"

#include <cstdint>
#include <string>

namespace orfa::server {

class FillGate;
class Gatherings;
class LockService;
class Namespace;
class Shard;

// What every server of a cluster is told alike, and its own place in it.
struct ServerIdentity {
    std::uint32_t index = 0;
    std::uint32_t count = 1;
    std::uint64_t cluster_id = 0;
    std::uint64_t secret = 0;                        // shared by the servers of the cluster
    std::uint64_t epoch = 0;                         // random, of this start
    protocol::Layout default_layout{1 << 20, 1, 0};  // stripe_count: as many servers as there are
    bool trust_client_ids = false;  // believe the uid a client over the network claims
    bool durable = false;           // names and data survive a restart
};

class Core {
  public:
    ServerIdentity identity;
    ObjectStore* store = nullptr;
    FillGate* fills = nullptr;
    Namespace* names = nullptr;
    LockService* locks = nullptr;
    Gatherings* gatherings = nullptr;
    Peers* peers = nullptr;
    const Capabilities* capabilities = nullptr;
    Shard* shard = nullptr;
};

}  // namespace orfa::server
