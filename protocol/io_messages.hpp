// SPDX-License-Identifier: MIT
// Requests for file data. Server-driven: a request says which ranges of the object and which memory
// of the client belong together; the server moves the bytes and replies once.
//
// kRead, kWrite: IoRequest, the pattern (entry_count Extents or Strideds), segment_count
// MemorySegments, and, for a write without segments, total_bytes of payload. A read without
// segments has its payload behind the IoReply. The pattern is one of the object, or, with a
// Striping, one of the file, of which the server takes what lies in its stripes. With
// kListsInMemory pattern and segments are not in the message but in the client's memory, at
// `lists`, in the same order; the server fetches them.
#pragma once

#include "protocol/messages.hpp"

namespace orfa::protocol {

// A range of one server's object, bytes.
struct Extent {
    std::uint64_t offset;
    std::uint64_t length;
    friend bool operator==(const Extent&, const Extent&) = default;
};

// Memory of the client that the server may access until it has sent the reply.
struct MemorySegment {
    std::uint64_t addr;
    std::uint64_t key;
    std::uint64_t length;  // bytes
};

// `count` ranges of `length` bytes, `stride` bytes from start to start; all that `repeats` times,
// `repeat_stride` bytes from start to start. An MPI vector or subarray is one of these. The stride
// of one range, and of one repetition, is 0.
struct Strided {
    std::uint64_t offset;
    std::uint64_t length;
    std::uint64_t stride;
    std::uint64_t repeat_stride;
    std::uint32_t count;
    std::uint32_t repeats;
    friend bool operator==(const Strided&, const Strided&) = default;
};

enum class Pattern : std::uint32_t {
    kExtents = 0,  // a list of them
    kStrided = 1,  // a list of Strideds, in place of the extents they stand for
};

enum IoFlags : std::uint32_t {
    kListsInMemory = 1,
    kTogether = 2,     // a Together follows the IoRequest in the message
    kWholeMemory = 4,  // the segments hold the bytes of the whole pattern, also other servers'
};

// Which part of a pattern of the file is meant: that in stripes `column` + k * stripe_count of
// `stripe_size` bytes (see layout.hpp). stripe_count 0: the pattern is the object's, all of it.
struct Striping {
    std::uint64_t stripe_size;
    std::uint32_t stripe_count;
    std::uint32_t column;
};

// Marks a request as one participant's part of a collective access: the server gathers the parts
// and serves them together (server/gatherings.hpp).
struct Together {
    std::uint64_t id;            // the same for all participants, and of this access alone
    std::uint32_t participants;  // 1 to kMaxParticipants
    std::uint32_t reserved;      // 0
};
inline constexpr std::uint32_t kMaxParticipants = 1 << 20;

// kJoin: JoinRequest -> nothing, at once. The participant's part is empty at this server.
struct JoinRequest {
    Capability capability;
    Together together;
};

struct IoRequest {
    Capability capability;
    std::uint64_t total_bytes;    // that are moved; of the payload or segments likewise
    std::uint32_t entry_count;    // of the pattern
    std::uint32_t segment_count;  // 0: the payload is in the message
    Pattern pattern;
    std::uint32_t flags;  // IoFlags
    MemorySegment lists;  // with kListsInMemory; else zeros
    Striping striping;
};

struct IoReply {
    std::uint64_t bytes;  // of a write: all; of a read: those of all extents below object_size
    std::uint64_t object_size;  // bytes, after the request
};

// The bounds of one data request. What is larger is cut by the client.
inline constexpr std::uint32_t kMaxListEntries = 16384;          // of the pattern + segments
inline constexpr std::uint64_t kMaxPieces = 16ULL << 20;         // that the pattern stands for
inline constexpr std::uint64_t kMaxRequestBytes = 256ULL << 20;  // of the whole pattern

// kObjectStat: ObjectRequest -> ObjectReply. An object that is not there has size 0.
struct ObjectRequest {
    std::uint64_t ino;
};
struct ObjectReply {
    std::uint64_t size;       // bytes
    std::uint64_t allocated;  // bytes of store in use
    std::int64_t mtime_ns;    // of the last write; 0: none since it was set elsewhere
};

// kTruncate: -> no body.
enum class TruncateMode : std::uint32_t {
    kExact = 0,       // cut or grow to `size`
    kGrowOnly = 1,    // never cut
    kForgetTime = 2,  // size stays; mtime_ns becomes 0 (the inode's own time counts from now on)
};
struct TruncateRequest {
    Capability capability;
    std::uint64_t size;  // bytes of this server's object
    TruncateMode mode;
    std::uint32_t reserved;
};

// kAllocate: makes space certain for a range of the object, growing it; data stay. -> no body.
struct AllocateRequest {
    Capability capability;
    Extent range;
};

// kLocate: LocateRequest -> LocateReply and `count` BlockLocations: where the blocks of the object
// lie in the memory that the store shares (mapped_store.hpp), for clients that have mapped it. The
// first `room_count` blocks from `room_first` on (counted from first_block) are to have room for
// writes, and behind them, among the `count`, so many more that `room_new` of all these get it now:
// the server makes those that are missing, as far as it likes.
struct LocateRequest {
    Capability capability;      // with a room_count it must allow writing
    std::uint64_t first_block;  // of the object, in blocks of kStoreBlockBytes
    std::uint32_t count;        // 1 to kMaxLocated
    std::uint32_t room_first;
    std::uint32_t room_count;  // at most kMaxRoom; room_first + room_count is at most `count`
    std::uint32_t room_new;    // at most kMaxRoom; 0 without a room_count
};
struct LocateReply {
    std::uint32_t made;      // blocks that were made, or made whole, to have room
    std::uint32_t reserved;  // 0
};
// What a client may do in a block. All zeros: nothing.
struct BlockLocation {
    std::uint64_t stamp;  // while the block has it, this is true
    std::uint32_t block;  // of the shared memory
    std::uint32_t from;   // bytes [from, to) of the block can be read,
    std::uint32_t to;     // what lies behind them may not be the file's, or not content;
    std::uint32_t room;   // [from, room) can be written: at least as much
};
inline constexpr std::uint32_t kMaxLocated = 512;
inline constexpr std::uint32_t kMaxRoom = 64;

// kSync: makes the object's answered writes durable. -> no body.
struct SyncRequest {
    Capability capability;
};

static_assert(Wire<Extent> && sizeof(Extent) == 16);
static_assert(Wire<Strided> && sizeof(Strided) == 40);
static_assert(Wire<MemorySegment> && sizeof(MemorySegment) == 24);
static_assert(Wire<Striping> && sizeof(Striping) == 16);
static_assert(Wire<IoRequest> && sizeof(IoRequest) == 88);
static_assert(Wire<IoReply> && sizeof(IoReply) == 16);
static_assert(Wire<ObjectReply> && sizeof(ObjectReply) == 24);
static_assert(Wire<TruncateRequest> && sizeof(TruncateRequest) == 40);
static_assert(Wire<LocateRequest> && sizeof(LocateRequest) == 48);
static_assert(Wire<LocateReply> && sizeof(LocateReply) == 8);
static_assert(Wire<BlockLocation> && sizeof(BlockLocation) == 24);
static_assert(Wire<AllocateRequest> && sizeof(AllocateRequest) == 40);

}  // namespace orfa::protocol
