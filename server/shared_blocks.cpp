// SPDX-License-Identifier: MIT
#include "server/shared_blocks.hpp"

#include <algorithm>

namespace orfa::server {

protocol::BlockLocation SharedBlocks::tell(const std::byte* block, std::uint32_t from,
                                           std::uint32_t to, std::uint32_t room) const {
    const std::uint64_t stamp = stamp_of(block).stamp.load(std::memory_order_relaxed);
    return {stamp, pool_.number_of(block), from, to, room};
}

void SharedBlocks::withdraw(const std::byte* block) {
    // Before anybody looks who uses it, as clients say so before they look at the stamp.
    stamp_of(block).stamp.fetch_add(1, std::memory_order_seq_cst);
}

void SharedBlocks::look_at_users() {
    in_use_.clear();
    if (users_) users_(in_use_);
}

bool SharedBlocks::was_used(const std::byte* block) const {
    return std::find(in_use_.begin(), in_use_.end(), pool_.number_of(block)) != in_use_.end();
}

void SharedBlocks::begin_room(const std::byte* block) {
    stamp_of(block).end.store(0, std::memory_order_relaxed);
}

std::uint64_t SharedBlocks::room_used(const std::byte* block) const {
    const std::uint64_t end = stamp_of(block).end.load(std::memory_order_acquire);
    return std::min<std::uint64_t>(end, BlockPool::kBlockBytes);
}

void SharedBlocks::tend() {
    if (released_.empty()) return;
    look_at_users();
    std::erase_if(released_, [&](std::byte* block) {
        if (was_used(block)) return false;
        forget_written(block);
        pool_.release(block);
        return true;
    });
}

std::int64_t SharedBlocks::written_ns(const std::byte* block) const {
    return stamp_of(block).written_ns.load(std::memory_order_relaxed);
}

void SharedBlocks::forget_written(const std::byte* block) {
    stamp_of(block).written_ns.store(0, std::memory_order_relaxed);
}

}  // namespace orfa::server
