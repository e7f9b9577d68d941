// SPDX-License-Identifier: MIT
#include "server/memory_store.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace orfa::server {
namespace {

constexpr std::uint64_t kBlock = BlockPool::kBlockBytes;
constexpr std::uint64_t kLargestObject = 1ULL << 62;
constexpr std::uint64_t kLongestFill = 8192;  // blocks, beyond which free ones are counted first

// What holes give to reads.
alignas(4096) constinit std::array<std::byte, kBlock> zeros{};

std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

// Adds memory to a list, joined with the last segment when it is next to it.
void append(std::vector<fabric::LocalSegment>& out, std::size_t keep, std::byte* data,
            std::size_t length) {
    if (out.size() > keep && out.back().data + out.back().length == data)
        out.back().length += length;
    else
        out.push_back({data, length});
}

}  // namespace

Result<std::unique_ptr<MemoryStore>> MemoryStore::create(std::uint64_t limit, std::uint64_t ready) {
    auto pool = BlockPool::create(limit, ready);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<MemoryStore>(new MemoryStore(std::move(*pool)));
}

MemoryStore::MemoryStore(std::unique_ptr<BlockPool> pool) : pool_(std::move(pool)) {
}
MemoryStore::~MemoryStore() = default;

MemoryStore::Object* MemoryStore::find(std::uint64_t id) const {
    const auto found = objects_.find(id);
    return found == objects_.end() ? nullptr : found->second.get();
}

Result<ObjectStore::Pin*> MemoryStore::pin(std::uint64_t id, bool create) {
    Object* object = find(id);
    if (object == nullptr) {
        if (!create) return Status::from_errno(ENOENT);
        auto made = std::make_unique<Object>();
        made->id = id;
        object = made.get();
        objects_.emplace(id, std::move(made));
    }
    ++object->pins;
    return static_cast<Pin*>(object);
}

std::uint64_t MemoryStore::size(const Pin* pin) const {
    return static_cast<const Object*>(pin)->size;
}

void MemoryStore::unpin(Pin* pin) {
    auto& object = *static_cast<Object*>(pin);
    if (--object.pins > 0) return;
    for (std::byte* block : object.doomed)
        pool_->release(block);
    object.doomed.clear();
    if (!object.removed) return;
    free_blocks(object);
    removed_.erase(pin);
}

std::byte** MemoryStore::slot_of(Object& object, std::uint64_t block, bool create) {
    auto found = object.regions.find(block / kRegionBlocks);
    if (found == object.regions.end()) {
        if (!create) return nullptr;
        found = object.regions.emplace(block / kRegionBlocks, std::make_unique<Region>()).first;
    }
    return &found->second->blocks[block % kRegionBlocks];
}

std::byte* MemoryStore::block_of(const Object& object, std::uint64_t block) {
    const auto found = object.regions.find(block / kRegionBlocks);
    return found == object.regions.end() ? nullptr : found->second->blocks[block % kRegionBlocks];
}

// Makes blocks `first` to `last` exist; `made` gets those that did not. `zeroed`: they must hold
// zeros. ENOSPC leaves things as they were.
Status MemoryStore::fill(Object& object, std::uint64_t first, std::uint64_t last, bool zeroed,
                         std::vector<std::uint64_t>& made) {
    made.clear();
    // More than any write has: do not even look for what can't be there.
    const std::uint64_t wanted = last - first + 1;
    if (wanted > kLongestFill &&
        wanted > object.block_count + (pool_->limit() - pool_->used()) / kBlock)
        return Status::from_errno(ENOSPC);
    for (std::uint64_t block = first; block <= last; ++block) {
        if (block_of(object, block) != nullptr) continue;
        std::uint64_t end = block + 1;
        while (end <= last && block_of(object, end) == nullptr)
            ++end;
        while (block < end) {
            const auto run = pool_->allocate(static_cast<unsigned>(
                std::min(end - block, std::uint64_t{BlockPool::kBlocksPerChunk})));
            if (!run.ok()) {
                for (const std::uint64_t mine : made) {
                    std::byte** slot = slot_of(object, mine, false);
                    drop_block(object, *slot);
                    *slot = nullptr;
                }
                return run.status();
            }
            const BlockPool::Run& got = *run;
            if (zeroed && !got.zero) std::memset(got.data, 0, got.count * kBlock);
            for (unsigned i = 0; i < got.count; ++i, ++block) {
                *slot_of(object, block, true) = got.data + i * kBlock;
                ++object.block_count;
                made.push_back(block);
                if (!zeroed && !got.zero) stale_.push_back({&object, block, got.data + i * kBlock});
            }
        }
        --block;  // the loop's own step
    }
    return {};
}

void MemoryStore::drop_block(Object& object, std::byte* block) {
    --object.block_count;
    std::erase_if(stale_, [&](const Stale& stale) { return stale.data == block; });
    if (object.pins > 0)
        object.doomed.push_back(block);
    else
        pool_->release(block);
}

