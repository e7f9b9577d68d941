// SPDX-License-Identifier: MIT
// What became of a rank's last calls in one direction.
#pragma once

#include "collective/choice.hpp"

#include <bitset>
#include <cstdint>

namespace orfa::collective {

class Outcomes {
  public:
    static constexpr unsigned kRemembered = 16;

    // A call by `way`; `in_place`: all of this rank's bytes were moved without a request.
    void add(Way way, bool in_place, bool failed);
    // As if each of the last calls had been a reason to stay.
    void doubt() { stays_.set(); }

    // In how many of the last calls there was a reason to wait for the other ranks: a request, or
    // an error. All of them at first.
    [[nodiscard]] std::uint64_t stays() const { return stays_.count(); }
    // How many of the last independent calls that went well needed requests; none at first. Others
    // let this be forgotten, slowly: what once was not in place may be later.
    [[nodiscard]] std::uint64_t misses() const { return misses_.count(); }

  private:
    static constexpr unsigned kForgets = 16;  // calls for a miss

    std::bitset<kRemembered> stays_ = std::bitset<kRemembered>().set();
    std::bitset<kRemembered> misses_;
    unsigned others_ = 0;  // calls by other ways
};

}  // namespace orfa::collective
