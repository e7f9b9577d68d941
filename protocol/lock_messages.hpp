// SPDX-License-Identifier: MIT
// Byte-range locks and counters of a file. Both live at the file's home server alone, in memory,
// and belong to the session that made them: they end with its connection. Asked of another server:
// EINVAL.
#pragma once

#include "protocol/io_messages.hpp"
#include "protocol/messages.hpp"

namespace orfa::protocol {

enum class LockMode : std::uint32_t {
    kShared = 1,     // needs kMayRead (else EBADF)
    kExclusive = 2,  // needs kMayWrite
};

enum LockFlags : std::uint32_t {
    kLockTry = 1,  // a lock that can't be had at once is not queued
};

// kLock: LockRequest -> LockReply. Takes a place in the file's queue, and the lock when no earlier
// place that conflicts with it is left (two conflict when their ranges overlap and not both are
// shared, whoever holds them). The server answers when the lock is granted, or after a few seconds
// without it: its place stays, and the same request asks again. EAGAIN: not to be had at once
// (kLockTry). ECANCELED: unlocked meanwhile. EEXIST: the session uses this id for another lock.
// EBUSY: another request waits for this lock. ENOLCK: too many locks in this session.
struct LockRequest {
    Capability capability;
    std::uint64_t id;  // the session's own name for this lock
    Extent range;      // bytes of the file; length 0: to its largest offset
    LockMode mode;
    std::uint32_t flags;  // LockFlags
};
struct LockReply {
    std::uint32_t granted;   // 1; or 0: still in the queue, ask again
    std::uint32_t retry_ms;  // after so long
};

// kUnlock: gives the lock back, or its place in the queue. -> no body. ENOLCK: no such lock.
struct UnlockRequest {
    Capability capability;
    std::uint64_t id;
};

enum class CounterAction : std::uint32_t {
    kAdd = 1,   // adds `value`; EOVERFLOW
    kSet = 2,   // to `value`
    kGet = 3,   // 0 when it is not there
    kDrop = 4,  // this session needs it no more
};

// kCounter: CounterRequest -> CounterReply. A counter starts at 0 when a session first adds to it
// or sets it, and ends when the last session that did so has dropped it or ended. Any genuine
// capability will do (else EBADF). ENOLCK: too many counters in this session.
struct CounterRequest {
    Capability capability;
    std::uint64_t id[2];  // random; the same file may have many
    std::int64_t value;
    CounterAction action;
    std::uint32_t reserved;
};
struct CounterReply {
    std::int64_t before;  // the request; 0: it was not there
};

static_assert(Wire<LockRequest> && sizeof(LockRequest) == 56);
static_assert(Wire<LockReply> && sizeof(LockReply) == 8);
static_assert(Wire<UnlockRequest> && sizeof(UnlockRequest) == 32);
static_assert(Wire<CounterRequest> && sizeof(CounterRequest) == 56);
static_assert(Wire<CounterReply> && sizeof(CounterReply) == 8);

}  // namespace orfa::protocol
