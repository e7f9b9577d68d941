// SPDX-License-Identifier: MIT
// What data requests need while they run, kept for the next ones.
#pragma once

#include "fabric/fabric.hpp"
#include "server/access_list.hpp"
#include "server/rounds.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace orfa::server {

// Of one request. A warm request allocates nothing.
struct Scratch {
    AccessList list;
    std::vector<std::byte> fetched;  // lists that were in the client's memory
    std::vector<fabric::LocalSegment> local;
    std::vector<fabric::RemoteSegment> remote;
    std::vector<RoundPiece> round;
};

class ScratchPool {
  public:
    std::unique_ptr<Scratch> take() {
        if (free_.empty()) return std::make_unique<Scratch>();
        auto scratch = std::move(free_.back());
        free_.pop_back();
        return scratch;
    }
    void give_back(std::unique_ptr<Scratch> scratch) { free_.push_back(std::move(scratch)); }

  private:
    std::vector<std::unique_ptr<Scratch>> free_;
};

// A scratch for as long as a request runs, which is on one thread.
class ScratchLease {
  public:
    ScratchLease() : scratch_(pool().take()) {}
    ~ScratchLease() { pool().give_back(std::move(scratch_)); }
    ScratchLease(const ScratchLease&) = delete;
    ScratchLease& operator=(const ScratchLease&) = delete;
    Scratch& operator*() { return *scratch_; }

  private:
    static ScratchPool& pool() {
        thread_local ScratchPool instance;  // requests stay on their shard's thread
        return instance;
    }
    std::unique_ptr<Scratch> scratch_;
};

}  // namespace orfa::server
