// SPDX-License-Identifier: MIT
// What one other rank writes in rounds behind ours, each round looked up once.
#pragma once

#include "collective/range.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace orfa::collective {

// At most kMostRounds rounds at a time. Rounds that nothing is added for hold nothing.
class LaterWrites {
  public:
    static constexpr std::uint64_t kMostRounds = 512;

    // Ours is `round` now, which only rises: what is not behind it is forgotten.
    void pass(std::uint64_t round);
    // The round that add() is for.
    [[nodiscard]] std::uint64_t next() const { return next_; }
    void add(const Range& written);
    // Appends what of `hull` is written, in the order of the rounds.
    void collect(const Range& hull, std::vector<Range>& out) const;

  private:
    static constexpr std::uint64_t kGroup = 16;

    // What `kGroup` rounds lie between: mostly no more has to be looked at.
    struct Group {
        std::uint64_t number = 0;
        Range hull;
    };

    std::uint64_t first_ = 0;
    std::uint64_t next_ = 0;
    std::array<Range, kMostRounds> ranges_{};
    std::array<Group, kMostRounds / kGroup + 1> groups_{};
};

}  // namespace orfa::collective
