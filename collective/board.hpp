// SPDX-License-Identifier: MIT
// Memory of the ranks of one host where they agree without messages: an agreement by messages costs
// as much as moving a small record does.
#pragma once

#include "collective/ranks.hpp"
#include "common/status.hpp"
#include "common/unique_fd.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace orfa::collective {

// One board for each set of ranks; all of them call the same functions in the same order, each from
// one thread at a time. Algorithm: each rank writes its values where it alone writes, in two places
// by turns, and reads all others'; who is at its next agreement has done with the last but one.
class Board {
  public:
    static constexpr std::size_t kMostValues = 15;
    static constexpr std::uint32_t kMostRanks = 64;

    // What is done while others are awaited (MPI's own work). Must not throw.
    class Progress {
      public:
        virtual void progress() = 0;

      protected:
        ~Progress() = default;
    };

    // Makes shared memory of this name, which one rank does before the others open it. The name is
    // to be new on the host. EINVAL: more than kMostRanks; ENOSPC: no room in /dev/shm; others of
    // shm_open() and mmap(), of which nothing is left behind.
    static Result<std::unique_ptr<Board>> create(const std::string& name, std::uint32_t ranks);
    // Opens what create() made. ENOENT: another host, or another /dev/shm on this one.
    static Result<std::unique_ptr<Board>> open(const std::string& name, std::uint32_t ranks);
    // Collective. A board for `ranks` if they have memory in common, else null on all of them: seen
    // by trying, as names of hosts do not tell. Nothing of the name is left.
    static std::unique_ptr<Board> find(Ranks& ranks, const std::string& name);
    // Takes the name away; those who have opened it keep the memory.
    static void unlink(const std::string& name);

    Board(const Board&) = delete;
    Board& operator=(const Board&) = delete;
    ~Board();

    // Collective. Each of at most kMostValues values becomes the largest of all ranks'. Waits for
    // the others without an end, as MPI does; yields first, then sleeps in between.
    void maximum(std::uint32_t rank, std::span<std::int64_t> values, Progress& others);

  private:
    // What one rank says in every other agreement.
    struct alignas(128) Slot {
        std::atomic<std::uint64_t> round;  // that the values are of
        std::int64_t values[kMostValues];
    };

    static std::size_t bytes_for(std::uint32_t ranks) { return sizeof(Slot) * 2 * ranks; }
    static Result<std::unique_ptr<Board>> map(const UniqueFd& fd, std::uint32_t ranks);
    Board(Slot* slots, std::uint32_t ranks) : slots_(slots), ranks_(ranks) {}
    Slot& slot(std::uint32_t rank) { return slots_[rank * 2 + round_ % 2]; }
    void wait_for(const Slot& slot, Progress& others) const;

    Slot* slots_;  // two for each rank
    std::uint32_t ranks_;
    std::uint64_t round_ = 0;
};

}  // namespace orfa::collective
