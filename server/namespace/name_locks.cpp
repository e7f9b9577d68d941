// SPDX-License-Identifier: MIT
#include "server/namespace/name_locks.hpp"

#include <cassert>

namespace orfa::server {

void NameLocks::hold(const Id& id) {
    held_.try_emplace(id);
    ++busy_in_[id.first];
}

void NameLocks::leave(std::uint64_t directory) {
    auto count = busy_in_.find(directory);
    if (--count->second == 0) busy_in_.erase(count);
}

void NameLocks::release(const Id& id) {
    auto found = held_.find(id);
    assert(found != held_.end());
    auto& waiters = found->second;
    bool handed_on = false;
    while (!waiters.empty() && !handed_on) {
        handed_on = waiters.front().takes;
        ready_.push_back(waiters.front().coroutine);
        waiters.pop_front();
    }
    if (!handed_on) {
        held_.erase(found);
        leave(id.first);
    }
    run_ready();
}

void NameLocks::run_ready() {
    if (running_) return;
    running_ = true;
    while (!ready_.empty()) {
        const auto next = ready_.front();
        ready_.pop_front();
        next.resume();
    }
    running_ = false;
}

}  // namespace orfa::server
