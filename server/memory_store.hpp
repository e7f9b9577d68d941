// SPDX-License-Identifier: MIT
// Objects in RAM, up to a limit of bytes: for clusters that live as long as a job, and the upper
// bound in benchmarks. Transfers reach its blocks in place, and so do clients that map it.
#pragma once

#include "server/block_pool.hpp"
#include "server/object_store.hpp"
#include "server/shared_blocks.hpp"
#include "server/write_claims.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace orfa::server {

class MemoryStore final : public ObjectStore {
  public:
    // `limit`: bytes; `ready`: bytes of memory touched ahead; `file`: for clients to map, if there
    // is one (see BlockPool). ENOMEM.
    static Result<std::unique_ptr<MemoryStore>> create(std::uint64_t limit, std::uint64_t ready,
                                                       UniqueFd file = {});
    ~MemoryStore() override;
    MemoryStore(const MemoryStore&) = delete;
    MemoryStore& operator=(const MemoryStore&) = delete;

    Result<Pin*> pin(std::uint64_t id, bool create) override;
    std::uint64_t size(Pin* pin) override;
    void unpin(Pin* pin) override;
    Status prepare_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                         std::vector<fabric::LocalSegment>& out) override;
    void finish_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                      bool moved) override;
    [[nodiscard]] bool is_filling(const Pin* pin, std::uint64_t offset,
                                  std::uint64_t length) const override;
    Status prepare_read(Pin* pin, std::uint64_t offset, std::uint64_t length,
                        std::vector<fabric::LocalSegment>& out) override;
    void locate(std::uint64_t id, std::uint64_t first_block,
                std::span<protocol::BlockLocation> out) override;
    std::uint32_t make_room(std::uint64_t id, const RoomWanted& wanted) override;
    Result<ObjectInfo> info(std::uint64_t id) override;
    Status truncate(std::uint64_t id, std::uint64_t size) override;
    Status allocate(std::uint64_t id, std::uint64_t offset, std::uint64_t length) override;
    void forget_time(std::uint64_t id) override;
    void remove(std::uint64_t id) override;
    Status sync(std::uint64_t) override { return {}; }  // RAM: nothing to do, nothing promised
    [[nodiscard]] StoreUsage usage() const override;
    // All memory that prepare_write() and prepare_read() may give.
    [[nodiscard]] std::span<std::byte> memory() const { return pool_->range(); }
    // What clients map (fd -1: nothing), who uses it, and what is to be done now and then.
    [[nodiscard]] int fd() const { return pool_->fd(); }
    [[nodiscard]] std::size_t mapped_bytes() const { return pool_->mapped_bytes(); }
    void set_users(SharedBlocks::Users users) { shared_.set_users(std::move(users)); }
    void tend() { shared_.tend(); }

  private:
    // A block of an object, and which bytes of it are its content: [from, to) of the block. The
    // rest reads as zeros, whatever its memory holds. No data: a hole.
    struct Block {
        std::byte* data = nullptr;
        std::uint32_t from = 0;
        std::uint32_t to = 0;
    };
    // The blocks of 32 MiB of an object.
    static constexpr std::uint64_t kRegionBlocks = 512;
    static constexpr std::uint64_t kLargestObject = 1ULL << 62;  // bytes
    using Region = std::array<Block, kRegionBlocks>;
    struct Object final : Pin {
        std::uint64_t id = 0;
        std::uint64_t size = 0;  // but for what clients wrote in `room` since: catch_up()
        std::int64_t mtime_ns = 0;
        std::uint64_t block_count = 0;
        std::uint32_t pins = 0;
        bool removed = false;  // no longer in objects_; ends with the last pin
        bool located = false;  // clients may know where its blocks are
        std::unordered_map<std::uint64_t, std::unique_ptr<Region>> regions;
        std::vector<std::byte*> doomed;  // cut off while pinned
        // Blocks, ascending, that clients may fill beyond the object's end.
        std::vector<std::uint64_t> room;
    };
    explicit MemoryStore(std::unique_ptr<BlockPool> pool);
    static Block* find_block(const Object& object, std::uint64_t block);
    static Block& block_at(Object& object, std::uint64_t block);
    static void make_whole(Block& block);
    Status fill(Object& object, std::uint64_t first, std::uint64_t last);
    Status fill_missing(Object& object, std::uint64_t first, std::uint64_t last);
    static bool has_room(const Object& object, std::uint64_t index);
    static bool lacks_room(const Object& object, std::uint64_t index);
    static std::uint64_t room_end(const Object& object, const RoomWanted& wanted);
    void catch_up(Object& object);
    bool take_back_room();
    bool is_claimed(const Object& object, std::uint64_t index, const Block& block) const;
    void claim(const Write& write, std::uint64_t index, Block& block, std::uint32_t from,
               std::uint32_t to);
    void append_content(const Object& object, std::uint64_t offset,
                        std::vector<fabric::LocalSegment>& out, std::size_t keep, std::byte* data,
                        std::uint64_t length) const;
    void cut(Object& object, std::uint64_t size);
    void drop_block(Object& object, std::uint64_t index, Block& block);
    void release(const Object& object, std::byte* block);
    template <typename Visit>
    static void visit_blocks(const Object& object, Visit visit);
    void free_blocks(Object& object);
    Object* find(std::uint64_t id) const;

    std::unique_ptr<BlockPool> pool_;
    SharedBlocks shared_{*pool_};
    std::unordered_map<std::uint64_t, std::unique_ptr<Object>> objects_;
    std::unordered_map<const Pin*, std::unique_ptr<Object>> removed_;  // but still pinned
    WriteClaims claims_;
    std::vector<std::uint64_t> made_;  // scratch of fill()
};

}  // namespace orfa::server
