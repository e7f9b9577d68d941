// SPDX-License-Identifier: MIT
// Which way a collective call goes: a cost model over what the ranks' accesses look like.
#pragma once

#include <cstdint>

namespace orfa::collective {

enum class Way : std::uint8_t { kAuto, kIndependent, kTwophase, kServer, kGeneric };

// What all ranks know of one call after they have compared notes. Maxima are over the ranks.
struct Facts {
    Way wish = Way::kAuto;       // the user's
    bool orderly = true;         // no rank's view goes backwards or overlaps itself
    bool network = false;        // a server is reached over a network
    bool common_memory = false;  // the ranks have memory in common
    bool in_place = false;       // all ranks reach what the servers store without requests
    std::uint32_t ranks = 1;     // of the communicator
    std::uint32_t aggregators = 1;
    std::uint64_t bytes = 0;          // most of a rank
    std::uint64_t file_pieces = 0;    // most of a rank
    std::uint64_t memory_pieces = 0;  // most of a rank
    std::uint64_t hull = 0;           // from the first byte of all to the last
};

struct Choice {
    Way way = Way::kIndependent;
    const char* reason = "";  // static
};

// Estimated time of the call, microseconds.
struct Cost {
    double independent = 0;
    double twophase = 0;
};

Cost cost_of(const Facts& facts);

Choice choose(const Facts& facts);

}  // namespace orfa::collective
