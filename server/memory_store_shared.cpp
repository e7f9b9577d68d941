// SPDX-License-Identifier: MIT
// What a memory store tells clients that have mapped it, and the room that they may fill.
#include "protocol/walk.hpp"
#include "server/memory_store.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::server {
namespace {

constexpr std::uint64_t kBlock = BlockPool::kBlockBytes;
constexpr std::size_t kMostRoom = 1024;  // blocks of an object

}  // namespace

// Whether a write is still to bring some of the block's content, which until then is its alone.
bool MemoryStore::is_claimed(const Object& object, std::uint64_t index, const Block& block) const {
    if (block.from == block.to) return false;
    const auto length = block.to - block.from;
    const auto stretch = claims_.stretch(&object, index * kBlock + block.from, length);
    return stretch.claimed || stretch.length < length;
}

void MemoryStore::locate(std::uint64_t id, std::uint64_t first_block,
                         std::span<protocol::BlockLocation> out) {
    Object* object = shared_.possible() ? find(id) : nullptr;
    if (object == nullptr || first_block > kLargestObject / kBlock) return;
    object->located = true;
    catch_up(*object);
    for (std::uint64_t i = 0; i < out.size(); ++i) {
        const std::uint64_t index = first_block + i;
        const Block* block = find_block(*object, index);
        if (block == nullptr || is_claimed(*object, index, *block)) continue;
        const std::uint64_t below = protocol::bytes_below(index * kBlock, kBlock, object->size);
        const auto to = std::max(
            block->from, static_cast<std::uint32_t>(std::min<std::uint64_t>(block->to, below)));
        const std::uint32_t room = has_room(*object, index) ? block->to : to;
        if (room > block->from) out[i] = shared_.tell(block->data, block->from, to, room);
    }
}

bool MemoryStore::has_room(const Object& object, std::uint64_t index) {
    return std::binary_search(object.room.begin(), object.room.end(), index);
}

// Below the end there is no need.
bool MemoryStore::lacks_room(const Object& object, std::uint64_t index) {
    return (index + 1) * kBlock > object.size && !has_room(object, index);
}

// Where the room that is wanted ends.
std::uint64_t MemoryStore::room_end(const Object& object, const RoomWanted& wanted) {
    std::uint64_t fresh = 0;
    std::uint64_t index = wanted.first;
    for (; index < wanted.limit && (index < wanted.end || fresh < wanted.fresh); ++index)
        if (lacks_room(object, index)) ++fresh;
    return index;
}

std::uint32_t MemoryStore::make_room(std::uint64_t id, const RoomWanted& wanted) {
    const std::uint64_t left = pool_->limit() - pool_->used();
    if (!shared_.possible() || wanted.limit > kLargestObject / kBlock || left < pool_->limit() / 4)
        return 0;
    const auto pinned = pin(id, true);
    auto& object = *static_cast<Object*>(*pinned);
    object.located = true;
    catch_up(object);
    const std::uint64_t end = room_end(object, wanted);
    std::uint32_t made = 0;
    if (object.room.size() < kMostRoom && fill(object, wanted.first, end - 1).ok()) {
        shared_.look_at_users();
        for (std::uint64_t index = wanted.first; index < end; ++index) {
            Block& block = *find_block(object, index);
            // Who still uses it by what was told of it before could say that it is fuller than it
            // is.
            if (!lacks_room(object, index) || is_claimed(object, index, block) ||
                shared_.was_used(block.data))
                continue;
            make_whole(block);
            shared_.begin_room(block.data);
            object.room.insert(std::lower_bound(object.room.begin(), object.room.end(), index),
                               index);
            ++made;
        }
    }
    unpin(&object);
    return made;
}

// Takes notice of what clients wrote in place beyond the object's end.
void MemoryStore::catch_up(Object& object) {
    for (std::size_t i = object.room.size(); i > 0; --i) {
        const std::uint64_t index = object.room[i - 1];
        const std::uint64_t used = shared_.room_used(find_block(object, index)->data);
        if (used == 0) continue;
        // The last one that was written in says how far the object reaches; the others before it
        // lie below the end by now, and so may it itself.
        object.size = std::max(object.size, index * kBlock + used);
        const std::size_t full = (index + 1) * kBlock <= object.size ? i : i - 1;
        object.room.erase(object.room.begin(),
                          object.room.begin() + static_cast<std::ptrdiff_t>(full));
        return;
    }
}

// Takes back blocks beyond objects' ends that nobody has filled. Whether there were any.
bool MemoryStore::take_back_room() {
    bool any = shared_.waiting_bytes() > 0;
    for (auto& [id, owned] : objects_) {
        Object& object = *owned;  // clang's lambdas take no bindings
        if (object.room.empty() || object.pins > 0) continue;
        for (const std::uint64_t index : object.room)
            shared_.withdraw(find_block(object, index)->data);
        // From now on only those who use a block already may still fill it.
        shared_.look_at_users();
        catch_up(object);
        std::erase_if(object.room, [&](std::uint64_t index) {
            Block& block = *find_block(object, index);
            if (index * kBlock < object.size || shared_.was_used(block.data)) return false;
            drop_block(object, index, block);
            any = true;
            return true;
        });
    }
    shared_.tend();
    return any;
}

}  // namespace orfa::server
