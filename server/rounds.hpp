// SPDX-License-Identifier: MIT
// A request's pieces cut into rounds, so that other requests get their turn in between.
#pragma once

#include "server/access_list.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace orfa::server {

// A piece of the object, and where its bytes are among those of the client's segments.
struct RoundPiece {
    std::uint64_t offset;
    std::uint64_t length;
    std::uint64_t position;
};

class Rounds {
  public:
    static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
    // Bytes, and pieces, of a round at most.
    static constexpr std::uint64_t kBytes = 4 << 20;
    static constexpr std::size_t kPieces = 4096;

    // The list must outlive this.
    explicit Rounds(const AccessList& list)
        : walk_(list.walk()), whole_memory_(list.whole_memory), run_(walk_.next()) {}

    [[nodiscard]] bool begun() const { return moved_ > 0; }
    [[nodiscard]] bool finished() const { return run_.count == 0; }
    // Where the next round begins.
    [[nodiscard]] std::uint64_t offset() const { return run_.offset + done_; }

    // Cuts the next round off, of pieces below `limit` (which must be above offset()).
    void next(std::uint64_t limit, std::vector<RoundPiece>& round) {
        round.clear();
        std::uint64_t bytes = 0;
        while (!finished() && bytes < kBytes && round.size() < kPieces && offset() < limit) {
            const std::uint64_t left = run_.length - done_;
            const std::uint64_t part = std::min({left, kBytes - bytes, limit - offset()});
            round.push_back({offset(), part, whole_memory_ ? run_.position + done_ : moved_});
            bytes += part;
            moved_ += part;
            done_ += part;
            if (part == left) next_piece();
        }
    }

  private:
    void next_piece() {
        done_ = 0;
        run_.offset += run_.stride;
        run_.position += run_.length;
        if (--run_.count == 0) run_ = walk_.next();
    }

    protocol::Walk walk_;
    bool whole_memory_;
    protocol::PieceRun run_;   // what is left of it,
    std::uint64_t done_ = 0;   // without so many bytes of its first piece
    std::uint64_t moved_ = 0;  // bytes of all rounds so far
};

}  // namespace orfa::server
