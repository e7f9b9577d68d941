// SPDX-License-Identifier: MIT
#include "server/locks/lock_table.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <iterator>

namespace orfa::server {

const LockTable::Place* LockTable::find(const Name& name) const {
    const auto owner = owners_.find(name.owner);
    if (owner == owners_.end()) return nullptr;
    const auto place = owner->second.find(name.id);
    return place == owner->second.end() ? nullptr : &place->second;
}

Result<LockTable::State> LockTable::add(const Name& name, std::uint64_t ino,
                                        const LockRange& range) {
    assert(find(name) == nullptr);
    Places& places = owners_[name.owner];
    if (places.size() >= kMostPerOwner) return Status::from_errno(ENOLCK);
    Queue& queue = queues_[ino];
    const auto blockers = static_cast<std::size_t>(
        std::count_if(queue.begin(), queue.end(),
                      [&](const Entry& earlier) { return conflict(earlier.range, range); }));
    queue.push_back({name, range, blockers});
    places.emplace(name.id, Place{ino, std::prev(queue.end())});
    ++size_;
    if (blockers == 0) return State::kGranted;
    ++waiting_;
    return State::kWaiting;
}

LockTable::State LockTable::state(const Name& name) const {
    const Place* place = find(name);
    if (place == nullptr) return State::kAbsent;
    return place->entry->blockers == 0 ? State::kGranted : State::kWaiting;
}

bool LockTable::is(const Name& name, std::uint64_t ino, const LockRange& range) const {
    const Place* place = find(name);
    return place != nullptr && place->ino == ino && place->entry->range == range;
}

bool LockTable::is_free(std::uint64_t ino, const LockRange& range) const {
    const auto queue = queues_.find(ino);
    return queue == queues_.end() ||
           std::none_of(queue->second.begin(), queue->second.end(),
                        [&](const Entry& entry) { return conflict(entry.range, range); });
}

// Those behind it that it was in the way of have one blocker less.
void LockTable::take_out(const Place& place, std::vector<Name>& granted) {
    const auto queue = queues_.find(place.ino);
    if (place.entry->blockers > 0) --waiting_;
    for (auto later = std::next(place.entry); later != queue->second.end(); ++later) {
        if (!conflict(place.entry->range, later->range) || --later->blockers > 0) continue;
        granted.push_back(later->name);
        --waiting_;
    }
    queue->second.erase(place.entry);
    if (queue->second.empty()) queues_.erase(queue);
    --size_;
}

bool LockTable::remove(const Name& name, std::vector<Name>& granted) {
    const auto owner = owners_.find(name.owner);
    if (owner == owners_.end()) return false;
    const auto found = owner->second.find(name.id);
    if (found == owner->second.end()) return false;
    take_out(found->second, granted);
    owner->second.erase(found);
    if (owner->second.empty()) owners_.erase(owner);
    return true;
}

void LockTable::remove_all(Owner owner, std::vector<Name>& granted) {
    const auto found = owners_.find(owner);
    if (found == owners_.end()) return;
    for (const auto& [id, place] : found->second)
        take_out(place, granted);
    owners_.erase(found);
    std::erase_if(granted, [owner](const Name& name) { return name.owner == owner; });
}

}  // namespace orfa::server
