// SPDX-License-Identifier: MIT
// A request's extents cut into rounds, so that other requests get their turn in between.
#pragma once

#include "protocol/io_messages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace orfa::server {

class Rounds {
  public:
    // Bytes, and pieces, of a round at most.
    static constexpr std::uint64_t kBytes = 4 << 20;
    static constexpr std::size_t kPieces = 4096;

    // The extents must outlive this; none is empty.
    explicit Rounds(const std::vector<protocol::Extent>& extents) : extents_(extents) {}

    [[nodiscard]] bool begun() const { return index_ > 0 || done_ > 0; }
    [[nodiscard]] bool finished() const { return index_ == extents_.size(); }
    // Where the next round begins.
    [[nodiscard]] std::uint64_t offset() const { return extents_[index_].offset + done_; }

    // Cuts the next round off, of extents below `limit` (which must be above offset()). Its bytes.
    std::uint64_t next(std::uint64_t limit, std::vector<protocol::Extent>& round) {
        round.clear();
        std::uint64_t bytes = 0;
        while (!finished() && bytes < kBytes && round.size() < kPieces && offset() < limit) {
            const std::uint64_t left = extents_[index_].length - done_;
            const std::uint64_t part = std::min({left, kBytes - bytes, limit - offset()});
            round.push_back({offset(), part});
            bytes += part;
            done_ += part;
            if (part == left) {
                ++index_;
                done_ = 0;
            }
        }
        return bytes;
    }

  private:
    const std::vector<protocol::Extent>& extents_;
    std::size_t index_ = 0;
    std::uint64_t done_ = 0;  // bytes of extents_[index_]
};

}  // namespace orfa::server
