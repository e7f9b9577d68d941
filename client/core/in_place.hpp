// SPDX-License-Identifier: MIT
// Copies between the program's memory and a server's store that this process has mapped: no server
// takes part (the rule by which that is safe: protocol/mapped_store.hpp).
#pragma once

#include "client/core/locations.hpp"
#include "client/core/pieces.hpp"
#include "fabric/fabric.hpp"
#include "protocol/mapped_store.hpp"

#include <cstddef>
#include <cstdint>

namespace orfa::client {

enum class Direction : std::uint8_t;

// Of one column's object, for a while: it holds on to the block that it was at last until its end.
// One at a time for a connection, under the mesh's lock.
class InPlaceCopy {
  public:
    // Borrows all until its end.
    InPlaceCopy(const fabric::ExposedMemory& exposed, Locations& locations, std::uint32_t column,
                Direction direction);
    // Lets go, and counts what was copied.
    ~InPlaceCopy();
    InPlaceCopy(const InPlaceCopy&) = delete;
    InPlaceCopy& operator=(const InPlaceCopy&) = delete;

    // Copies all pieces but their first `done` bytes. False: miss() lies in the way; what is before
    // it was copied.
    bool copy(const Pieces& pieces, std::uint64_t done);
    [[nodiscard]] const Locations::Miss& miss() const { return miss_; }
    // Copied so far.
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  private:
    bool hold(std::uint64_t block);
    [[nodiscard]] std::uint32_t end_of_held() const;
    void copy_in_held(const Pieces& pieces);
    void let_go();

    protocol::MappedStore store_;
    fabric::ExposedUse& use_;
    Locations& locations_;
    const std::uint32_t column_;
    const Direction direction_;
    std::uint64_t held_ = ~std::uint64_t{0};  // block of the object; none
    protocol::BlockLocation where_{};         // of it
    Locations::Miss miss_{};
    std::uint64_t bytes_ = 0;
    std::uint32_t room_end_ = 0;  // in the held block, what was written beyond its `to` ends here
    std::uint64_t room_bytes_ = 0;
};

}  // namespace orfa::client
