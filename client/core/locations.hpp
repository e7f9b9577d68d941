// SPDX-License-Identifier: MIT
// Where the content of a file's objects lies in the stores that this process has mapped: what
// servers have said, and when it is worth asking them.
#pragma once

#include "common/status.hpp"
#include "protocol/io_messages.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace orfa::client {

// Of one file. Needs a lock around all calls.
class Locations {
  public:
    // Blocks of an object that are asked for at once: 32 MiB of it.
    static constexpr std::uint64_t kRegionBlocks = protocol::kMaxLocated;

    // Of block `block` of a column's object: what was last said, or nullptr. Valid until learn().
    [[nodiscard]] const protocol::BlockLocation* find(std::uint32_t column, std::uint64_t block);

    // Bytes [from, to) of a block, of which nothing is known that lets an access go on.
    struct Miss {
        std::uint64_t block;
        std::uint32_t from;
        std::uint32_t to;
        [[nodiscard]] std::uint64_t region() const { return block / kRegionBlocks; }
    };
    enum class Purpose : std::uint8_t {
        kRead,       // what is read is likely to be there
        kFill,       // a small write; if it is new to the file, asking takes memory
        kSprinkle,   // a write of many small pieces close together, costly by request
        kOverwrite,  // a large one, for which none is taken; in vain, unless it is not new
    };
    // Counts a miss: whether to ask for its region. Who reads or sprinkles asks at once, others
    // after some misses, and each question in vain makes all wait longer.
    bool is_worth_asking(std::uint32_t column, const Miss& miss, Purpose purpose);
    // Room for writes that a question is to ask for: `count` blocks from the miss on are to have
    // it, and so many behind them that `fresh` get it now, as others fill what they asked for.
    struct Room {
        std::uint32_t count = 0;
        std::uint32_t fresh = 0;
    };
    // With `needed` blocks at least, if one question is allowed so many. More as long as much of it
    // is filled: as much as was filled in the column; none where too much was not.
    [[nodiscard]] Room room_wanted(std::uint32_t column, const Miss& miss,
                                   std::uint64_t needed) const;
    // The answer, of the miss's region; `made`: blocks that the server made room in.
    void learn(std::uint32_t column, const Miss& miss, std::uint32_t made,
               std::span<const protocol::BlockLocation, kRegionBlocks> locations);
    // Bytes were written into room: the block can now be read up to `to`.
    void filled(std::uint32_t column, std::uint64_t block, std::uint32_t to, std::uint64_t bytes);

  private:
    struct Region {
        std::array<protocol::BlockLocation, kRegionBlocks> blocks{};
        std::uint32_t misses = 0;    // since the last answer
        std::uint32_t patience = 0;  // so many before the next question
        bool asked = false;
    };
    static constexpr std::size_t kMostRegions = 1024;

    [[nodiscard]] std::uint64_t room_filled() const;
    [[nodiscard]] bool fills_room() const { return 4 * room_filled() >= room_made_; }

    static std::uint64_t key_of(std::uint32_t column, std::uint64_t region) {
        return region << 20 | column;
    }
    Region* find_region(std::uint32_t column, std::uint64_t region);
    Region& region_at(std::uint32_t column, std::uint64_t region);

    std::unordered_map<std::uint64_t, std::unique_ptr<Region>> regions_;
    std::uint64_t last_key_ = ~std::uint64_t{0};  // of last_
    Region* last_ = nullptr;
    std::uint64_t room_made_ = 0;             // bytes, for this file's writes
    std::vector<std::uint64_t> room_filled_;  // bytes, of each column up to the last that has any
};

}  // namespace orfa::client
