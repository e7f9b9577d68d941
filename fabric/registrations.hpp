// SPDX-License-Identifier: MIT
// The memory a process lets its peers use, found by key in constant time.
#pragma once

#include "fabric/fabric.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace orfa::fabric {

// A few nanoseconds per call. Not thread-safe.
class Registrations {
  public:
    Registration add(std::span<std::byte> memory, Access access);
    void remove(const Registration& registration);

    // The memory a peer may use for `needed`, or nullptr: key unknown or released, or not all of
    // [addr, addr + length) registered with it. The segment comes from the peer.
    [[nodiscard]] std::byte* find(const RemoteSegment& segment, Access needed) const;

  private:
    struct Slot {
        std::byte* data = nullptr;
        std::size_t length = 0;
        Access access = Access::kBoth;
        std::uint32_t generation = 0;  // odd: in use
    };

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace orfa::fabric
