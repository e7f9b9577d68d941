// SPDX-License-Identifier: MIT
// Remote memory access for coroutines: co_await pull(...) or push(...).
#pragma once

#include "fabric/fabric.hpp"
#include "server/session.hpp"

#include <cerrno>
#include <coroutine>
#include <span>

namespace orfa::server {

// One transfer between the server's memory and a client's; its Status is co_await's result. The
// segment lists must live until then.
class Rma final : public fabric::RmaCompletion {
  public:
    enum class Direction : std::uint8_t { kPull, kPush };  // from the client, to the client

    Rma(Direction direction, const Session& session, std::span<const fabric::LocalSegment> local,
        std::span<const fabric::RemoteSegment> remote)
        : direction_(direction), session_(session), local_(local), remote_(remote) {}

    bool await_ready() {
        if (!session_.connected) {
            status_ = Status::from_errno(ECONNRESET);
            return true;
        }
        const auto state = direction_ == Direction::kPull
                               ? session_.endpoint->rma_read(session_.peer, local_, remote_, this)
                               : session_.endpoint->rma_write(session_.peer, local_, remote_, this);
        if (!state.ok()) status_ = state.status();
        return !state.ok() || *state == fabric::RmaState::kDone;
    }
    void await_suspend(std::coroutine_handle<> waiting) { waiting_ = waiting; }
    Status await_resume() const { return status_; }

    void on_rma_done(Status status) override {
        status_ = status;
        waiting_.resume();
    }

  private:
    const Direction direction_;
    const Session& session_;
    const std::span<const fabric::LocalSegment> local_;
    const std::span<const fabric::RemoteSegment> remote_;
    Status status_;
    std::coroutine_handle<> waiting_;
};

}  // namespace orfa::server
