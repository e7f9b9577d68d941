// SPDX-License-Identifier: MIT
#include "server/memory_store.hpp"

#include "server/zero_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace orfa::server {
namespace {

constexpr std::uint64_t kBlock = BlockPool::kBlockBytes;
constexpr std::uint32_t kLeastClaim = 4096;   // bytes; fewer are zeroed sooner than claimed
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

Result<std::unique_ptr<MemoryStore>> MemoryStore::create(std::uint64_t limit, std::uint64_t ready,
                                                         UniqueFd file) {
    auto pool = BlockPool::create(limit, ready, std::move(file));
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

std::uint64_t MemoryStore::size(Pin* pin) {
    auto& object = *static_cast<Object*>(pin);
    catch_up(object);
    return object.size;
}

void MemoryStore::unpin(Pin* pin) {
    auto& object = *static_cast<Object*>(pin);
    if (--object.pins > 0) return;
    for (std::byte* block : object.doomed)
        release(object, block);
    object.doomed.clear();
    if (object.removed) {
        free_blocks(object);
        removed_.erase(pin);
    }
    shared_.tend();
}

// Gives back a block that is in the object no longer.
void MemoryStore::release(const Object& object, std::byte* block) {
    if (object.located)
        shared_.release(block);
    else
        pool_->release(block);
}

MemoryStore::Block* MemoryStore::find_block(const Object& object, std::uint64_t block) {
    const auto found = object.regions.find(block / kRegionBlocks);
    if (found == object.regions.end()) return nullptr;
    Block& there = (*found->second)[block % kRegionBlocks];
    return there.data == nullptr ? nullptr : &there;
}

MemoryStore::Block& MemoryStore::block_at(Object& object, std::uint64_t block) {
    auto& region = object.regions[block / kRegionBlocks];
    if (region == nullptr) region = std::make_unique<Region>();
    return (*region)[block % kRegionBlocks];
}

// What is not content becomes zeros that are.
void MemoryStore::make_whole(Block& block) {
    zero_memory(block.data, block.from);
    zero_memory(block.data + block.to, kBlock - block.to);
    block.from = 0;
    block.to = kBlock;
}

// Makes blocks `first` to `last` exist. ENOSPC leaves things as they were.
Status MemoryStore::fill(Object& object, std::uint64_t first, std::uint64_t last) {
    const Status filled = fill_missing(object, first, last);
    if (filled.err() != ENOSPC || !take_back_room()) return filled;
    return fill_missing(object, first, last);
}

Status MemoryStore::fill_missing(Object& object, std::uint64_t first, std::uint64_t last) {
    made_.clear();
    // More than any write has: do not even look for what can't be there.
    const std::uint64_t wanted = last - first + 1;
    if (wanted > kLongestFill &&
        wanted > object.block_count + (pool_->limit() - pool_->used()) / kBlock)
        return Status::from_errno(ENOSPC);
    for (std::uint64_t block = first; block <= last; ++block) {
        if (find_block(object, block) != nullptr) continue;
        std::uint64_t end = block + 1;
        while (end <= last && find_block(object, end) == nullptr)
            ++end;
        while (block < end) {
            const auto run = pool_->allocate(static_cast<unsigned>(
                std::min(end - block, std::uint64_t{BlockPool::kBlocksPerChunk})));
            if (!run.ok()) {
                for (const std::uint64_t mine : made_)
                    drop_block(object, mine, *find_block(object, mine));
                return run.status();
            }
            const BlockPool::Run& got = *run;
            for (unsigned i = 0; i < got.count; ++i, ++block) {
                block_at(object, block) = {got.data + i * kBlock, 0,
                                           got.zero ? std::uint32_t{kBlock} : 0};
                ++object.block_count;
                made_.push_back(block);
            }
        }
        --block;  // the loop's own step
    }
    return {};
}

void MemoryStore::drop_block(Object& object, std::uint64_t index, Block& block) {
    --object.block_count;
    claims_.forget(&object, index * kBlock, kBlock);
    if (object.located) shared_.withdraw(block.data);
    if (object.pins > 0)
        object.doomed.push_back(block.data);
    else
        release(object, block.data);
    block = {};
}

// Makes [from, to) of a block content, to be written at once, and zeros of what lies between it and
// the content there was. Small pieces are zeros until they are written, which costs less than
// claims of them.
void MemoryStore::claim(const Write& write, std::uint64_t index, Block& block, std::uint32_t from,
                        std::uint32_t to) {
    if (from >= block.from && to <= block.to) return;
    const auto take = [&](std::uint32_t start, std::uint32_t end) {
        if (start >= end) return;
        if (end - start < kLeastClaim)
            std::memset(block.data + start, 0, end - start);
        else
            claims_.add(write, index * kBlock + start, end - start, block.data + start);
    };
    if (block.from == block.to) {
        take(from, to);
        block.from = from;
        block.to = to;
        return;
    }
    if (from > block.to) std::memset(block.data + block.to, 0, from - block.to);
    if (to < block.from) std::memset(block.data + to, 0, block.from - to);
    take(from, std::min(to, block.from));
    take(std::max(from, block.to), to);
    block.from = std::min(block.from, from);
    block.to = std::max(block.to, to);
}

Status MemoryStore::prepare_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                                  std::vector<fabric::LocalSegment>& out) {
    if (length == 0) return {};
    if (length > kLargestObject || offset > kLargestObject - length)
        return Status::from_errno(EFBIG);
    auto& object = *static_cast<Object*>(write.pin);
    const std::uint64_t end = offset + length;
    const std::uint64_t last = (end - 1) / kBlock;
    ORFA_TRY(fill(object, offset / kBlock, last));
    const std::size_t keep = out.size();
    for (std::uint64_t index = offset / kBlock; index <= last; ++index) {
        const auto from = static_cast<std::uint32_t>(std::max(offset, index * kBlock) % kBlock);
        const auto to = static_cast<std::uint32_t>(std::min(end - index * kBlock, kBlock));
        Block& block = *find_block(object, index);
        claim(write, index, block, from, to);
        append(out, keep, block.data + from, to - from);
    }
    return {};
}

void MemoryStore::finish_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                               bool moved) {
    if (length == 0) return;
    auto& object = *static_cast<Object*>(write.pin);
    if (!moved) {
        claims_.give_up(write, offset, length);
        // With nobody else at it, memory beyond the end is of no use to anyone.
        if (object.pins == 1 && !object.located) cut(object, object.size);
        return;
    }
    claims_.fulfil(write, offset, length);
    object.size = std::max(object.size, offset + length);
    object.mtime_ns = now_ns();
}

