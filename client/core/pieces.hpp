// SPDX-License-Identifier: MIT
// The pieces of a share: which bytes of the object go with which bytes of memory.
#pragma once

#include "client/core/access.hpp"
#include "protocol/walk.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace orfa::client {

// Pieces of an object at one distance, one behind the other in memory.
struct Pieces {
    std::uint64_t offset;  // in the object
    std::uint64_t stride;  // from offset to offset; of one piece: meaningless
    std::byte* memory;
    std::uint64_t length;  // of each; not 0
    std::uint64_t count;   // not 0
};

// A share's segments, passed through from their beginning.
class SegmentPosition {
  public:
    explicit SegmentPosition(const Share& share) : segment_(share.segments.data()) {}

    // On to byte `at` of all segments, which is not before the current one and not their end.
    void go_to(std::uint64_t at) {
        while (at - before_ >= segment_->length)
            before_ += segment_++->length;
        within_ = at - before_;
    }
    [[nodiscard]] std::byte* memory() const { return segment_->data + within_; }
    // Bytes to the end of the segment.
    [[nodiscard]] std::uint64_t left() const { return segment_->length - within_; }

  private:
    const fabric::LocalSegment* segment_;
    std::uint64_t before_ = 0;  // bytes of the segments before it
    std::uint64_t within_ = 0;
};

// Calls visit(Pieces) for the bytes of a share that is a pattern's part, in order, while it returns
// true; what the last call returned.
template <typename Visit>
bool visit_pattern(const Share& share, Visit visit) {
    SegmentPosition segments(share);
    protocol::Walk walk(share.pattern, share.striping);
    for (auto run = walk.next(); run.count > 0; run = walk.next()) {
        for (std::uint64_t done = 0; done < run.length * run.count;) {
            const std::uint64_t index = done / run.length;
            const std::uint64_t within = done % run.length;
            segments.go_to(run.position + done);
            Pieces pieces{run.offset + index * run.stride + within, run.stride, segments.memory(),
                          std::min(run.length - within, segments.left()), 1};
            if (pieces.length == run.length)
                pieces.count = std::min(run.count - index, segments.left() / run.length);
            if (!visit(pieces)) return false;
            done += pieces.length * pieces.count;
        }
    }
    return true;
}

// The same for any share.
template <typename Visit>
bool visit_runs(const Share& share, Visit visit) {
    if (share.is_pattern()) return visit_pattern(share, visit);
    SegmentPosition segments(share);
    std::uint64_t at = 0;
    for (const auto& extent : share.extents) {
        for (std::uint64_t done = 0; done < extent.length;) {
            segments.go_to(at);
            const std::uint64_t part =
                std::min<std::uint64_t>(extent.length - done, segments.left());
            if (!visit(Pieces{extent.offset + done, 0, segments.memory(), part, 1})) return false;
            done += part;
            at += part;
        }
    }
    return true;
}

// Calls visit(object offset, memory, length) for each piece, in order.
template <typename Visit>
void visit_pieces(const Share& share, Visit visit) {
    visit_runs(share, [&](const Pieces& pieces) {
        for (std::uint64_t i = 0; i < pieces.count; ++i)
            visit(pieces.offset + i * pieces.stride, pieces.memory + i * pieces.length,
                  pieces.length);
        return true;
    });
}

}  // namespace orfa::client
