// SPDX-License-Identifier: MIT
#include "collective/board.hpp"

#include "collective/spare_memory.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <climits>
#include <ctime>
#include <utility>

namespace orfa::collective {
namespace {

using Clock = std::chrono::steady_clock;

// Of one wait: looks before others' work is done as well, and the time before the thread sleeps.
constexpr unsigned kPatientLooks = 8;
constexpr std::chrono::microseconds kLongestYielding{50};
constexpr long kSleepNs = 100'000;  // then others' work is done again

using Word = std::atomic<std::uint32_t>;

// Sleeps while *word is `value`, for a while at most.
void sleep_on(const Word& word, std::uint32_t value) {
    const timespec limit = {0, kSleepNs};
    (void)syscall(SYS_futex, &word, FUTEX_WAIT, value, &limit, nullptr, 0);
}

void wake_all(const Word& word) {
    (void)syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

SpareMemory& spare() {
    static SpareMemory one;
    return one;
}

}  // namespace

// New memory holds zeros: of round 0, which is before the first.
Board::Board(std::unique_ptr<CommonMemory> memory, std::uint32_t ranks)
    : memory_(std::move(memory)),
      header_(reinterpret_cast<Header*>(memory_->data())),
      pages_(reinterpret_cast<Page*>(memory_->data() + sizeof(Header))),
      ranks_(ranks),
      later_(ranks) {
    assert(ranks <= kMostRanks && memory_->size() >= bytes_for(ranks));
}

std::unique_ptr<Board> Board::find(Ranks& ranks, const std::string& name) {
    if (ranks.size() < 2 || ranks.size() > kMostRanks) return nullptr;
    const std::size_t bytes = bytes_for(ranks.size());
    if (auto memory = spare().take(ranks, bytes)) {
        // All are here, so nobody looks at what is there any more.
        auto board = std::make_unique<Board>(std::move(memory), ranks.size());
        board->clear(ranks.rank());
        ranks.meet();
        return board;
    }
    auto memory = CommonMemory::find(ranks, name, bytes);
    return memory ? std::make_unique<Board>(std::move(memory), ranks.size()) : nullptr;
}

void Board::give_back(std::unique_ptr<Board> board) {
    spare().put(board->ranks_, std::move(board->memory_));
}

// Makes a rank's part, and rank 0 what belongs to all, as in new memory.
void Board::clear(std::uint32_t rank) {
    if (rank == 0) header_->alarms.store(0);
    pages_[rank].begun.store(0);
    pages_[rank].told.store(0);
    pages_[rank].wanted.store(0);
    for (Slot& each : pages_[rank].slots)
        each.writes_in = 0;
}

void Board::maximum(std::uint32_t rank, std::span<std::int64_t> values, Progress& others) {
    hear(tell(rank, values), values, others);
}

std::uint64_t Board::tell(std::uint32_t rank, std::span<const std::int64_t> values) {
    assert(rank < ranks_ && values.size() <= kMostValues);
    ++round_;
    std::copy(values.begin(), values.end(), slot(rank, round_).values);
    Page& page = pages_[rank];
    page.told.store(round_, std::memory_order_seq_cst);
    const std::uint64_t wanted = page.wanted.load(std::memory_order_seq_cst);
    if (wanted == 0 || wanted > round_) return round_;
    // Who says now what it wants has looked at the bell before.
    page.wanted.store(0, std::memory_order_seq_cst);
    page.bell.fetch_add(1, std::memory_order_seq_cst);
    wake_all(page.bell);
    return round_;
}

void Board::wait(std::uint64_t round, Progress& others) const {
    for (std::uint32_t rank = 0; rank < ranks_; ++rank)
        wait_for(rank, round, others);
}

void Board::hear(std::uint64_t round, std::span<std::int64_t> values, Progress& others) const {
    for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
        wait_for(rank, round, others);
        const Slot& theirs = slot(rank, round);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = std::max(values[i], theirs.values[i]);
    }
}

Range Board::part_of(std::uint32_t rank, std::uint64_t round, Range Slot::*part) const {
    const Slot& theirs = slot(rank, round);
    return theirs.writes_in == round ? theirs.*part : Range{};
}

std::vector<Range> Board::begin_write(std::uint32_t rank, const Range& whole, const Range& hull,
                                      Progress& others) {
    const std::uint64_t round = round_ + 1;
    Slot& mine = slot(rank, round);
    mine.writes_in = round;
    mine.whole = whole;
    mine.hull = hull;
    // Of two ranks that say this and then look, one at least sees the other.
    pages_[rank].begun.store(round, std::memory_order_seq_cst);
    std::vector<Range> later;
    for (std::uint32_t other = 0; other < ranks_; ++other) {
        if (other == rank) continue;
        const std::uint64_t begun = pages_[other].begun.load(std::memory_order_seq_cst);
        const std::uint64_t told = pages_[other].told.load(std::memory_order_acquire);
        for (std::uint64_t theirs = told + 1; theirs <= begun; ++theirs) {
            if (theirs < round && part_of(other, theirs, &Slot::hull).meets(whole))
                wait_for(other, theirs, others);
        }
        later_[other].pass(round);
        while (later_[other].next() <= std::max(begun, told))
            later_[other].add(part_of(other, later_[other].next(), &Slot::whole));
        later_[other].collect(hull, later);
    }
    return later;
}

void Board::wait_for(std::uint32_t rank, std::uint64_t round, Progress& others) const {
    const Page& page = pages_[rank];
    Clock::time_point sleepy;
    for (unsigned look = 1; page.told.load(std::memory_order_acquire) < round; ++look) {
        if (look == kPatientLooks) sleepy = Clock::now() + kLongestYielding;
        if (look >= kPatientLooks) others.progress();
        if (look <= kPatientLooks || Clock::now() < sleepy) {
            sched_yield();
            continue;
        }
        sleep_until(rank, round);
    }
}

// For a while at most. Either this sees the round told, or who tells it sees that it is wanted.
void Board::sleep_until(std::uint32_t rank, std::uint64_t round) const {
    Page& page = pages_[rank];
    const std::uint32_t rung = page.bell.load(std::memory_order_seq_cst);
    std::uint64_t wanted = page.wanted.load(std::memory_order_relaxed);
    while ((wanted == 0 || round < wanted) &&
           !page.wanted.compare_exchange_weak(wanted, round, std::memory_order_seq_cst)) {
    }
    if (page.told.load(std::memory_order_seq_cst) < round) sleep_on(page.bell, rung);
}

}  // namespace orfa::collective