bool MemoryStore::is_filling(const Pin* pin, std::uint64_t offset, std::uint64_t length) const {
    return claims_.is_filling(pin, offset, length);
}

Status MemoryStore::prepare_read(Pin* pin, std::uint64_t offset, std::uint64_t length,
                                 std::vector<fabric::LocalSegment>& out) {
    const auto& object = *static_cast<const Object*>(pin);
    const std::uint64_t end = offset + length;
    const std::size_t keep = out.size();
    for (std::uint64_t at = offset; at < end;) {
        const std::uint64_t to = std::min(end, (at / kBlock + 1) * kBlock);
        const std::uint64_t from = at % kBlock;
        Block* block = find_block(object, at / kBlock);
        if (block != nullptr && (from < block->from || from + (to - at) > block->to))
            make_whole(*block);
        if (block == nullptr)
            append(out, keep, zeros.data() + from, to - at);
        else
            append_content(object, at, out, keep, block->data + from, to - at);
        at = to;
    }
    return {};
}

// Appends the memory of a part of a block, with zeros for what an exposed write is still to bring.
void MemoryStore::append_content(const Object& object, std::uint64_t offset,
                                 std::vector<fabric::LocalSegment>& out, std::size_t keep,
                                 std::byte* data, std::uint64_t length) const {
    while (length > 0) {
        const auto [part, claimed] = claims_.stretch(&object, offset, length);
        append(out, keep, claimed ? zeros.data() : data, part);
        offset += part;
        data += part;
        length -= part;
    }
}

