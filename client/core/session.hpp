// SPDX-License-Identifier: MIT
// A process's connection to one cluster: what all its files share.
#pragma once

#include "client/core/names.hpp"
#include "client/core/transfer_pool.hpp"
#include "client/core/transfer_times.hpp"
#include "common/status.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "rpc/mesh.hpp"

namespace orfa::client {

struct Counters {
    std::atomic<std::uint64_t> bytes_read{0};
    std::atomic<std::uint64_t> bytes_written{0};
    std::atomic<std::uint64_t> bytes_packed{0};
    std::atomic<std::uint64_t> bytes_in_place{0};
    TimedTransfers timed;
};

// Thread-safe.
class Session {
  public:
    // "host:port,..."; servers are connected to when they are needed. EINVAL.
    static Result<std::unique_ptr<Session>> make(const std::string& servers);
    // The same, and the first server at once. ECONNREFUSED, ETIMEDOUT, EPROTO.
    static Result<std::unique_ptr<Session>> connect(const std::string& servers);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    rpc::Mesh& mesh() { return mesh_; }
    Names& names() { return names_; }
    TransferPool& transfers() { return transfers_; }
    // "host:port" of a server, for error texts.
    [[nodiscard]] std::string server_name(std::uint32_t server) const;
    // Payload up to this many bytes travels inside messages, if it fits. ORFA_INLINE_MAX.
    [[nodiscard]] std::uint64_t inline_max() const { return inline_max_; }
    // A name for a lock of this session, never given twice.
    std::uint64_t next_lock_id() { return next_lock_id_.fetch_add(1, std::memory_order_relaxed); }
    Counters counters;

  private:
    explicit Session(rpc::MeshOptions options);

    rpc::Mesh mesh_;
    Names names_;
    TransferPool transfers_;
    std::uint64_t inline_max_;
    std::atomic<std::uint64_t> next_lock_id_{1};
};

}  // namespace orfa::client
