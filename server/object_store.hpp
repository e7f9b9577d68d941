// SPDX-License-Identifier: MIT
// Where a server keeps the bytes of its objects (its shares of files). Implementation: MemoryStore.
//
// Transfers reach the store's memory in place: prepare_...() gives memory, the transfer moves bytes
// from or to it, finish_...() ends it. Gaps and bytes never written read as zeros.
#pragma once

#include "common/status.hpp"
#include "fabric/fabric.hpp"
#include "protocol/io_messages.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace orfa::server {

struct ObjectInfo {
    std::uint64_t size = 0;       // bytes
    std::uint64_t allocated = 0;  // bytes of store in use
    std::int64_t mtime_ns = 0;    // of the last write; 0: none, or forgotten
};

// Blocks [first, end) of an object, and behind them, up to `limit`, so many more that `fresh` of
// all were not ready before.
struct RoomWanted {
    std::uint64_t first;
    std::uint64_t end;
    std::uint64_t limit;
    std::uint64_t fresh;
};

struct StoreUsage {
    std::uint64_t limit = 0;   // bytes the store may use
    std::uint64_t used = 0;    // bytes in objects
    std::uint64_t ready = 0;   // bytes of free memory that has been touched ahead
    std::uint64_t mapped = 0;  // bytes of the store that clients of this host may map; 0: none
    std::uint64_t objects = 0;
};

// Called from the shard's thread only, except where said otherwise. Two writes that overlap in time
// and in range leave either one's bytes there, in any mix.
class ObjectStore {
  public:
    // Keeps an object's memory in place while transfers use it: what a truncate or remove takes
    // away meanwhile is recycled only when the last pin is gone. Owned by the store.
    class Pin {
      protected:
        ~Pin() = default;
    };

    virtual ~ObjectStore() = default;

    // Pins an object. With `create` an object that is not there is made; else ENOENT.
    virtual Result<Pin*> pin(std::uint64_t id, bool create) = 0;
    // Bytes of a pinned object.
    virtual std::uint64_t size(Pin* pin) = 0;
    virtual void unpin(Pin* pin) = 0;

    // A write to a pinned object. What it is the first to bring, others find as zeros until it ends
    // when it is `exposed`; if not, they ask is_filling() first. Of small pieces they may find the
    // write's own bytes sooner, and what came of them when it fails.
    struct Write {
        Pin* pin;
        bool exposed;
        std::uint64_t id;  // later ones have higher ids
    };
    // To be called right before the write's prepare_write() calls, with no other write's in
    // between.
    Write begin_write(Pin* pin, bool exposed) { return {pin, exposed, ++writes_}; }
    // Appends to `out` the memory of [offset, offset + length), made where it is missing.
    // ENOSPC (nothing was appended), EFBIG.
    virtual Status prepare_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                                 std::vector<fabric::LocalSegment>& out) = 0;
    // Ends prepare_write() of the same range. `moved` false: the transfer failed; what it would
    // have been the first to bring reads as zeros, and the object's size stays.
    virtual void finish_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                              bool moved) = 0;
    // Whether bytes of the range hold nothing yet, as a write that is not exposed and not finished
    // is the first to fill them: nobody may prepare to read or write them before its end.
    [[nodiscard]] virtual bool is_filling(const Pin* pin, std::uint64_t offset,
                                          std::uint64_t length) const = 0;

    // Appends the memory of [offset, offset + length), which must lie below the object's size;
    // holes, and what an exposed write is still to bring, give memory that holds zeros and must not
    // be written.
    virtual Status prepare_read(Pin* pin, std::uint64_t offset, std::uint64_t length,
                                std::vector<fabric::LocalSegment>& out) = 0;

    // Fills `out` (zeros at first) with what clients may know of the object's blocks from
    // `first_block` on (see protocol/mapped_store.hpp).
    virtual void locate(std::uint64_t /*id*/, std::uint64_t /*first_block*/,
                        std::span<protocol::BlockLocation> /*out*/) {}
    // Makes blocks of the object ready to be written in place, also beyond its end, as far as
    // memory is plenty. How many were not.
    virtual std::uint32_t make_room(std::uint64_t /*id*/, const RoomWanted& /*wanted*/) {
        return 0;
    }

    // An object that is not there: ENOENT.
    virtual Result<ObjectInfo> info(std::uint64_t id) = 0;
    // Cuts or grows (with zeros) to `size`; makes the object when it is not there and size > 0.
    virtual Status truncate(std::uint64_t id, std::uint64_t size) = 0;
    // Makes space certain for the range and grows the object to its end. ENOSPC.
    virtual Status allocate(std::uint64_t id, std::uint64_t offset, std::uint64_t length) = 0;
    // mtime_ns becomes 0.
    virtual void forget_time(std::uint64_t id) = 0;
    // Frees the object; nothing happens when it is not there.
    virtual void remove(std::uint64_t id) = 0;
    // Makes every finished write of the object durable, as far as the store is.
    virtual Status sync(std::uint64_t id) = 0;

    [[nodiscard]] virtual StoreUsage usage() const = 0;

  private:
    std::uint64_t writes_ = 0;  // begun
};

}  // namespace orfa::server
