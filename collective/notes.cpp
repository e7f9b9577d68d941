// SPDX-License-Identifier: MIT
#include "collective/notes.hpp"

#include <algorithm>

namespace orfa::collective {
namespace {

constexpr std::uint64_t kMostMisses = 4;           // of Outcomes::kRemembered
constexpr std::uint64_t kLargestBuffer = 1 << 30;  // messages count in int

}  // namespace

Notes notes_of(std::uint32_t rank, const orfa_coll_hints& hints, std::size_t writing, bool network,
               const orfa_coll_shape& shape) {
    Notes notes;
    const auto signed_of = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
    notes[Notes::kWish] = rank == 0 ? hints.way[writing] : -1;
    notes[Notes::kAggregators] = rank == 0 ? hints.aggregators : -1;
    notes[Notes::kBufferSize] = rank == 0 ? signed_of(hints.buffer_size) : -1;
    notes[Notes::kRunAhead] = rank == 0 ? hints.run_ahead : -1;
    notes[Notes::kRunAheadSize] = rank == 0 ? signed_of(hints.run_ahead_size) : -1;
    notes[Notes::kDisorderly] = shape.orderly != 0 ? 0 : 1;
    notes[Notes::kNetwork] = network ? 1 : 0;
    notes[Notes::kMinusFirst] = INT64_MIN;
    notes[Notes::kEnd] = INT64_MIN;
    if (shape.bytes == 0) return notes;
    notes[Notes::kBytes] = signed_of(shape.bytes);
    notes[Notes::kFilePieces] = signed_of(shape.file_pieces);
    notes[Notes::kMemoryPieces] = signed_of(shape.memory_pieces);
    notes[Notes::kMinusFirst] = -signed_of(shape.first);
    notes[Notes::kEnd] = signed_of(shape.end);
    return notes;
}

Domains domains_of(const orfa_layout& layout, const Notes& notes, std::uint32_t ranks) {
    Limits limits;
    limits.stripe_size = layout.stripe_size;
    limits.stripe_count = static_cast<std::uint32_t>(layout.stripe_count);
    limits.ranks = ranks;
    limits.aggregators = static_cast<std::uint32_t>(notes.number(Notes::kAggregators));
    limits.buffer_size =
        std::clamp(notes.number(Notes::kBufferSize), kSmallestUnit, kLargestBuffer);
    return make_domains(limits);
}

Facts facts_of(const Notes& notes, const Domains& domains, std::uint32_t ranks) {
    Facts facts;
    facts.wish = static_cast<Way>(notes.number(Notes::kWish));
    facts.orderly = notes.number(Notes::kDisorderly) == 0;
    facts.network = notes.number(Notes::kNetwork) != 0;
    facts.in_place = notes.number(Notes::kMisses) <= kMostMisses;
    facts.ranks = ranks;
    facts.aggregators = domains.aggregators;
    facts.bytes = notes.number(Notes::kBytes);
    facts.file_pieces = notes.number(Notes::kFilePieces);
    facts.memory_pieces = notes.number(Notes::kMemoryPieces);
    if (facts.bytes > 0) facts.hull = notes.number(Notes::kEnd) + notes.number(Notes::kMinusFirst);
    return facts;
}

}  // namespace orfa::collective
