// SPDX-License-Identifier: MIT
// Blocks of a pool that clients have mapped and use in place: when what they know of a block is no
// longer true, and when a block's memory may go to others (the rule: protocol/mapped_store.hpp).
#pragma once

#include "protocol/io_messages.hpp"
#include "server/block_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace orfa::server {

// For one thread. Blocks are told by their memory, as the pool gave it.
class SharedBlocks {
  public:
    // Appends the numbers of all blocks that clients use at this moment.
    using Users = std::function<void(std::vector<std::uint64_t>&)>;

    // Borrows the pool.
    explicit SharedBlocks(BlockPool& pool) : pool_(pool) {}

    // Whether clients can map the pool at all.
    [[nodiscard]] bool possible() const { return pool_.fd() >= 0; }
    // Until then nobody uses any.
    void set_users(Users users) { users_ = std::move(users); }

    // What a client is to know of a block (see protocol::BlockLocation).
    [[nodiscard]] protocol::BlockLocation tell(const std::byte* block, std::uint32_t from,
                                               std::uint32_t to, std::uint32_t room) const;
    // From now on nobody begins to use the block by what was told of it.
    void withdraw(const std::byte* block);
    // A withdrawn block that belongs to no object any more: back to the pool at the next tend()
    // that finds nobody using it.
    void release(std::byte* block) { released_.push_back(block); }
    void tend();
    // Bytes that wait for their users' end.
    [[nodiscard]] std::uint64_t waiting_bytes() const {
        return released_.size() * BlockPool::kBlockBytes;
    }

    // Looks who uses blocks at this moment; then whether this one was used.
    void look_at_users();
    [[nodiscard]] bool was_used(const std::byte* block) const;
    // The block begins to have room: nothing was written there yet.
    void begin_room(const std::byte* block);
    // How far it was filled since, in bytes from its start; 0: not.
    [[nodiscard]] std::uint64_t room_used(const std::byte* block) const;

    // When the block was last written in place, CLOCK_REALTIME; 0: it was not.
    [[nodiscard]] std::int64_t written_ns(const std::byte* block) const;
    void forget_written(const std::byte* block);

  private:
    [[nodiscard]] protocol::BlockStamp& stamp_of(const std::byte* block) const {
        return pool_.mapped().stamp(pool_.number_of(block));
    }

    BlockPool& pool_;
    Users users_;
    std::vector<std::byte*> released_;
    std::vector<std::uint64_t> in_use_;  // scratch
};

}  // namespace orfa::server
