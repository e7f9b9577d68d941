// SPDX-License-Identifier: MIT
// Whether to copy a transfer's bytes or to register its memory, when nobody knows whether the
// memory will be used again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace orfa::fabric {

// Copies until copying has cost as much as registering would have, then says to register: at worst
// twice the cost of who knew. Remembers 256 buffers. Not thread-safe.
class CopyLedger {
  public:
    // The bytes whose copying costs as much as registering and deregistering a buffer: a fixed part
    // and one for each byte of the buffer.
    struct BreakEven {
        std::size_t fixed_bytes = 0;
        double per_byte = 0;
    };

    explicit CopyLedger(const BreakEven& break_even) : break_even_(break_even) {}

    // True: copying so many bytes costs less than registering them for this once.
    [[nodiscard]] bool cheaper_once(std::size_t bytes) const;

    // True: copy this transfer from or to `memory`; the copy is counted.
    bool copies(std::span<const std::byte> memory);

  private:
    struct Account {
        std::uintptr_t page = 0;
        std::size_t bytes = 0;  // copied from or to there
    };

    const BreakEven break_even_;
    std::array<Account, 256> accounts_{};
};

}  // namespace orfa::fabric
