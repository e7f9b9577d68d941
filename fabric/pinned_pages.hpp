// SPDX-License-Identifier: MIT
// Memory pinned as a network card's driver pins it, and where it physically is: what a card would
// go on using, whatever becomes of the addresses.
//
// Pages are pinned by registering them as fixed buffers of an io_uring that does nothing else, and
// told apart by their frame numbers (/proc/self/pagemap, which needs CAP_SYS_ADMIN).
#pragma once

#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/memory_monitor.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace orfa::fabric {

// Not thread-safe.
class PinnedPages {
  public:
    // What pin() gives: the frames of a range at that time.
    struct Pin {
        AddressRange range;
        std::vector<std::uint64_t> frames;
        std::vector<std::uint32_t> slots;
    };

    static std::unique_ptr<PinnedPages> open();

    // Whole pages. ENOMEM: more than RLIMIT_MEMLOCK allows. Memory that can't be pinned for writing
    // (read-only, a file's) is noted but not pinned.
    Result<Pin> pin(const AddressRange& range);
    void unpin(const Pin& pin);
    // Whether the addresses, part of the pin's, still mean the pages that were pinned. Always when
    // frames can't be seen.
    [[nodiscard]] bool unchanged(const Pin& pin, const AddressRange& range);

    // What works here.
    [[nodiscard]] bool sees_frames() const { return sees_frames_; }
    [[nodiscard]] bool pins() const { return static_cast<bool>(ring_); }

  private:
    PinnedPages() = default;
    bool read_frames(const AddressRange& range, std::vector<std::uint64_t>& into) const;
    [[nodiscard]] int update(std::uint32_t slot, void* start, std::size_t length) const;

    UniqueFd pagemap_;
    UniqueFd ring_;  // none: nothing is pinned
    bool sees_frames_ = false;
    std::vector<std::uint32_t> free_slots_;
    std::vector<std::uint64_t> scratch_;
};

}  // namespace orfa::fabric
