// SPDX-License-Identifier: MIT
// A pattern of the file as one server sees it: which of its bytes are in that server's stripes, in
// order. Client and server walk over the pattern itself, so that a request of a million regular
// pieces is a few numbers on the wire and in memory. Time goes with the stripes touched and the
// pieces outside them, not with the bytes. Pure functions.
#pragma once

#include "protocol/io_messages.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

namespace orfa::protocol {

// Pieces of one length at one distance, one behind the other in the pattern's bytes.
struct PieceRun {
    std::uint64_t position = 0;  // of the first byte among all bytes of the pattern
    std::uint64_t offset = 0;    // in the object
    std::uint64_t length = 0;    // of each piece; not 0
    std::uint64_t stride = 0;    // from offset to offset; of one piece: 0
    std::uint64_t count = 0;     // 0: none
};

// The bytes of `pattern`, all servers'.
constexpr std::uint64_t bytes_of(std::span<const Strided> pattern) {
    std::uint64_t bytes = 0;
    for (const Strided& entry : pattern)
        bytes += entry.length * entry.count * entry.repeats;
    return bytes;
}

class Walk {
  public:
    // `pattern` is borrowed; its numbers and the striping's must have been checked.
    Walk(std::span<const Strided> pattern, const Striping& striping)
        : pattern_(pattern), striping_(striping) {}

    // The next pieces; count 0 at the end. Without stripes a run is a row of the pattern, else what
    // of it lies in one stripe.
    PieceRun next() {
        while (entry_ < pattern_.size()) {
            const Strided& entry = pattern_[entry_];
            const PieceRun run = striping_.stripe_count == 0 ? whole_row(entry) : in_row(entry);
            if (run.count > 0) return run;
            next_row(entry);
        }
        return {};
    }

  private:
    [[nodiscard]] static std::uint64_t row_of(const Strided& entry, std::uint64_t repeat) {
        return entry.offset + repeat * entry.repeat_stride;
    }

    void next_row(const Strided& entry) {
        position_ += entry.length * entry.count;
        piece_ = within_ = 0;
        if (++repeat_ < entry.repeats) return;
        repeat_ = 0;
        ++entry_;
    }

    PieceRun whole_row(const Strided& entry) {
        if (piece_ > 0) return {};
        piece_ = entry.count;
        return {position_, row_of(entry, repeat_), entry.length, entry.count > 1 ? entry.stride : 0,
                entry.count};
    }

    // Of what is left of the row, the first pieces in the column's stripes.
    PieceRun in_row(const Strided& entry) {
        const std::uint64_t size = striping_.stripe_size;
        const std::uint64_t row = row_of(entry, repeat_);
        while (piece_ < entry.count) {
            const std::uint64_t start = row + piece_ * entry.stride;
            const std::uint64_t at = start + within_;
            const std::uint64_t stripe = at / size;
            const auto column = static_cast<std::uint32_t>(stripe % striping_.stripe_count);
            if (column == striping_.column)
                return take(entry, stripe / striping_.stripe_count * size + at % size,
                            size - at % size);
            const std::uint32_t ahead =
                (striping_.column + striping_.stripe_count - column) % striping_.stripe_count;
            skip_to(entry, row, (stripe + ahead) * size);
        }
        return {};
    }

    // On to the first byte of the row at or behind `offset`, which is behind the current one.
    void skip_to(const Strided& entry, std::uint64_t row, std::uint64_t offset) {
        const std::uint64_t start = row + piece_ * entry.stride;
        if (offset < start + entry.length) {
            within_ = offset - start;
            return;
        }
        within_ = 0;
        if (entry.stride < entry.length) {  // the next one may begin before this one's end
            ++piece_;
            return;
        }
        // The first piece that ends behind `offset`; `start` is not behind it.
        piece_ += std::min<std::uint64_t>(entry.count - piece_,
                                          (offset - start - entry.length) / entry.stride + 1);
        const std::uint64_t next = row + piece_ * entry.stride;
        if (piece_ < entry.count && next < offset) within_ = offset - next;
    }

    // Of the current piece what lies within `room` bytes, and those behind it that end there.
    PieceRun take(const Strided& entry, std::uint64_t object_offset, std::uint64_t room) {
        PieceRun run{position_ + piece_ * entry.length + within_, object_offset,
                     std::min(entry.length - within_, room), 0, 1};
        if (run.length < entry.length) {
            within_ += run.length;
            if (within_ < entry.length) return run;
            within_ = 0;
            ++piece_;
            return run;
        }
        const std::uint64_t left = entry.count - piece_;
        if (left > 1) {
            run.stride = entry.stride;
            run.count =
                entry.stride == 0 ? left : std::min(left, (room - entry.length) / entry.stride + 1);
        }
        piece_ += run.count;
        return run;
    }

    std::span<const Strided> pattern_;
    Striping striping_;
    std::size_t entry_ = 0;
    std::uint64_t repeat_ = 0;    // row of the entry
    std::uint64_t piece_ = 0;     // of the row
    std::uint64_t within_ = 0;    // bytes of the piece that are done
    std::uint64_t position_ = 0;  // of the row's first byte
};

// The bytes of the pattern that lie in the column's stripes.
inline std::uint64_t bytes_of(std::span<const Strided> pattern, const Striping& striping) {
    if (striping.stripe_count == 0) return bytes_of(pattern);
    Walk walk(pattern, striping);
    std::uint64_t bytes = 0;
    for (PieceRun run = walk.next(); run.count > 0; run = walk.next())
        bytes += run.length * run.count;
    return bytes;
}

// The bytes of [offset, offset + length) below `limit`.
constexpr std::uint64_t bytes_below(std::uint64_t offset, std::uint64_t length,
                                    std::uint64_t limit) {
    return offset < limit ? std::min(length, limit - offset) : 0;
}

// The bytes of a run below object offset `limit`.
constexpr std::uint64_t bytes_below(const PieceRun& run, std::uint64_t limit) {
    const auto below = [&](std::uint64_t index) {
        return bytes_below(run.offset + index * run.stride, run.length, limit);
    };
    if (run.count == 1 || below(run.count - 1) == run.length) return run.count * below(0);
    std::uint64_t bytes = 0;
    if (run.stride < run.length) {  // they overlap
        for (std::uint64_t i = 0; i < run.count && below(i) > 0; ++i)
            bytes += below(i);
        return bytes;
    }
    if (run.offset >= limit) return 0;
    const std::uint64_t last = (limit - run.offset - 1) / run.stride;  // that begins below it
    return last * run.length + below(last);
}

}  // namespace orfa::protocol
