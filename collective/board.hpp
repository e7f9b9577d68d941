// SPDX-License-Identifier: MIT
// Memory of the ranks of one host where they agree without messages: an agreement by messages costs
// as much as moving a small record does.
#pragma once

#include "collective/common_memory.hpp"
#include "collective/ranks.hpp"

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

    // Memory that a board needs.
    static std::size_t bytes_for(std::uint32_t ranks) { return sizeof(Slot) * 2 * ranks; }
    // On new memory of bytes_for() bytes that all of at most kMostRanks ranks have.
    Board(std::unique_ptr<CommonMemory> memory, std::uint32_t ranks);
    // Collective. A board for `ranks` if they have memory in common, else null on all of them. The
    // name is to be new on the host; nothing of it is left.
    static std::unique_ptr<Board> find(Ranks& ranks, const std::string& name);

    // Collective. Each of at most kMostValues values becomes the largest of all ranks'. Waits for
    // the others without an end, as MPI does; yields first, then sleeps in between.
    void maximum(std::uint32_t rank, std::span<std::int64_t> values, Progress& others);

  private:
    // What one rank says in every other agreement.
    struct alignas(128) Slot {
        std::atomic<std::uint64_t> round;  // that the values are of
        std::int64_t values[kMostValues];
    };

    Slot& slot(std::uint32_t rank) { return slots_[rank * 2 + round_ % 2]; }
    void wait_for(const Slot& slot, Progress& others) const;

    std::unique_ptr<CommonMemory> memory_;
    Slot* slots_;  // two for each rank
    std::uint32_t ranks_;
    std::uint64_t round_ = 0;
};

}  // namespace orfa::collective
