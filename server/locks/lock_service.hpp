// SPDX-License-Identifier: MIT
// The locks and counters of this server's files: the tables, the requests that wait for a lock, and
// their end with the session.
#pragma once

#include "server/locks/counter_table.hpp"
#include "server/locks/lock_table.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace orfa::server {

class Shard;
struct Session;

// Belongs to the shard's thread.
class LockService {
  public:
    // Requests of one session that may wait here at once. They hold credits, of which there must
    // be enough left for the unlocking.
    static constexpr std::size_t kMostParked = 32;
    // How long a request waits before it is answered without the lock.
    static constexpr std::int64_t kPatienceMs = 2000;

    explicit LockService(Shard& shard) : shard_(shard) {}
    LockService(const LockService&) = delete;
    LockService& operator=(const LockService&) = delete;

    // A lock is named by its session's address and an id of the session's own.
    LockTable& locks() { return locks_; }
    CounterTable& counters() { return counters_; }

    // Gives a lock (or its place) back and lets those in that waited for it. False: no such lock.
    bool unlock(const LockTable::Name& name);

    // co_await wait(name): until the lock is granted or gone, or the patience is over, or the
    // server stops. What came of it is then in locks().
    struct Wait {
        LockService& service;
        LockTable::Name name;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) { service.park(name, waiting); }
        void await_resume() const noexcept {}
    };
    Wait wait(const LockTable::Name& name) { return {*this, name}; }
    // Whether a request may wait for this lock: EAGAIN when too many of the session's older locks
    // are waited for, EBUSY when this one is already.
    [[nodiscard]] Status may_wait(const LockTable::Name& name) const;

    // The session's connection has ended: so do its locks, its waiting requests and its counters.
    void end_session(const Session& session);
    // Called about once a second: answers those whose patience is over.
    void tick();
    // The server stops: nobody waits any more.
    void stop();

  private:
    struct Parked {
        std::coroutine_handle<> waiting;
        std::int64_t until_ms;  // CLOCK_MONOTONIC
    };
    using ParkedOfSession = std::map<std::uint64_t, Parked>;  // by the lock's id

    void park(const LockTable::Name& name, std::coroutine_handle<> waiting);
    void wake(const LockTable::Name& name);
    void wake_older(std::int64_t now_ms);

    Shard& shard_;
    LockTable locks_;
    CounterTable counters_;
    std::unordered_map<LockTable::Owner, ParkedOfSession> parked_;
    bool stopping_ = false;
};

}  // namespace orfa::server
