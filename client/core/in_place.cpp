// SPDX-License-Identifier: MIT
#include "client/core/in_place.hpp"

#include "client/core/transfer.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>

namespace orfa::client {
namespace {

constexpr std::uint64_t kBlock = protocol::kStoreBlockBytes;
constexpr std::uint64_t kNone = ~std::uint64_t{0};

std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace

InPlaceCopy::InPlaceCopy(const fabric::ExposedMemory& exposed, Locations& locations,
                         std::uint32_t column, Direction direction)
    : store_(exposed.memory),
      use_(*exposed.use),
      locations_(locations),
      column_(column),
      direction_(direction) {
}

InPlaceCopy::~InPlaceCopy() {
    if (held_ != kNone) let_go();
    auto& sum = direction_ == Direction::kRead ? use_.bytes_read : use_.bytes_written;
    // Nobody else writes it.
    sum.store(sum.load(std::memory_order_relaxed) + bytes_, std::memory_order_relaxed);
}

bool InPlaceCopy::hold(std::uint64_t block) {
    if (held_ != kNone) let_go();
    const protocol::BlockLocation* where = locations_.find(column_, block);
    if (where == nullptr || where->room == 0 || where->block >= store_.blocks()) return false;
    use_.part.store(std::uint64_t{where->block} + 1, std::memory_order_seq_cst);
    held_ = block;
    where_ = *where;
    if (store_.stamp(where->block).stamp.load(std::memory_order_seq_cst) == where->stamp)
        return true;
    use_.part.store(0, std::memory_order_release);
    held_ = kNone;
    return false;
}

void InPlaceCopy::let_go() {
    if (direction_ == Direction::kWrite) {
        protocol::BlockStamp& stamp = store_.stamp(where_.block);
        const std::int64_t now = now_ns();
        if (stamp.written_ns.load(std::memory_order_relaxed) != now)
            stamp.written_ns.store(now, std::memory_order_relaxed);
        if (room_end_ > 0) {
            std::uint64_t end = stamp.end.load(std::memory_order_relaxed);
            while (end < room_end_ &&
                   !stamp.end.compare_exchange_weak(end, room_end_, std::memory_order_release))
                ;
            locations_.filled(column_, held_, room_end_, room_bytes_);
            room_end_ = 0;
            room_bytes_ = 0;
        }
    }
    use_.part.store(0, std::memory_order_release);
    held_ = kNone;
}

bool InPlaceCopy::copy(std::uint64_t offset, std::byte* memory, std::uint64_t length) {
    while (length > 0) {
        const std::uint64_t block = offset / kBlock;
        const auto from = static_cast<std::uint32_t>(offset % kBlock);
        const auto part = static_cast<std::uint32_t>(std::min(length, kBlock - from));
        const bool is_write = direction_ == Direction::kWrite;
        if ((block != held_ && !hold(block)) || from < where_.from ||
            from + part > (is_write ? where_.room : where_.to)) {
            miss_ = {block, from, from + part};
            return false;
        }
        std::byte* const content = store_.block(where_.block) + from;
        if (is_write)
            std::memcpy(content, memory, part);
        else
            std::memcpy(memory, content, part);
        if (is_write && from + part > where_.to) {
            room_end_ = std::max(room_end_, from + part);
            room_bytes_ += part;
        }
        offset += part;
        memory += part;
        length -= part;
        bytes_ += part;
    }
    return true;
}

}  // namespace orfa::client
