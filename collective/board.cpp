// SPDX-License-Identifier: MIT
#include "collective/board.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace orfa::collective {
namespace {

// Of one wait: looks before others' work is done as well, and before the thread sleeps in between.
constexpr unsigned kPatientLooks = 8;
constexpr unsigned kYieldingLooks = 2000;  // about 1 ms on a free processor
constexpr useconds_t kSleepUs = 50;

}  // namespace

// New memory holds zeros: slots of round 0, which is before the first.
Board::Board(std::unique_ptr<CommonMemory> memory, std::uint32_t ranks)
    : memory_(std::move(memory)), slots_(reinterpret_cast<Slot*>(memory_->data())), ranks_(ranks) {
    assert(ranks <= kMostRanks && memory_->size() >= bytes_for(ranks));
}

std::unique_ptr<Board> Board::find(Ranks& ranks, const std::string& name) {
    if (ranks.size() < 2 || ranks.size() > kMostRanks) return nullptr;
    auto memory = CommonMemory::find(ranks, name, bytes_for(ranks.size()));
    return memory ? std::make_unique<Board>(std::move(memory), ranks.size()) : nullptr;
}

void Board::maximum(std::uint32_t rank, std::span<std::int64_t> values, Progress& others) {
    assert(rank < ranks_ && values.size() <= kMostValues);
    ++round_;
    Slot& mine = slot(rank);
    std::copy(values.begin(), values.end(), mine.values);
    mine.round.store(round_, std::memory_order_release);
    for (std::uint32_t other = 0; other < ranks_; ++other) {
        if (other == rank) continue;
        const Slot& theirs = slot(other);
        wait_for(theirs, others);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = std::max(values[i], theirs.values[i]);
    }
}

void Board::wait_for(const Slot& slot, Progress& others) const {
    for (unsigned look = 1; slot.round.load(std::memory_order_acquire) != round_; ++look) {
        if (look > kPatientLooks) others.progress();
        if (look <= kYieldingLooks)
            sched_yield();
        else
            usleep(kSleepUs);
    }
}

}  // namespace orfa::collective
