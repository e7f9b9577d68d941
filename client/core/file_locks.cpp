// SPDX-License-Identifier: MIT
#include "client/core/file_locks.hpp"

#include "client/core/error_text.hpp"
#include "client/core/file.hpp"
#include "client/core/session.hpp"
#include "protocol/codec.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace orfa::client {
namespace {

using Clock = rpc::Mesh::Clock;

constexpr Clock::time_point kNever = Clock::time_point::max();

}  // namespace

// One request for a lock, which may stay at the server for some seconds.
class FileLocks::Ask final : public rpc::Call {
  public:
    void on_reply(Status status, std::span<const std::byte> body) override {
        if (status.ok() && !protocol::Reader(body).get(reply_)) status = Status::from_errno(EPROTO);
        status_ = status;
        done_ = true;
    }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] Status status() const { return status_; }
    [[nodiscard]] const protocol::LockReply& reply() const { return reply_; }

  private:
    protocol::LockReply reply_{};
    Status status_;
    bool done_ = false;
};

Status FileLocks::failed(Status status, const char* what) const {
    const std::uint32_t home = protocol::home_of(file_.capability().ino);
    return fail_at(status, what, file_.path().c_str(), home, &file_.session().mesh().address(home));
}

// The time is over: the place in the queue goes, or the lock, should it just have been granted.
Status FileLocks::give_up(std::uint64_t id, int timeout_ms) {
    const Status released = release(id);
    if (!released.ok() && released.err() != ENOLCK) return failed(released, "locking");
    return fail(Status::from_errno(ETIMEDOUT), "locking '%s': not free within %d ms",
                file_.path().c_str(), timeout_ms);
}

// Failures have their text.
Status FileLocks::ask_until_granted(const protocol::LockRequest& request, int timeout_ms) {
    rpc::Mesh& mesh = file_.session().mesh();
    const std::uint32_t home = protocol::home_of(file_.capability().ino);
    const auto deadline = rpc::Mesh::deadline_after(timeout_ms);
    const auto pause = [&](std::uint32_t ms) {
        const auto until = std::min(deadline, Clock::now() + std::chrono::milliseconds(ms));
        mesh.wait([] { return false; }, until);
    };
    while (true) {
        if (const Status up = mesh.connect(home); !up.ok()) return failed(up, "locking");
        Ask ask;
        {
            const MutexLock lock(mesh.mutex());
            const Status sent =
                mesh.start(home, protocol::Op::kLock, rpc::as_body(request), {}, ask);
            if (!sent.ok()) return failed(sent, "locking");
        }
        // A try is answered at once.
        if (!mesh.wait([&] { return ask.done(); }, timeout_ms == 0 ? kNever : deadline)) {
            // The server answers what waits there when it is unlocked.
            const Status why = give_up(request.id, timeout_ms);
            mesh.wait([&] { return ask.done(); });
            return why;
        }
        if (!ask.status().ok()) return failed(ask.status(), "locking");
        if (ask.reply().granted != 0) return {};
        if (Clock::now() >= deadline) return give_up(request.id, timeout_ms);
        if (ask.reply().retry_ms > 0) pause(ask.reply().retry_ms);
    }
}

Status FileLocks::lock(const protocol::Extent& range, protocol::LockMode mode, int timeout_ms) {
    protocol::LockRequest request{};
    request.capability = file_.capability();
    request.id = file_.session().next_lock_id();
    request.range = range;
    request.mode = mode;
    request.flags = timeout_ms == 0 ? std::uint32_t{protocol::kLockTry} : 0U;
    {
        // First, so that memory can't run out with a lock nobody knows of.
        const MutexLock lock(mutex_);
        held_.push_back({range, request.id, false});
    }
    const Status granted = ask_until_granted(request, timeout_ms);
    settle(request.id, granted.ok());
    return granted;
}

void FileLocks::settle(std::uint64_t id, bool granted) {
    const MutexLock lock(mutex_);
    const auto found =
        std::find_if(held_.begin(), held_.end(), [&](const Held& held) { return held.id == id; });
    if (found == held_.end()) return;
    found->granted = granted;
    if (!granted) held_.erase(found);
}

Status FileLocks::release(std::uint64_t id) {
    const protocol::UnlockRequest request{file_.capability(), id};
    std::vector<std::byte> reply;
    return file_.session().mesh().call(protocol::home_of(file_.capability().ino),
                                       protocol::Op::kUnlock, rpc::as_body(request), reply);
}

Status FileLocks::unlock(const protocol::Extent& range) {
    std::uint64_t id = 0;
    {
        const MutexLock lock(mutex_);
        const auto found = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
            return held.granted && held.range == range;
        });
        if (found == held_.end()) return failed(Status::from_errno(ENOLCK), "unlocking");
        id = found->id;
        held_.erase(found);
    }
    const Status released = release(id);
    return released.ok() ? released : failed(released, "unlocking");
}

Status FileLocks::unlock_all() {
    std::vector<Held> held;
    {
        const MutexLock lock(mutex_);
        held = std::exchange(held_, {});
    }
    Status first;
    for (const Held& one : held) {
        const Status released = release(one.id);
        if (first.ok() && released.err() != ENOLCK) first = released;
    }
    return first.ok() ? first : failed(first, "unlocking");
}

Result<std::int64_t> FileLocks::counter(const CounterId& id, protocol::CounterAction action,
                                        std::int64_t value) {
    const protocol::CounterRequest request{file_.capability(), {id[0], id[1]}, value, action, 0};
    std::vector<std::byte> body;
    Status status =
        file_.session().mesh().call(protocol::home_of(file_.capability().ino),
                                    protocol::Op::kCounter, rpc::as_body(request), body);
    protocol::CounterReply reply{};
    if (status.ok() && !protocol::Reader(body).get(reply)) status = Status::from_errno(EPROTO);
    if (!status.ok()) return failed(status, "counting for");
    return reply.before;
}

}  // namespace orfa::client
