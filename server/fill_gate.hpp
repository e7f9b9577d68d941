// SPDX-License-Identifier: MIT
// Where requests wait that want bytes which another one is just filling for the first time.
#pragma once

#include "server/shard.hpp"

#include <coroutine>
#include <vector>

namespace orfa::server {

// One per store; of the shard's thread.
class FillGate {
  public:
    explicit FillGate(Shard& shard) : shard_(shard) {}
    FillGate(const FillGate&) = delete;
    FillGate& operator=(const FillGate&) = delete;

    // co_await gate.change(): until a write has ended; not necessarily the one that is waited for.
    struct Change {
        FillGate& gate;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) { gate.waiting_.push_back(waiting); }
        void await_resume() const noexcept {}
    };
    Change change() { return {*this}; }
    // A write has ended.
    void notify() {
        for (const auto waiting : waiting_)
            shard_.resume_in_turn(waiting);
        waiting_.clear();
    }

  private:
    Shard& shard_;
    std::vector<std::coroutine_handle<>> waiting_;
};

}  // namespace orfa::server
