// SPDX-License-Identifier: MIT
// Calls that a rank has told the others of, and whose outcome on them it has not waited for.
#pragma once

#include "collective/board.hpp"
#include "common/mutex.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace orfa::collective {

// One rank's. The first of the values that ranks tell on the board is the outcome, 0 for a good
// one; a rank with another one raises the board's alarm before it tells. Each rank learns of each
// outcome once, from take() or from look().
//
// Thread-safe: one thread makes the collective calls, others may look() at any time.
class RunAhead {
  public:
    using Values = std::array<std::int64_t, Board::kMostValues>;

    // Rounds that are to be taken.
    [[nodiscard]] std::size_t size();
    // A round that this rank has told of, with what it told. Returns size().
    std::size_t add(std::uint64_t round, const Values& told);
    // Takes all rounds but the last `left`, one at least, once all ranks have told of them. Returns
    // the largest values of all ranks in the last of them, with the largest outcome of all of them
    // that has not been returned yet.
    Values take(std::size_t left, const Board& board, Board::Progress& others);
    // Waits until all ranks have told of all these rounds, which stay. Returns the largest outcome
    // that has not been returned yet.
    std::int64_t look(const Board& board, Board::Progress& others);
    // Whether there may be an outcome to be looked for.
    bool is_alarmed(const Board& board);

  private:
    struct Round {
        std::uint64_t number = 0;
        bool heard = false;
        Values told{};  // then all ranks'
    };
    // Values of a round are memory of other processors: of most, only that they were told is seen.
    std::int64_t hear(std::size_t count, const Board& board, Board::Progress& others)
        ORFA_REQUIRES(mutex_);

    // Whoever raised an alarm is this far ahead at most of the last round that is waited for.
    static constexpr std::uint64_t kReach = 2 * (Board::kMostUnheard + 1);

    Mutex mutex_;
    std::deque<Round> rounds_ ORFA_GUARDED_BY(mutex_);
    std::uint64_t alarms_ ORFA_GUARDED_BY(mutex_) = 0;      // followed so far
    std::uint64_t hear_until_ ORFA_GUARDED_BY(mutex_) = 0;  // all rounds, after an alarm
};

}  // namespace orfa::collective