Status MemoryStore::prepare_write(Pin* pin, std::uint64_t offset, std::uint64_t length,
                                  bool exposed, std::vector<fabric::LocalSegment>& out) {
    if (length == 0) return {};
    if (length > kLargestObject || offset > kLargestObject - length)
        return Status::from_errno(EFBIG);
    auto& object = *static_cast<Object*>(pin);
    const std::uint64_t end = offset + length;
    const std::uint64_t first = offset / kBlock;
    const std::uint64_t last = (end - 1) / kBlock;
    const std::size_t stale_before = stale_.size();
    ORFA_TRY(fill(object, first, last, exposed, made_));
    // What the write does not cover of memory that held something else must become zero.
    for (std::size_t i = stale_before; i < stale_.size(); ++i) {
        const std::uint64_t start = stale_[i].block * kBlock;
        if (offset > start) std::memset(stale_[i].data, 0, offset - start);
        if (end < start + kBlock)
            std::memset(stale_[i].data + (end - start), 0, start + kBlock - end);
    }
    const std::size_t keep = out.size();
    for (std::uint64_t block = first; block <= last; ++block) {
        const std::uint64_t from = std::max(offset, block * kBlock);
        const std::uint64_t to = std::min(end, (block + 1) * kBlock);
        append(out, keep, block_of(object, block) + from % kBlock, to - from);
    }
    return {};
}

void MemoryStore::finish_write(Pin* pin, std::uint64_t offset, std::uint64_t length, bool moved) {
    if (length == 0) return;
    auto& object = *static_cast<Object*>(pin);
    if (!stale_.empty()) {
        const std::uint64_t first = offset / kBlock;
        const std::uint64_t last = (offset + length - 1) / kBlock;
        std::erase_if(stale_, [&](const Stale& stale) {
            if (stale.object != &object || stale.block < first || stale.block > last) return false;
            if (!moved) std::memset(stale.data, 0, kBlock);
            return true;
        });
    }
    if (!moved) {
        // With nobody else at it, memory beyond the end is of no use to anyone.
        if (object.pins == 1) cut(object, object.size);
        return;
    }
    object.size = std::max(object.size, offset + length);
    object.mtime_ns = now_ns();
}

Status MemoryStore::prepare_read(Pin* pin, std::uint64_t offset, std::uint64_t length,
                                 std::vector<fabric::LocalSegment>& out) {
    const auto& object = *static_cast<const Object*>(pin);
    const std::uint64_t end = offset + length;
    const std::size_t keep = out.size();
    for (std::uint64_t at = offset; at < end;) {
        const std::uint64_t to = std::min(end, (at / kBlock + 1) * kBlock);
        std::byte* block = block_of(object, at / kBlock);
        append(out, keep, (block != nullptr ? block : zeros.data()) + at % kBlock, to - at);
        at = to;
    }
    return {};
}

Result<ObjectInfo> MemoryStore::info(std::uint64_t id) const {
    const Object* object = find(id);
    if (object == nullptr) return Status::from_errno(ENOENT);
    return ObjectInfo{object->size, object->block_count * kBlock, object->mtime_ns};
}

void MemoryStore::cut(Object& object, std::uint64_t size) {
    const std::uint64_t first_gone = (size + kBlock - 1) / kBlock;
    for (auto it = object.regions.begin(); it != object.regions.end();) {
        const std::uint64_t base = it->first * kRegionBlocks;
        for (std::uint64_t i = 0; i < kRegionBlocks; ++i) {
            std::byte*& block = it->second->blocks[i];
            if (block == nullptr || base + i < first_gone) continue;
            drop_block(object, block);
            block = nullptr;
        }
        it = base >= first_gone ? object.regions.erase(it) : std::next(it);
    }
    if (size % kBlock != 0)
        if (std::byte* last = block_of(object, size / kBlock); last != nullptr)
            std::memset(last + size % kBlock, 0, kBlock - size % kBlock);
}

Status MemoryStore::truncate(std::uint64_t id, std::uint64_t size) {
    if (size > kLargestObject) return Status::from_errno(EFBIG);
    Object* object = find(id);
    if (object == nullptr && size == 0) return {};
    const auto pinned = pin(id, true);
    object = static_cast<Object*>(*pinned);
    // Blocks beyond the end are those of writes under way, or that failed.
    if (size < object->size || object->pins == 1) cut(*object, size);
    object->size = size;
    object->mtime_ns = now_ns();
    unpin(object);
    return {};
}

Status MemoryStore::allocate(std::uint64_t id, std::uint64_t offset, std::uint64_t length) {
    if (length > kLargestObject || offset > kLargestObject - length)
        return Status::from_errno(EFBIG);
    if (length == 0) return {};
    const auto pinned = pin(id, true);
    auto& object = *static_cast<Object*>(*pinned);
    std::vector<std::uint64_t> made;
    const Status filled = fill(object, offset / kBlock, (offset + length - 1) / kBlock, true, made);
    if (filled.ok() && offset + length > object.size) {
        object.size = offset + length;
        object.mtime_ns = now_ns();
    }
    unpin(&object);
    return filled;
}

void MemoryStore::forget_time(std::uint64_t id) {
    if (Object* object = find(id); object != nullptr) object->mtime_ns = 0;
}

void MemoryStore::free_blocks(Object& object) {
    for (auto& [index, region] : object.regions)
        for (std::byte* block : region->blocks)
            if (block != nullptr) pool_->release(block);
    object.regions.clear();
    object.block_count = 0;
}

void MemoryStore::remove(std::uint64_t id) {
    const auto found = objects_.find(id);
    if (found == objects_.end()) return;
    auto object = std::move(found->second);
    objects_.erase(found);
    if (object->pins == 0) {
        free_blocks(*object);
        return;
    }
    object->removed = true;
    const Pin* key = object.get();
    removed_.emplace(key, std::move(object));
}

StoreUsage MemoryStore::usage() const {
    return {pool_->limit(), pool_->used(), pool_->ready(), objects_.size()};
}

}  // namespace orfa::server
