// SPDX-License-Identifier: MIT
// What the ranks tell each other of a collective call, and what follows from it.
#pragma once

#include "client/orfa.h"
#include "collective/board.hpp"
#include "collective/choice.hpp"
#include "collective/domains.hpp"
#include "collective/orfa_coll.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace orfa::collective {

// Told before a call, and behind it for the next one: of each value the largest of all ranks'
// counts. Hints are those of rank 0, the others give less than any.
struct Notes {
    enum Field : std::uint8_t {
        kError,
        kWish,
        kAggregators,
        kBufferSize,
        kDisorderly,
        kNetwork,
        kBytes,
        kFilePieces,
        kMemoryPieces,
        kMinusFirst,
        kEnd,
        kRunAhead,
        kRunAheadSize,
        kMisses,  // see Outcomes
        kStays,
        kFields
    };
    std::array<std::int64_t, Board::kMostValues> values{};

    std::int64_t& operator[](Field field) { return values[field]; }
    [[nodiscard]] std::uint64_t number(Field field) const {
        return static_cast<std::uint64_t>(values[field]);
    }
};

// One rank's, of a call: `writing` 0 or 1, `network`: it reaches a server over one.
Notes notes_of(std::uint32_t rank, const orfa_coll_hints& hints, std::size_t writing, bool network,
               const orfa_coll_shape& shape);

// From all ranks' notes, the same on each.
static_assert(Notes::kFields <= Board::kMostValues);
static_assert(Notes::kError == 0, "as RunAhead wants it");

Domains domains_of(const orfa_layout& layout, const Notes& notes, std::uint32_t ranks);
Facts facts_of(const Notes& notes, const Domains& domains, std::uint32_t ranks);

}  // namespace orfa::collective
