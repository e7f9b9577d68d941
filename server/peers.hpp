// SPDX-License-Identifier: MIT
// Calls to the other servers of the cluster, for handlers.
#pragma once

#include "common/status.hpp"
#include "protocol/messages.hpp"
#include "server/task.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace orfa::server {

// Used from the shard's thread. The handlers of kPeer... requests must not call other servers
// themselves, so that calls between servers can't wait for each other in a ring.
class Peers {
  public:
    virtual ~Peers() = default;

    // Sends a request to server `server` (not this one) and gives the reply's body. `body` is
    // copied. The other server's error, or ECONNREFUSED, ECONNRESET, ETIMEDOUT.
    virtual Task<Result<std::vector<std::byte>>> call(std::uint32_t server, protocol::Op op,
                                                      std::span<const std::byte> body) = 0;
};

}  // namespace orfa::server
