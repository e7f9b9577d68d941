// SPDX-License-Identifier: MIT
// What the ranks have agreed on for their calls in one direction, and what follows for the next.
#pragma once

#include "collective/choice.hpp"
#include "collective/domains.hpp"
#include "collective/notes.hpp"

#include <cstdint>
#include <string>

namespace orfa::collective {

// The same on all ranks, but for what has been said.
struct Agreed {
    bool known = false;  // the notes are those of a call
    Notes notes;

    Domains domains;
    Facts facts;
    Choice choice;
    bool ahead = false;  // ranks needn't wait for each other: they had few reasons to stay

    // Draws the conclusions from the notes of reads or writes. `board`, `windows`: the ranks have
    // such memory in common.
    void consider(const orfa_layout& layout, std::uint32_t ranks, bool writing, bool board,
                  bool windows);
    // The conclusions in words if they are others than before, else empty.
    std::string news(std::uint32_t ranks);

  private:
    std::string said_;
    bool said_ahead_ = false;
};

}  // namespace orfa::collective
