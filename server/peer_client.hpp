// SPDX-License-Identifier: MIT
// Peers over the network: a few threads do the (blocking) calls, the shard goes on meanwhile.
#pragma once

#include "server/peers.hpp"
#include "server/shard.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "rpc/mesh.hpp"

namespace orfa::server {

class PeerClient final : public Peers {
  public:
    // Connections are made when they are first needed.
    PeerClient(rpc::MeshOptions options, Shard& shard, unsigned threads = 2);
    // Waits for calls under way; none may be started any more.
    ~PeerClient() override;
    PeerClient(const PeerClient&) = delete;
    PeerClient& operator=(const PeerClient&) = delete;

    Task<Result<std::vector<std::byte>>> call(std::uint32_t server, protocol::Op op,
                                              std::span<const std::byte> body) override;

  private:
    // One call, in the frame of the coroutine that waits for it.
    struct Job;
    void work();

    rpc::Mesh mesh_;
    Shard& shard_;
    std::mutex mutex_;  // protects jobs_ and stopping_
    std::condition_variable changed_;
    std::deque<Job*> jobs_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace orfa::server
