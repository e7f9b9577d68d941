// SPDX-License-Identifier: MIT
// The memory that a store shares with the clients of its own user on its host: blocks of file data,
// then a stamp for each. What LOCATE (io_messages.hpp) says of a block is true as long as the block
// has the stamp that was told with it; until then clients read and write there, in place.
//
// Rule: a client says which block it is about to use (fabric::ExposedUse), then looks at the stamp,
// and lets go of the block only when it has done. The store changes the stamp, then looks who uses
// the block, and gives its memory to nobody else before they have done.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace orfa::protocol {

inline constexpr std::uint64_t kStoreBlockBytes = 64 << 10;

// Of its own cache line: neighbours are written by others.
struct alignas(64) BlockStamp {
    std::atomic<std::uint64_t> stamp;      // rises; only the store changes it
    std::atomic<std::int64_t> written_ns;  // CLOCK_REALTIME of the last write in place; 0: none
    // Bytes of the block from its start to the end of the last byte written in its room (see
    // BlockLocation), so that the object reaches as far; 0: none. Rises while the block has room.
    std::atomic<std::uint64_t> end;
};
static_assert(sizeof(BlockStamp) == 64 && std::atomic<std::uint64_t>::is_always_lock_free);

// Views such memory, and owns nothing.
class MappedStore {
  public:
    // Bytes for so many blocks.
    static constexpr std::uint64_t bytes_for(std::uint64_t blocks) {
        return blocks * (kStoreBlockBytes + sizeof(BlockStamp));
    }

    MappedStore() = default;
    // `memory` begins at a page; what is left behind the last whole block and stamp is not used.
    explicit MappedStore(std::span<std::byte> memory)
        : data_(memory.data()), blocks_(memory.size() / bytes_for(1)) {}

    [[nodiscard]] std::uint64_t blocks() const { return blocks_; }
    // Both: index < blocks().
    [[nodiscard]] std::byte* block(std::uint64_t index) const {
        return data_ + index * kStoreBlockBytes;
    }
    [[nodiscard]] BlockStamp& stamp(std::uint64_t index) const {
        // Atomics whose value is zero in zeroed memory: nothing to construct.
        return reinterpret_cast<BlockStamp*>(data_ + blocks_ * kStoreBlockBytes)[index];
    }

  private:
    std::byte* data_ = nullptr;
    std::uint64_t blocks_ = 0;
};

}  // namespace orfa::protocol
