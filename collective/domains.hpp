// SPDX-License-Identifier: MIT
// Who writes what in two-phase collective I/O, and when: pure arithmetic.
//
// The file is dealt in units of one stripe to the aggregators in turn, so that each aggregator
// always talks to the same servers (the assignment of Lustre's ROMIO driver, Liao and Choudhary,
// "Dynamically adapting file domain partitioning methods", SC'08). A round handles a window of the
// file: as many rows of one unit per aggregator as an aggregator's buffer holds.
#pragma once

#include <cstdint>

namespace orfa::collective {

struct Limits {
    std::uint64_t stripe_size = 0;   // bytes
    std::uint32_t stripe_count = 1;  // servers that hold the file
    std::uint32_t ranks = 1;
    std::uint32_t aggregators = 1;  // at most; at least 1
    std::uint64_t buffer_size = 0;  // bytes of an aggregator at most; at least kSmallestUnit
};

inline constexpr std::uint64_t kSmallestUnit = 4096;

struct Domains {
    std::uint64_t unit = 0;  // bytes dealt at a time
    std::uint32_t aggregators = 0;
    std::uint64_t rows = 0;  // units of each aggregator in a window

    // Bytes of an aggregator's buffer, and of a window of the file.
    [[nodiscard]] std::uint64_t buffer_bytes() const { return rows * unit; }
    [[nodiscard]] std::uint64_t window_bytes() const { return buffer_bytes() * aggregators; }
    // The rank that is aggregator `index`: spread over the ranks, as hosts hold neighbours.
    [[nodiscard]] std::uint32_t rank_of(std::uint32_t index, std::uint32_t ranks) const {
        return static_cast<std::uint32_t>(std::uint64_t{index} * ranks / aggregators);
    }
};

// The same domains with windows of at most `buffer_bytes` an aggregator, at least one unit.
Domains within(Domains domains, std::uint64_t buffer_bytes);

// Bytes of an aggregator's buffer that suffice for accesses that span `hull` bytes of the file in
// one round, and of somewhat longer ones; at most buffer_bytes().
std::uint64_t buffer_for(const Domains& domains, std::uint64_t hull);

// The aggregators are as many as allowed that divide the stripes evenly among them (a divisor or a
// multiple of stripe_count). The unit is the stripe, or what fits a smaller buffer.
Domains make_domains(const Limits& limits);

// One round's part of the file. Its bytes lie in the buffers of the aggregators at *places*, 0 ..
// buffer_bytes() - 1; places of one aggregator ascend with the offset.
class Window {
  public:
    // The window that begins with the unit of byte `first`.
    Window(const Domains& domains, std::uint64_t first)
        : domains_(domains), first_unit_(first / domains.unit) {}

    [[nodiscard]] std::uint64_t begin() const { return first_unit_ * domains_.unit; }
    [[nodiscard]] std::uint64_t end() const { return begin() + domains_.window_bytes(); }

    [[nodiscard]] std::uint32_t aggregator_of(std::uint64_t offset) const {
        return static_cast<std::uint32_t>(offset / domains_.unit % domains_.aggregators);
    }
    [[nodiscard]] std::uint64_t place_of(std::uint64_t offset) const {
        const std::uint64_t row = (offset / domains_.unit - first_unit_) / domains_.aggregators;
        return row * domains_.unit + offset % domains_.unit;
    }
    // The byte of the file at an aggregator's place.
    [[nodiscard]] std::uint64_t offset_of(std::uint32_t aggregator, std::uint64_t place) const {
        const std::uint64_t in_row =
            (aggregator + domains_.aggregators - first_unit_ % domains_.aggregators) %
            domains_.aggregators;
        const std::uint64_t row = place / domains_.unit;
        return (first_unit_ + row * domains_.aggregators + in_row) * domains_.unit +
               place % domains_.unit;
    }
    // Bytes from `offset` to the end of its unit.
    [[nodiscard]] std::uint64_t left_in_unit(std::uint64_t offset) const {
        return domains_.unit - offset % domains_.unit;
    }

  private:
    Domains domains_;
    std::uint64_t first_unit_;
};

}  // namespace orfa::collective
