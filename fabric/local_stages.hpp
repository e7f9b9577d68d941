// SPDX-License-Identifier: MIT
// Memory shared with a same-host peer through which small transfers are copied, once by each side:
// faster than process_vm_*, which looks every page of the other process up first, and it divides
// the work between the two.
#pragma once

#include "fabric/fabric.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace orfa::fabric {

// The stages of one connection; the dialer takes them, the listener finds what it is told of.
class LocalStages {
  public:
    LocalStages() = default;
    // Borrows `memory`, whole stages.
    LocalStages(std::span<std::byte> memory, std::size_t stage_bytes)
        : memory_(memory), stage_bytes_(stage_bytes) {
        for (std::size_t at = memory.size(); at > 0; at -= stage_bytes)
            free_.push_back(at - stage_bytes);
    }

    [[nodiscard]] bool has_room(std::size_t bytes) const {
        return bytes <= stage_bytes_ && !free_.empty();
    }
    // The stage used last, which is still in the caches: its offset. After has_room().
    std::size_t take() {
        const std::size_t offset = free_.back();
        free_.pop_back();
        return offset;
    }
    void give_back(std::size_t offset) { free_.push_back(offset); }
    // nullptr: not all of it lies in the stages. The segment comes from the peer.
    [[nodiscard]] std::byte* find(const RemoteSegment& segment) const {
        if (segment.addr > memory_.size() || segment.length > memory_.size() - segment.addr)
            return nullptr;
        return memory_.data() + segment.addr;
    }

  private:
    std::span<std::byte> memory_;
    std::size_t stage_bytes_ = 0;
    std::vector<std::size_t> free_;  // offsets
};

}  // namespace orfa::fabric
