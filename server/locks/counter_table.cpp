// SPDX-License-Identifier: MIT
#include "server/locks/counter_table.hpp"

#include <cerrno>
#include <utility>

namespace orfa::server {

Result<CounterTable::Counter*> CounterTable::use(Owner owner, const Name& name) {
    std::set<Name>& used = owners_[owner];
    if (used.contains(name)) return &counters_[name];
    if (used.size() >= kMostPerOwner) return Status::from_errno(ENOLCK);
    used.insert(name);
    Counter& counter = counters_[name];
    ++counter.users;
    return &counter;
}

Result<std::int64_t> CounterTable::add(Owner owner, const Name& name, std::int64_t delta) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(get(name), delta, &sum)) return Status::from_errno(EOVERFLOW);
    return set(owner, name, sum);
}

Result<std::int64_t> CounterTable::set(Owner owner, const Name& name, std::int64_t value) {
    const auto counter = use(owner, name);
    if (!counter.ok()) return counter.status();
    return std::exchange((*counter)->value, value);
}

std::int64_t CounterTable::get(const Name& name) const {
    const auto found = counters_.find(name);
    return found == counters_.end() ? 0 : found->second.value;
}

void CounterTable::leave(const Name& name) {
    const auto found = counters_.find(name);
    if (--found->second.users == 0) counters_.erase(found);
}

void CounterTable::drop(Owner owner, const Name& name) {
    const auto found = owners_.find(owner);
    if (found == owners_.end() || found->second.erase(name) == 0) return;
    if (found->second.empty()) owners_.erase(found);
    leave(name);
}

void CounterTable::drop_all(Owner owner) {
    const auto found = owners_.find(owner);
    if (found == owners_.end()) return;
    for (const Name& name : found->second)
        leave(name);
    owners_.erase(found);
}

}  // namespace orfa::server
