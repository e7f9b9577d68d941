// SPDX-License-Identifier: MIT
// A ring of records in memory shared by two processes: one writes, the other reads.
//
// A record is an 8-byte header (length, kind), then its bytes, contiguous, padded to 8. The other
// side is not trusted: everything it can write is read once and checked before it is used, and a
// violation is EPROTO, after which the ring must not be used again. Each end belongs to one thread
// at a time. No system calls; who sleeps is woken by other means (local_peer.hpp).
#pragma once

#include "common/status.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace orfa::fabric {

enum class RecordKind : std::uint32_t {
    kSkip = 0,      // nothing; what follows is at the start of the ring
    kMessage = 1,   // for EndpointEvents::on_message
    kCopyAsk = 2,   // bounce.hpp
    kCopyDone = 3,  // bounce.hpp
};

// The positions, in shared memory: bytes ever written and ever freed.
struct RingPositions {
    alignas(64) std::atomic<std::uint64_t> written;
    alignas(64) std::atomic<std::uint64_t> freed;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// Bytes that a record of `length` bytes takes.
constexpr std::size_t record_bytes(std::size_t length) {
    return sizeof(std::uint64_t) + (length + 7) / 8 * 8;
}

class RingWriter {
  public:
    RingWriter() = default;
    // `memory`: a power of two of bytes, 8-aligned, initially zero like the positions; both are
    // borrowed for the writer's life.
    RingWriter(RingPositions& positions, std::span<std::byte> memory)
        : positions_(&positions), memory_(memory) {}

    // Writes head + tail as one record and publishes it. False: no room now. A record may have at
    // most half of the ring's bytes (with its header), so that it fits an empty ring anywhere.
    Result<bool> write(RecordKind kind, std::span<const std::byte> head,
                       std::span<const std::byte> tail);
    // Would write() find room for `length` bytes? EPROTO as above.
    Result<bool> has_room(std::size_t length);

  private:
    [[nodiscard]] std::size_t to_end() const {
        return memory_.size() - (written_ & (memory_.size() - 1));
    }
    // Bytes a record takes here with the skip before it, if need be.
    [[nodiscard]] std::size_t needed(std::size_t length) const;
    void put_header(std::size_t length, RecordKind kind);

    RingPositions* positions_ = nullptr;
    std::span<std::byte> memory_;
    std::uint64_t written_ = 0;
    std::uint64_t freed_seen_ = 0;
};

struct Record {
    RecordKind kind;
    std::span<const std::byte> bytes;  // in the ring: the writer may still change them
};

class RingReader {
  public:
    RingReader() = default;
    // As for the writer. `max_length`: longer records are violations.
    RingReader(RingPositions& positions, std::span<const std::byte> memory, std::size_t max_length)
        : positions_(&positions), memory_(memory), max_length_(max_length) {}

    // The next record, valid until next() or publish() is called again.
    Result<std::optional<Record>> next();
    // Lets the writer have the room of all records next() has returned. True: the writer has got
    // room since the last call; next(), too, gives some now and then.
    bool publish();
    // Might next() return something? (True also for a violation.)
    [[nodiscard]] bool has_more() const {
        return positions_->written.load(std::memory_order_seq_cst) != read_;
    }

  private:
    void give_room();

    RingPositions* positions_ = nullptr;
    std::span<const std::byte> memory_;
    std::size_t max_length_ = 0;
    std::uint64_t read_ = 0;       // first byte not looked at
    std::uint64_t published_ = 0;  // what the writer knows is free
    std::uint64_t told_ = 0;       // published_ at the end of the last publish()
    std::uint64_t written_seen_ = 0;
};

}  // namespace orfa::fabric
