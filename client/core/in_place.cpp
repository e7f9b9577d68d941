// SPDX-License-Identifier: MIT
#include "client/core/in_place.hpp"

#include "client/core/transfer.hpp"
#include "common/strided_copy.hpp"

#include <algorithm>
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

// The bytes of the held block that may be copied end here.
std::uint32_t InPlaceCopy::end_of_held() const {
    return direction_ == Direction::kWrite ? where_.room : where_.to;
}

bool InPlaceCopy::copy(const Pieces& pieces, std::uint64_t done) {
    while (done < pieces.length * pieces.count) {
        const std::uint64_t index = done / pieces.length;
        const std::uint64_t within = done % pieces.length;
        const std::uint64_t offset = pieces.offset + index * pieces.stride + within;
        const std::uint64_t block = offset / kBlock;
        const auto from = static_cast<std::uint32_t>(offset % kBlock);
        const auto length =
            static_cast<std::uint32_t>(std::min(pieces.length - within, kBlock - from));
        if ((block != held_ && !hold(block)) || from < where_.from ||
            from + length > end_of_held()) {
            miss_ = {block, from, from + length};
            return false;
        }
        Pieces here{from, pieces.stride, pieces.memory + done, length, 1};
        if (length == pieces.length && pieces.stride >= length)
            here.count =
                std::min(pieces.count - index, (end_of_held() - from - length) / pieces.stride + 1);
        copy_in_held(here);
        done += here.length * here.count;
    }
    return true;
}

// Pieces of the held block; offsets count from its start.
void InPlaceCopy::copy_in_held(const Pieces& pieces) {
    std::byte* const content = store_.block(where_.block) + pieces.offset;
    const std::uint64_t stride = pieces.count > 1 ? pieces.stride : 0;  // within the block
    const auto step = static_cast<std::int64_t>(stride);
    if (direction_ == Direction::kWrite)
        spread_pieces(content, step, pieces.memory, pieces.length, pieces.count);
    else
        gather_pieces(pieces.memory, content, step, pieces.length, pieces.count);
    bytes_ += pieces.length * pieces.count;
    if (direction_ != Direction::kWrite) return;
    // Those that end behind what can be read are new.
    const std::uint64_t first_end = pieces.offset + pieces.length;
    std::uint64_t known = where_.to >= first_end ? 1 : 0;
    if (known > 0 && stride > 0)
        known = std::min(pieces.count, (where_.to - first_end) / stride + 1);
    if (known == pieces.count) return;
    const std::uint64_t end = first_end + (pieces.count - 1) * stride;
    room_end_ = std::max(room_end_, static_cast<std::uint32_t>(end));
    room_bytes_ += (pieces.count - known) * pieces.length;
}

}  // namespace orfa::client
