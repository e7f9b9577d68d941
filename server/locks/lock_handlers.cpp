// SPDX-License-Identifier: MIT
// LOCK, UNLOCK and COUNTER: see protocol/lock_messages.hpp.
#include "protocol/lock_messages.hpp"
#include "server/core.hpp"
#include "server/locks/lock_service.hpp"
#include "server/service.hpp"

#include <cerrno>
#include <limits>

namespace orfa::server {
namespace {

// A lock whose request could not wait here is asked for again after this time.
constexpr std::uint32_t kRetryMs = 50;

// Whether the capability allows this here.
Status check_rights(const Core& core, const protocol::Capability& capability,
                    std::uint32_t rights) {
    if (!core.capabilities->allows(capability, rights)) return Status::from_errno(EBADF);
    const bool is_home = protocol::home_of(capability.ino) == core.identity.index;
    return Status::from_errno(is_home ? 0 : EINVAL);
}

Result<LockRange> range_of(const protocol::LockRequest& lock) {
    constexpr auto kEnd = std::numeric_limits<std::uint64_t>::max();
    const auto [offset, length] = lock.range;
    const bool exclusive = lock.mode == protocol::LockMode::kExclusive;
    if (length == 0) return LockRange{offset, kEnd, exclusive};
    if (length - 1 > kEnd - offset) return Status::from_errno(EINVAL);
    return LockRange{offset, offset + (length - 1), exclusive};
}

bool is_sound(const protocol::LockRequest& lock) {
    const bool mode =
        lock.mode == protocol::LockMode::kShared || lock.mode == protocol::LockMode::kExclusive;
    return mode && (lock.flags & ~std::uint32_t{protocol::kLockTry}) == 0;
}

// The lock's place in the queue, new or from an earlier request.
Status take_place(LockTable& locks, const LockTable::Name& name,
                  const protocol::LockRequest& lock) {
    const auto range = range_of(lock);
    if (!range.ok()) return range.status();
    const std::uint64_t ino = lock.capability.ino;
    if (locks.state(name) != LockTable::State::kAbsent)
        return Status::from_errno(locks.is(name, ino, *range) ? 0 : EEXIST);
    if ((lock.flags & protocol::kLockTry) != 0 && !locks.is_free(ino, *range))
        return Status::from_errno(EAGAIN);
    return locks.add(name, ino, *range).status();
}

Task<Status> handle_lock(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::LockRequest lock{};
    if (!reader.get(lock) || !reader.finished() || !is_sound(lock))
        co_return Status::from_errno(EPROTO);
    const bool exclusive = lock.mode == protocol::LockMode::kExclusive;
    const Status allowed =
        check_rights(core, lock.capability, exclusive ? protocol::kMayWrite : protocol::kMayRead);
    if (!allowed.ok()) co_return allowed;

    LockService& service = *core.locks;
    LockTable& locks = service.locks();
    const LockTable::Name name{request.session, lock.id};
    if (const Status placed = take_place(locks, name, lock); !placed.ok()) co_return placed;
    std::uint32_t retry_ms = 0;
    if (locks.state(name) == LockTable::State::kWaiting) {
        const Status may_wait = service.may_wait(name);
        if (may_wait.ok())
            co_await service.wait(name);
        else if (may_wait.err() == EAGAIN)
            retry_ms = kRetryMs;
        else
            co_return may_wait;
    }
    const auto state = locks.state(name);
    if (state == LockTable::State::kAbsent) co_return Status::from_errno(ECANCELED);
    const bool granted = state == LockTable::State::kGranted;
    request.reply.put(protocol::LockReply{granted ? 1U : 0U, retry_ms});
    co_return Status();
}

Task<Status> handle_unlock(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::UnlockRequest unlock{};
    if (!reader.get(unlock) || !reader.finished()) co_return Status::from_errno(EPROTO);
    if (const Status allowed = check_rights(core, unlock.capability, 0); !allowed.ok())
        co_return allowed;
    const bool was_there = core.locks->unlock({request.session, unlock.id});
    co_return Status::from_errno(was_there ? 0 : ENOLCK);
}

Task<Status> handle_counter(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::CounterRequest counter{};
    if (!reader.get(counter) || !reader.finished()) co_return Status::from_errno(EPROTO);
    if (const Status allowed = check_rights(core, counter.capability, 0); !allowed.ok())
        co_return allowed;
    CounterTable& counters = core.locks->counters();
    const CounterTable::Name name{counter.capability.ino, counter.id[0], counter.id[1]};
    Result<std::int64_t> before = counters.get(name);
    switch (counter.action) {
        case protocol::CounterAction::kAdd:
            before = counters.add(request.session, name, counter.value);
            break;
        case protocol::CounterAction::kSet:
            before = counters.set(request.session, name, counter.value);
            break;
        case protocol::CounterAction::kGet:
            break;
        case protocol::CounterAction::kDrop:
            counters.drop(request.session, name);
            break;
        default:
            co_return Status::from_errno(EPROTO);
    }
    if (!before.ok()) co_return before.status();
    request.reply.put(protocol::CounterReply{*before});
    co_return Status();
}

}  // namespace

void add_lock_handlers(OpTable& table) {
    entry_of(table, protocol::Op::kLock) = {handle_lock, false, "lock"};
    entry_of(table, protocol::Op::kUnlock) = {handle_unlock, false, "unlock"};
    entry_of(table, protocol::Op::kCounter) = {handle_counter, false, "counter"};
}

}  // namespace orfa::server
