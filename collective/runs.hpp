// SPDX-License-Identifier: MIT
// Lists of pieces in few words: pieces of one length at one distance are one run. What ranks tell
// aggregators of their accesses, and what they remember of their memory, are such lists, so that
// an access of a million regular pieces costs some bytes.
#pragma once

#include "collective/range.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace orfa::collective {

// Pieces [start + i * stride, ... + length), i = 0 .. count - 1. `start` is an address or an
// offset in bytes; a run of addresses may go downwards (the stride wraps round).
struct Run {
    std::uint64_t start;
    std::uint64_t length;
    std::uint64_t stride;  // meaningless when count is 1
    std::uint64_t count;

    bool operator==(const Run&) const = default;
};

class Runs {
  public:
    void clear() {
        runs_.clear();
        bytes_ = 0;
    }

    // One more piece, length > 0. Joined with the last one where it continues it.
    void append(std::uint64_t start, std::uint64_t length) { append(Run{start, length, 0, 1}); }

    // More pieces, count > 0.
    void append(Run run) {
        bytes_ += run.length * run.count;
        if (run.count > 1 && run.stride == run.length)
            run = {run.start, run.length * run.count, 0, 1};
        if (!runs_.empty() && continues(runs_.back(), run)) return;
        runs_.push_back(run);
    }

    [[nodiscard]] std::span<const Run> items() const { return runs_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    // Whether all bytes lie in one piece.
    [[nodiscard]] bool is_one_piece() const { return runs_.size() == 1 && runs_[0].count == 1; }

  private:
    // Whether `run` could be made part of `last`.
    static bool continues(Run& last, const Run& run) {
        if (last.count == 1 && run.count == 1 && last.start + last.length == run.start) {
            last.length += run.length;
            return true;
        }
        if (last.length != run.length) return false;
        const std::uint64_t step = run.start - last.start;
        if (last.count > 1 && step != last.count * last.stride) return false;
        const std::uint64_t stride = last.count > 1 ? last.stride : step;
        if (run.count > 1 && run.stride != stride) return false;
        last.stride = stride;
        last.count += run.count;
        return true;
    }

    std::vector<Run> runs_;
    std::uint64_t bytes_ = 0;
};

// Copies packed bytes to the pieces of `runs`, in order, until `packed` is used up; it may be
// shorter than the runs. Offsets count from address `base` (0: they are addresses).
void scatter(std::span<const Run> runs, std::uintptr_t base, std::span<const std::byte> packed);

// The reverse: fills `packed` with the bytes of the first pieces of `runs`.
void gather(std::span<const Run> runs, std::uintptr_t base, std::span<std::byte> packed);

// Copies the first `bytes` bytes of the pieces of `from` to those of `to`, in order; neither holds
// fewer. Offsets count from the bases.
void copy_pieces(std::span<const Run> from, std::uintptr_t from_base, std::span<const Run> to,
                 std::uintptr_t to_base, std::uint64_t bytes);

// Appends `runs`, ascending and without overlaps, to `out` as bytes: LEB128 numbers, each start
// relative to the end before it. A regular access takes 4 to 12 bytes.
void encode(std::span<const Run> runs, std::vector<std::byte>& out);

// The runs that encode() wrote; false when they are malformed, hold other than `bytes` bytes or
// reach beyond `limit`. Never more memory than a small multiple of the input.
bool decode(std::span<const std::byte> in, std::uint64_t limit, std::uint64_t bytes,
            std::vector<Run>& out);

// Bytes of ascending `runs` that lie below `limit`.
std::uint64_t bytes_below(std::span<const Run> runs, std::uint64_t limit);

// The bytes that any of the lists names, as ranges in ascending order that neither overlap nor
// touch. Each list must ascend without overlaps. A merge over a heap of the lists' next pieces,
// O(pieces * log(lists)); where the lists' runs have one stride, as when ranks take regular turns,
// many periods are done at once.
void unite(std::span<const std::span<const Run>> lists, std::vector<Range>& out);

}  // namespace orfa::collective
