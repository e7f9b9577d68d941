// SPDX-License-Identifier: MIT
// An aggregator's part of one round: which places of its buffer the ranks' parcels take, and the
// one access that moves all of them between buffer and file.
#pragma once

#include "client/orfa.h"
#include "collective/domains.hpp"
#include "collective/runs.hpp"
#include "common/status.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace orfa::collective {

class Assembly {
  public:
    // Empty parcels of `ranks` ranks.
    void reset(std::size_t ranks);
    // The parcel of a rank, as encode() described it: `bytes` bytes below `limit`. EPROTO.
    Status describe(std::size_t rank, std::span<const std::byte> description, std::uint64_t limit,
                    std::uint64_t bytes);
    [[nodiscard]] std::span<const Run> places(std::size_t rank) const { return places_[rank]; }

    // All bytes that a parcel names, each once, in ascending order of the file; places between
    // them are neither read nor written. Valid until reset().
    orfa_access access(const Window& window, std::uint32_t aggregator, std::byte* buffer);
    // The place behind the first `moved` bytes of access().
    [[nodiscard]] std::uint64_t place_behind(std::uint64_t moved) const;

  private:
    std::vector<std::vector<Run>> places_;
    std::vector<Range> ranges_;
    std::vector<orfa_segment> segments_;
    std::vector<orfa_extent> extents_;
};

}  // namespace orfa::collective
