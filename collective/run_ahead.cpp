// SPDX-License-Identifier: MIT
#include "collective/run_ahead.hpp"

#include <algorithm>
#include <utility>

namespace orfa::collective {

std::size_t RunAhead::size() {
    const MutexLock lock(mutex_);
    return rounds_.size();
}

std::size_t RunAhead::add(std::uint64_t round, const Values& told) {
    const MutexLock lock(mutex_);
    rounds_.push_back({round, false, told});
    return rounds_.size();
}

RunAhead::Values RunAhead::take(std::size_t left, const Board& board, Board::Progress& others) {
    const MutexLock lock(mutex_);
    const std::size_t count = rounds_.size() - left;
    const std::int64_t outcome = hear(count, board, others);
    Values values = rounds_[count - 1].told;
    values[0] = outcome;
    rounds_.erase(rounds_.begin(), rounds_.begin() + static_cast<std::ptrdiff_t>(count));
    return values;
}

std::int64_t RunAhead::look(const Board& board, Board::Progress& others) {
    const MutexLock lock(mutex_);
    return rounds_.empty() ? 0 : hear(rounds_.size(), board, others);
}

bool RunAhead::is_alarmed(const Board& board) {
    const MutexLock lock(mutex_);
    return board.alarms() != alarms_ || (!rounds_.empty() && rounds_.back().number <= hear_until_);
}

std::int64_t RunAhead::hear(std::size_t count, const Board& board, Board::Progress& others) {
    Round& last = rounds_[count - 1];
    board.wait(last.number, others);
    const std::uint64_t alarms = board.alarms();
    if (alarms != alarms_) hear_until_ = last.number + kReach;
    alarms_ = alarms;
    std::int64_t outcome = 0;
    for (std::size_t i = 0; i < count; ++i) {
        Round& round = rounds_[i];
        if (round.heard || (&round != &last && round.number > hear_until_)) continue;
        board.hear(round.number, round.told, others);
        round.heard = true;
        outcome = std::max(outcome, std::exchange(round.told[0], 0));
    }
    return outcome;
}

}  // namespace orfa::collective
