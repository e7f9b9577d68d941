// SPDX-License-Identifier: MIT
// Objects in RAM, up to a limit of bytes: for clusters that live as long as a job, and the upper
// bound in benchmarks. Transfers reach its blocks in place.
#pragma once

#include "server/block_pool.hpp"
#include "server/object_store.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace orfa::server {

class MemoryStore final : public ObjectStore {
  public:
    // `limit`: bytes; `ready`: bytes of memory touched ahead. ENOMEM.
    static Result<std::unique_ptr<MemoryStore>> create(std::uint64_t limit, std::uint64_t ready);
    ~MemoryStore() override;

    Result<Pin*> pin(std::uint64_t id, bool create) override;
    [[nodiscard]] std::uint64_t size(const Pin* pin) const override;
    void unpin(Pin* pin) override;
    Status prepare_write(Pin* pin, std::uint64_t offset, std::uint64_t length, bool exposed,
                         std::vector<fabric::LocalSegment>& out) override;
    void finish_write(Pin* pin, std::uint64_t offset, std::uint64_t length, bool moved) override;
    Status prepare_read(Pin* pin, std::uint64_t offset, std::uint64_t length,
                        std::vector<fabric::LocalSegment>& out) override;
    Result<ObjectInfo> info(std::uint64_t id) const override;
    Status truncate(std::uint64_t id, std::uint64_t size) override;
    Status allocate(std::uint64_t id, std::uint64_t offset, std::uint64_t length) override;
    void forget_time(std::uint64_t id) override;
    void remove(std::uint64_t id) override;
    Status sync(std::uint64_t) override { return {}; }  // RAM: nothing to do, nothing promised
    [[nodiscard]] StoreUsage usage() const override;

  private:
    // Block pointers of 32 MiB of an object; nullptr: a hole.
    static constexpr std::uint64_t kRegionBlocks = 512;
    struct Region {
        std::array<std::byte*, kRegionBlocks> blocks{};
    };
    struct Object final : Pin {
        std::uint64_t id = 0;
        std::uint64_t size = 0;
        std::int64_t mtime_ns = 0;
        std::uint64_t block_count = 0;
        std::uint32_t pins = 0;
        bool removed = false;  // no longer in objects_; ends with the last pin
        std::unordered_map<std::uint64_t, std::unique_ptr<Region>> regions;
        std::vector<std::byte*> doomed;  // cut off while pinned
    };
    // Memory that was given to a write that is not exposed, and still holds what was there before.
    struct Stale {
        const Object* object;
        std::uint64_t block;
        std::byte* data;
    };

    explicit MemoryStore(std::unique_ptr<BlockPool> pool);
    static std::byte** slot_of(Object& object, std::uint64_t block, bool create);
    static std::byte* block_of(const Object& object, std::uint64_t block);
    Status fill(Object& object, std::uint64_t first, std::uint64_t last, bool zeroed,
                std::vector<std::uint64_t>& made);
    void cut(Object& object, std::uint64_t size);
    void drop_block(Object& object, std::byte* block);
    void free_blocks(Object& object);
    Object* find(std::uint64_t id) const;

    std::unique_ptr<BlockPool> pool_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Object>> objects_;
    std::unordered_map<const Pin*, std::unique_ptr<Object>> removed_;  // but still pinned
    std::vector<Stale> stale_;
    std::vector<std::uint64_t> made_;  // scratch of prepare_write()
};

}  // namespace orfa::server
