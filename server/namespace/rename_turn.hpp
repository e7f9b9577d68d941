// SPDX-License-Identifier: MIT
// One after the other: renames that concern two servers or move a directory to another parent.
//
// Server 0 gives the turn to all servers. It keeps two such renames from making a directory its own
// ancestor, and lets the one that has it wait for names at another server without a circle of
// waiters. A server asks for one turn at a time (its own queue comes first), so that those who wait
// never use up its connections.
#pragma once

#include "server/session.hpp"

#include <coroutine>
#include <deque>

namespace orfa::server {

// A first-come-first-served queue: at server 0 the cluster's, at others the server's own. Used from
// the shard's thread only.
class RenameTurn {
  public:
    // co_await take(): waits for the turn.
    struct Take {
        RenameTurn& turn;
        bool await_ready() const noexcept {
            if (turn.taken_) return false;
            turn.taken_ = true;
            return true;
        }
        void await_suspend(std::coroutine_handle<> waiting) { turn.waiting_.push_back(waiting); }
        void await_resume() const noexcept {}
    };
    Take take() { return {*this}; }
    // The next one runs inside the call.
    void give_back() {
        owner_ = nullptr;
        if (waiting_.empty()) {
            taken_ = false;
            return;
        }
        const auto next = waiting_.front();
        waiting_.pop_front();
        next.resume();
    }

    // At server 0: the server that has the turn, by its session.
    void set_owner(const Session& session) { owner_ = &session; }
    [[nodiscard]] bool is_owner(const Session& session) const { return owner_ == &session; }
    void end_session(const Session& session) {
        if (is_owner(session)) give_back();
    }

  private:
    bool taken_ = false;
    const Session* owner_ = nullptr;  // null: a rename of this server's own
    std::deque<std::coroutine_handle<>> waiting_;
};

}  // namespace orfa::server