template <typename Visit>
void MemoryStore::visit_blocks(const Object& object, Visit visit) {
    for (const auto& [index, region] : object.regions)
        for (const Block& block : *region)
            if (block.data != nullptr) visit(block.data);
}

Result<ObjectInfo> MemoryStore::info(std::uint64_t id) {
    Object* object = find(id);
    if (object == nullptr) return Status::from_errno(ENOENT);
    catch_up(*object);
    std::int64_t mtime_ns = object->mtime_ns;
    if (object->located)
        visit_blocks(*object, [&](const std::byte* block) {
            mtime_ns = std::max(mtime_ns, shared_.written_ns(block));
        });
    return ObjectInfo{object->size, object->block_count * kBlock, mtime_ns};
}

void MemoryStore::cut(Object& object, std::uint64_t size) {
    const std::uint64_t first_gone = (size + kBlock - 1) / kBlock;
    for (auto it = object.regions.begin(); it != object.regions.end();) {
        const std::uint64_t base = it->first * kRegionBlocks;
        for (std::uint64_t i = 0; i < kRegionBlocks; ++i) {
            Block& block = (*it->second)[i];
            if (block.data != nullptr && base + i >= first_gone)
                drop_block(object, base + i, block);
        }
        it = base >= first_gone ? object.regions.erase(it) : std::next(it);
    }
    object.room.clear();  // what was room lies below the end, or is gone, or withdrawn
    Block* last = size % kBlock == 0 ? nullptr : find_block(object, size / kBlock);
    if (last == nullptr) return;
    const auto kept = static_cast<std::uint32_t>(size % kBlock);
    if (object.located && kept < last->to) shared_.withdraw(last->data);
    if (object.pins > 1) {
        // It stays content for the writes that may be under way in it.
        if (kept < last->to) std::memset(last->data + kept, 0, last->to - kept);
    } else {
        last->to = std::min(last->to, kept);
        last->from = std::min(last->from, last->to);
    }
}

Status MemoryStore::truncate(std::uint64_t id, std::uint64_t size) {
    if (size > kLargestObject) return Status::from_errno(EFBIG);
    Object* object = find(id);
    if (object == nullptr && size == 0) return {};
    const auto pinned = pin(id, true);
    object = static_cast<Object*>(*pinned);
    catch_up(*object);
    // Blocks beyond the end are those of writes under way, or that failed, or room.
    if (size < object->size || (object->pins == 1 && object->room.empty())) cut(*object, size);
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
    const Status filled = fill(object, offset / kBlock, (offset + length - 1) / kBlock);
    if (filled.ok() && offset + length > object.size) {
        object.size = offset + length;
        object.mtime_ns = now_ns();
    }
    unpin(&object);
    return filled;
}

void MemoryStore::forget_time(std::uint64_t id) {
    Object* object = find(id);
    if (object == nullptr) return;
    object->mtime_ns = 0;
    if (object->located)
        visit_blocks(*object, [&](const std::byte* block) { shared_.forget_written(block); });
}

void MemoryStore::free_blocks(Object& object) {
    visit_blocks(object, [&](std::byte* block) {
        if (object.located) shared_.withdraw(block);
        release(object, block);
    });
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
        shared_.tend();
        return;
    }
    object->removed = true;
    const Pin* key = object.get();
    removed_.emplace(key, std::move(object));
}

StoreUsage MemoryStore::usage() const {
    return {pool_->limit(), pool_->used(), pool_->ready(), pool_->fd() < 0 ? 0 : pool_->limit(),
            objects_.size()};
}

}  // namespace orfa::server
