// SPDX-License-Identifier: MIT
// One same-host connection: its door socket, its shared memory with a ring each way, the queue of
// what found no room, and the bell that wakes the other side.
//
// The bell is a byte on the door socket, sent only when the other side has said it sleeps: unlike a
// shared eventfd, no setting of the other side can make ringing it block. Not thread-safe.
#pragma once

#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/door.hpp"
#include "fabric/fabric.hpp"
#include "fabric/local_stages.hpp"
#include "fabric/local_wire.hpp"
#include "fabric/ring.hpp"
#include "fabric/shared_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace orfa::fabric {

// The sizes of a connection, chosen by the listener.
struct LocalGeometry {
    std::size_t ring_bytes = 64 << 10;   // of each ring; a power of two
    std::size_t max_message = 16 << 10;  // at most ring_bytes / 2 - 64
    std::size_t slot_bytes = 256 << 10;  // multiple of 64
    std::size_t slot_count = 8;
    std::size_t stage_bytes = 1 << 20;  // multiple of 64
    std::size_t stage_count = 4;

    [[nodiscard]] std::size_t total_bytes() const {
        return kLocalSharedBytes + 2 * ring_bytes + slot_count * slot_bytes +
               stage_count * stage_bytes;
    }
    // EPROTO: not sizes this build works with.
    [[nodiscard]] Status check() const;
};

class LocalConnection {
  public:
    // `listener`: this is the side that listened. Takes ownership; `memory` has the geometry's
    // size.
    LocalConnection(DoorSocket socket, UniqueFd pidfd, SharedMemory memory,
                    const LocalGeometry& geometry, bool listener);

    [[nodiscard]] const DoorSocket& socket() const { return socket_; }
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }  // -1: none
    [[nodiscard]] bool is_listener() const { return listener_; }
    [[nodiscard]] std::span<std::byte> slot(std::size_t index) const {
        return slots_.subspan(index * geometry_.slot_bytes, geometry_.slot_bytes);
    }
    // Memory the dialer puts bytes into, or has them put, without the listener's asking.
    [[nodiscard]] LocalStages& stages() { return stages_; }
    [[nodiscard]] const LocalGeometry& geometry() const { return geometry_; }

    // Sends a record, or queues a copy of it. EPROTO: the other side broke the ring.
    Status send(RecordKind kind, std::span<const std::byte> head, std::span<const std::byte> tail);
    // Sends what is queued, as far as there is room. EPROTO.
    Status flush();
    [[nodiscard]] bool has_queue() const { return !queue_.empty(); }

    // The next record, valid until the next call of receive() or release(). EPROTO.
    Result<std::optional<Record>> receive() { return reader_.next(); }
    // Gives the room of received records back to the other side, and wakes it if it waits for that.
    void release();
    [[nodiscard]] bool has_records() const { return reader_.has_more(); }

    // What the other side's busy_processor() is from now on: this thread's, or -1.
    void tell_place(bool busy);
    // What the dialer says of the memory that the listener exposes.
    [[nodiscard]] ExposedUse& use() const { return *use_; }

    // The processor that the other side, which is busy, was last seen on; else -1.
    [[nodiscard]] int busy_processor() const;

    // Tells the other side to ring from now on. False: there is work already (but it may ring).
    bool arm();
    // Tells it not to.
    void disarm();
    // Takes the bell's bytes off the socket. ECONNRESET: hung up.
    Status drain_bell();
    // Whether the process at the other end has ended (false when it can't be told).
    [[nodiscard]] bool has_exited() const;
    // Hangs up, also where a forked child holds the socket too.
    void hang_up();

  private:
    struct Queued {
        RecordKind kind;
        std::vector<std::byte> bytes;
    };

    void ring_bell_if(std::uint32_t wanted);

    DoorSocket socket_;
    UniqueFd pidfd_;
    SharedMemory memory_;
    LocalGeometry geometry_;
    bool listener_;
    std::span<std::byte> slots_;
    LocalStages stages_;
    std::atomic<std::uint32_t>* my_wants_;
    std::atomic<std::uint32_t>* their_wants_;
    std::atomic<std::uint32_t>* my_place_;
    std::atomic<std::uint32_t>* their_place_;
    ExposedUse* use_;
    RingWriter writer_;
    RingReader reader_;
    std::deque<Queued> queue_;
};

}  // namespace orfa::fabric
