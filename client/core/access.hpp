// SPDX-License-Identifier: MIT
// A vectored access cut by server: which ranges of which object go with which memory.
#pragma once

#include "client/orfa.h"
#include "common/status.hpp"
#include "fabric/fabric.hpp"
#include "protocol/io_messages.hpp"
#include "protocol/layout.hpp"

#include <cstdint>
#include <vector>

namespace orfa::client {

// The part of an access that one data request does. Either of extents, whose bytes in order are
// the bytes of `segments` in order; or of a pattern of the file, of which the column's part is
// meant: then the segments hold the bytes of the whole pattern.
struct Share {
    std::uint32_t column = 0;  // of the layout
    std::uint64_t bytes = 0;   // of the column
    std::size_t runs = 0;      // at most so many entries has the pattern of the extents
    std::vector<protocol::Extent> extents;       // of the column's object
    std::vector<protocol::Strided> pattern;      // of the file, in place of extents
    protocol::Striping striping{};               // with a pattern; else zeros
    std::vector<fabric::LocalSegment> segments;  // of the program's memory

    void clear() {
        bytes = 0;
        runs = 0;
        extents.clear();
        pattern.clear();
        striping = {};
        segments.clear();
    }
    [[nodiscard]] bool is_pattern() const { return !pattern.empty(); }
    // About how many pieces of the object there are, and how many bytes from the first one's start
    // to the last one's end.
    [[nodiscard]] std::uint64_t pieces() const;
    [[nodiscard]] std::uint64_t hull() const;
};

// Extents of a share at most.
inline constexpr std::size_t kMostExtents = 65536;

// Shares of one access, reused from access to access.
class Shares {
  public:
    // Cuts `access` with `layout`. Pieces that are next to each other, in the object or in memory,
    // are joined; each share keeps to the bounds of one request. A pattern is not cut: each column
    // that it touches gets all of it. EINVAL: the sums differ or overflow, or the pattern is
    // malformed or too large; EFBIG: it lies beyond what a file can have.
    Status cut(const protocol::Layout& layout, const orfa_access& access);

    [[nodiscard]] std::size_t size() const { return used_; }
    Share& operator[](std::size_t index) { return shares_[index]; }
    const Share& operator[](std::size_t index) const { return shares_[index]; }
    // Bytes of the whole access, after cut().
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  private:
    Share& open_share(std::uint32_t column);
    Status cut_extents(const protocol::Layout& layout, const orfa_access& access);
    Status share_pattern(const protocol::Layout& layout, const orfa_access& access);
    void add(std::uint32_t column, std::uint64_t object_offset, std::byte* data,
             std::uint64_t length);

    std::vector<Share> shares_;
    std::size_t used_ = 0;
    std::vector<std::size_t> current_;  // by column: index of its share that grows, or kNone
    std::uint64_t bytes_ = 0;
};

}  // namespace orfa::client
