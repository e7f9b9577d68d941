// SPDX-License-Identifier: MIT
#include "server/locks/lock_service.hpp"

#include "server/clock.hpp"
#include "server/session.hpp"
#include "server/shard.hpp"

#include <cerrno>
#include <limits>

namespace orfa::server {

Status LockService::may_wait(const LockTable::Name& name) const {
    if (stopping_) return Status::from_errno(EAGAIN);
    const auto session = parked_.find(name.owner);
    if (session == parked_.end()) return {};
    if (session->second.contains(name.id)) return Status::from_errno(EBUSY);
    const bool has_room =
        session->second.size() < kMostParked || session->second.rbegin()->first > name.id;
    return Status::from_errno(has_room ? 0 : EAGAIN);
}

void LockService::park(const LockTable::Name& name, std::coroutine_handle<> waiting) {
    ParkedOfSession& mine = parked_[name.owner];
    // Clients number their locks in order: those that will be granted first are to be told first.
    if (mine.size() >= kMostParked) wake({name.owner, mine.rbegin()->first});
    mine.emplace(name.id, Parked{waiting, monotonic_ms() + kPatienceMs});
}

// The request goes on in its turn, not from here: whoever calls may be in the middle of something.
void LockService::wake(const LockTable::Name& name) {
    const auto session = parked_.find(name.owner);
    if (session == parked_.end()) return;
    const auto parked = session->second.find(name.id);
    if (parked == session->second.end()) return;
    shard_.resume_in_turn(parked->second.waiting);
    session->second.erase(parked);
    if (session->second.empty()) parked_.erase(session);
}

bool LockService::unlock(const LockTable::Name& name) {
    std::vector<LockTable::Name> granted;
    if (!locks_.remove(name, granted)) return false;
    wake(name);  // it waits no more
    for (const auto& next : granted)
        wake(next);
    return true;
}

void LockService::end_session(const Session& session) {
    counters_.drop_all(&session);
    std::vector<LockTable::Name> granted;
    locks_.remove_all(&session, granted);
    for (const auto& next : granted)
        wake(next);
    const auto mine = parked_.find(&session);
    if (mine == parked_.end()) return;
    for (const auto& [id, parked] : mine->second)
        shard_.resume_in_turn(parked.waiting);
    parked_.erase(mine);
}

void LockService::tick() {
    wake_older(monotonic_ms());
}

void LockService::wake_older(std::int64_t now_ms) {
    for (auto session = parked_.begin(); session != parked_.end();) {
        std::erase_if(session->second, [&](const auto& entry) {
            if (entry.second.until_ms > now_ms) return false;
            shard_.resume_in_turn(entry.second.waiting);
            return true;
        });
        session = session->second.empty() ? parked_.erase(session) : std::next(session);
    }
}

void LockService::stop() {
    stopping_ = true;
    wake_older(std::numeric_limits<std::int64_t>::max());
}

}  // namespace orfa::server
