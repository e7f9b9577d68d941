// SPDX-License-Identifier: MIT
#include "server/gatherings.hpp"

#include "server/clock.hpp"
#include "server/shard.hpp"

#include <algorithm>

namespace orfa::server {
namespace {

// After its window a gathering is remembered for those who come late.
constexpr int kRememberMs = 10'000;

}  // namespace

Gatherings::~Gatherings() = default;

Gatherings::Seat Gatherings::arrive(std::uint64_t ino, const protocol::Together& together) {
    const Key key{ino, together.id};
    auto& place = gatherings_[key];
    if (place == nullptr) {
        place = std::make_unique<Gathering>();
        place->key = key;
        place->expected = together.participants;
        place->open = !stopping_ && place->expected > 1;
        place->born_ms = monotonic_ms();
        windows_.emplace_back(place->born_ms + kWindowMs, key);
        if (windows_.size() == 1) shard_.after(kWindowMs, [this] { end_windows(); });
    }
    Gathering& gathering = *place;
    ++gathering.seats;
    ++gathering.arrived;
    Seat seat(this, &gathering);
    if (gathering.arrived >= gathering.expected) close(gathering);
    return seat;
}

void Gatherings::end_windows() {
    const std::int64_t now = monotonic_ms();
    while (!windows_.empty() && windows_.front().first <= now) {
        const auto found = gatherings_.find(windows_.front().second);
        if (found != gatherings_.end()) close(*found->second);
        windows_.pop_front();
    }
    if (!windows_.empty())
        shard_.after(static_cast<int>(windows_.front().first - now), [this] { end_windows(); });
}

void Gatherings::tick() {
    std::erase_if(gatherings_, [](const auto& entry) { return is_over(*entry.second); });
}

void Gatherings::stop() {
    stopping_ = true;
    for (auto& [key, gathering] : gatherings_)
        close(*gathering);
}

void Gatherings::close(Gathering& gathering) {
    gathering.open = false;
    give_turns(gathering);
}

// To those within the region under way; when nobody is left in it the next region begins where the
// first of those who wait wants to go on.
void Gatherings::give_turns(Gathering& gathering) {
    if (gathering.open || gathering.waiting.empty()) return;
    if (gathering.turns == 0) {
        const std::uint64_t lowest = gathering.waiting.begin()->first;
        // Also when it lies before the last one: a pattern may go backwards.
        if (lowest >= gathering.limit || lowest + kRegionBytes < gathering.limit)
            gathering.limit = lowest + kRegionBytes;
    }
    while (!gathering.waiting.empty() && gathering.turns < kAtOnce) {
        const auto first = gathering.waiting.begin();
        if (first->first >= gathering.limit) return;
        const auto [seat, handle] = first->second;
        gathering.waiting.erase(first);
        ++gathering.turns;
        seat->has_turn_ = true;
        shard_.resume_in_turn(handle);
    }
}

void Gatherings::leave(Gathering& gathering, bool has_turn) {
    --gathering.seats;
    if (has_turn) --gathering.turns;
    give_turns(gathering);
    if (is_over(gathering)) gatherings_.erase(gathering.key);
}

bool Gatherings::is_over(const Gathering& gathering) {
    if (gathering.seats > 0) return false;
    return gathering.arrived >= gathering.expected ||
           monotonic_ms() >= gathering.born_ms + kRememberMs;
}

Gatherings::Seat::~Seat() {
    if (gathering_ != nullptr) owner_->leave(*gathering_, has_turn_);
}

void Gatherings::Seat::Turn::await_suspend(std::coroutine_handle<> waiting) {
    Gathering& gathering = *seat.gathering_;
    if (seat.has_turn_) --gathering.turns;
    seat.has_turn_ = false;
    gathering.waiting.emplace(offset, std::pair{&seat, waiting});
    seat.owner_->give_turns(gathering);
}

std::uint64_t Gatherings::Seat::Turn::await_resume() const {
    return seat.gathering_->limit;
}

}  // namespace orfa::server
