// SPDX-License-Identifier: MIT
// Nested strided access patterns: what a list of extents becomes when its extents repeat, as those
// of vectors and subarrays do. Pure functions; walk.hpp gives the ranges back.
#pragma once

#include "protocol/io_messages.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace orfa::protocol {

// Whether `next` begins one further repetition of what `run` repeats in its inner loop.
constexpr bool continues(const Strided& run, const Extent& next) {
    if (run.repeats != 1 || next.length != run.length || next.offset <= run.offset) return false;
    return run.count == 1 || next.offset - run.offset == run.stride * run.count;
}

// Whether `next` is one further repetition of the whole of `run`.
constexpr bool repeats(const Strided& run, const Strided& next) {
    if (next.repeats != 1 || next.length != run.length || next.count != run.count ||
        next.stride != run.stride || next.offset <= run.offset)
        return false;
    return run.repeats == 1 || next.offset - run.offset == run.repeat_stride * run.repeats;
}

// The end of the extent that reaches furthest.
constexpr std::uint64_t end_of(const Strided& run) {
    return run.offset + (run.count - 1) * run.stride + (run.repeats - 1) * run.repeat_stride +
           run.length;
}

// Replaces `out` by the same extents in the same order, folded greedily from the first one on.
inline void fold(std::span<const Extent> extents, std::vector<Strided>& out) {
    out.clear();
    Strided run{};
    const auto put = [&] {
        if (run.count == 0) return;
        if (!out.empty() && repeats(out.back(), run)) {
            Strided& last = out.back();
            if (last.repeats == 1) last.repeat_stride = run.offset - last.offset;
            ++last.repeats;
        } else {
            out.push_back(run);
        }
    };
    for (const Extent& extent : extents) {
        if (run.count > 0 && continues(run, extent)) {
            if (run.count == 1) run.stride = extent.offset - run.offset;
            ++run.count;
            continue;
        }
        put();
        run = {extent.offset, extent.length, 0, 0, 1, 1};
    }
    put();
}

// The number of extents of `run`; 0 when there are none or more than `most`, or when one of them
// would begin beyond `largest_offset`.
constexpr std::uint64_t unfolds_to(const Strided& run, std::uint64_t most,
                                   std::uint64_t largest_offset) {
    const std::uint64_t extents = std::uint64_t{run.count} * run.repeats;
    if (extents == 0 || extents > most || run.offset > largest_offset) return 0;
    std::uint64_t room = largest_offset - run.offset;
    if (run.count > 1 && run.stride > room / (run.count - 1)) return 0;
    room -= run.stride * (run.count - 1);
    if (run.repeats > 1 && run.repeat_stride > room / (run.repeats - 1)) return 0;
    return extents;
}

}  // namespace orfa::protocol
