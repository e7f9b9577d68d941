// SPDX-License-Identifier: MIT
// What the two ends of a same-host connection share: greetings on the door, the mapped memory, and
// the control records of the rings. Both ends are of one build: kLocalVersion changes with this
// file.
#pragma once

#include "fabric/fabric.hpp"
#include "fabric/ring.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace orfa::fabric {

inline constexpr std::uint64_t kLocalMagic = 0x31434f4c'4146524fULL;  // "ORFALOC1"
inline constexpr std::uint32_t kLocalVersion = 4;

enum LocalFlags : std::uint32_t {
    // hello: the server may use process_vm_*; welcome: it will
    kProcessMemory = 1,
    // welcome: the process the kernel names as the socket's owner is the one that serves it
    kOwnerServes = 2,
    // hello: the dialer would map what the listener exposes; welcome: its descriptor comes, too
    kExposed = 4,
};

// The dialer's greeting.
struct LocalHello {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t flags;
    std::uint64_t nonce_address;  // of nonce[] in the dialer's memory: proof of reaching it
    std::uint64_t nonce[2];
};

// The answer, with the descriptor of the shared memory when error is 0.
struct LocalWelcome {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t flags;
    std::int32_t error;  // 0, or the errno for which the connection is refused
    std::uint32_t ring_bytes;
    std::uint32_t max_message;
    std::uint32_t slot_bytes;  // of each bounce slot
    std::uint32_t slot_count;
    std::uint32_t stage_bytes;  // of each stage
    std::uint32_t stage_count;
    std::uint32_t reserved;
    std::uint64_t exposed_bytes;  // with kExposed; else 0
};

// What a side that is about to sleep wants to be woken for; whoever clears a bit wakes it.
enum Wants : std::uint32_t {
    kWantsRecords = 1,  // in the ring it reads
    kWantsRoom = 2,     // in the ring it writes
};

// One way of the connection, and the sleep of the side that reads it.
struct LocalLane {
    RingPositions ring;
    alignas(64) std::atomic<std::uint32_t> reader_wants;  // Wants
    // The processor, counted from 1, that the reading side ran on when it last found something; 0
    // when it says that it has little to do.
    alignas(64) std::atomic<std::uint32_t> reader_place;
};

// The start of the shared memory; then the rings (to the listener, to the dialer), then the bounce
// slots, then the stages.
struct LocalShared {
    LocalLane to_listener;
    LocalLane to_dialer;
    alignas(64) ExposedUse use;
};
inline constexpr std::size_t kLocalSharedBytes = 4096;
static_assert(sizeof(LocalShared) <= kLocalSharedBytes);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

// A kCopyAsk record: the listener asks the dialer to copy between a slot and its memory. This, then
// `count` RemoteSegments, whose bytes lie in the slot in order.
struct CopyAsk {
    std::uint32_t slot;
    std::uint32_t direction;  // Direction: kFromPeer fills the slot, kToPeer empties it
    std::uint32_t count;
    std::uint32_t reserved;
};
// A kCopyDone record: the slot is the listener's again.
struct CopyDone {
    std::uint32_t slot;
    std::int32_t error;  // 0, or an errno
};
inline constexpr std::size_t kMaxAskPieces = 128;

// The key of remote segments that lie in the dialer's stages: addr is an offset into all of them.
inline constexpr std::uint64_t kStagedKey = ~std::uint64_t{0};

template <typename T>
concept LocalWire = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;
static_assert(LocalWire<LocalHello> && LocalWire<LocalWelcome> && LocalWire<CopyAsk> &&
              LocalWire<CopyDone> && LocalWire<RemoteSegment>);

}  // namespace orfa::fabric
