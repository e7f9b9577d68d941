// SPDX-License-Identifier: MIT
// The bytes on the wire: what every message has in common. docs/protocol.md explains, this folder's
// headers are the authority: io_messages.hpp (data), name_messages.hpp (names), lock_messages.hpp
// (locks and counters), peer_messages.hpp (server to server).
//
// Fixed-size structs, little-endian, naturally aligned, no implicit padding, no pointers. A request
// is a RequestHeader, the body struct of its op, then that op's variable part (codec.hpp). A reply
// is a ReplyHeader, and, when its error is 0, the op's reply body and variable part.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace orfa::protocol {

static_assert(std::endian::native == std::endian::little, "big-endian hosts need byte swapping");

inline constexpr std::uint16_t kVersion = 1;

enum class Op : std::uint16_t {
    // every connection
    kHello = 1,
    kPing = 2,
    kStatus = 3,
    // names: name_messages.hpp
    kWalk = 16,
    kOpen = 17,
    kClose = 18,
    kGetattr = 19,
    kSetattr = 20,
    kMkdir = 21,
    kRmdir = 22,
    kUnlink = 23,
    kRename = 24,
    kSymlink = 25,
    kReadlink = 26,
    kLink = 27,
    kReaddir = 28,
    kGetxattr = 29,
    kSetxattr = 30,
    kListxattr = 31,
    kRemovexattr = 32,
    kStatfs = 33,
    kMarkSpread = 34,
    kAppend = 35,
    // data: io_messages.hpp
    kRead = 64,
    kWrite = 65,
    kObjectStat = 66,
    kTruncate = 67,
    kSync = 68,
    kAllocate = 69,
    kJoin = 70,
    kLocate = 71,
    // server to server: peer_messages.hpp
    kPeerMakeDirectory = 96,
    kPeerRemoveDirectory = 97,
    kPeerAdjustLinks = 98,
    kPeerInsertEntry = 99,
    kPeerRemoveObject = 101,
    kPeerGetattr = 102,
    kPeerRenameTurn = 103,
    // locks and counters: lock_messages.hpp
    kLock = 112,
    kUnlock = 113,
    kCounter = 114,
};

// Below this, ops fit a dispatch table.
inline constexpr std::uint16_t kOpLimit = 128;

struct RequestHeader {
    std::uint16_t version;  // kVersion
    Op op;
    std::uint32_t body_bytes;   // bytes after this header
    std::uint64_t request_id;   // chosen by the client, rising per session and server
    std::uint64_t acked_below;  // the client has the replies of all requests with smaller ids
};

struct ReplyHeader {
    std::uint16_t version;     // kVersion
    Op op;                     // of the request
    std::uint32_t body_bytes;  // bytes after this header; 0 when error is not 0
    std::uint64_t request_id;  // of the request
    std::int32_t error;        // 0, or an errno
    std::uint32_t credits;     // requests this client may have outstanding at this server
};

// Opens (or, with the same session id, resumes) a session. The first request of a connection.
struct HelloRequest {
    std::uint64_t magic;           // kHelloMagic
    std::uint64_t session_id[2];   // random, the client's own
    std::uint32_t uid, gid;        // used where the transport does not vouch for them, if allowed
    std::uint32_t kind;            // PeerKind
    std::uint32_t server_index;    // the index the client thinks this server has
    std::uint32_t server_count;    // the number of servers the client knows
    std::uint32_t group_count;     // supplementary gids (uint32 each) that follow, at most 64
    std::uint64_t cluster_secret;  // servers only: proves membership; else 0
};
inline constexpr std::uint64_t kHelloMagic = 0x31414652'4f494821ULL;
enum class PeerKind : std::uint32_t { kClient = 1, kServer = 2 };

struct HelloReply {
    std::uint64_t epoch;  // of this start of the server: another one means it lost its sessions
    std::uint64_t cluster_id;  // the same for all servers of a cluster
    std::uint64_t root_ino;
    std::uint64_t default_stripe_size;   // bytes
    std::uint32_t default_stripe_count;  // servers
    std::uint32_t server_index;
    std::uint32_t server_count;
    std::uint32_t max_inline;  // payload bytes that may travel inside a message
    std::uint32_t max_list;    // extents + segments in one data request
    std::uint32_t durable;     // 1: names and data survive a restart
};

// An inode number: the index of its home server above, that server's own number below.
inline constexpr unsigned kInoServerShift = 48;
constexpr std::uint32_t home_of(std::uint64_t ino) {
    return static_cast<std::uint32_t>(ino >> kInoServerShift);
}
constexpr std::uint64_t make_ino(std::uint32_t server, std::uint64_t local) {
    return (std::uint64_t{server} << kInoServerShift) | local;
}
inline constexpr std::uint64_t kRootIno = 1;  // home: server 0

// How a file is spread over servers; layout.hpp computes with it.
struct Layout {
    std::uint64_t stripe_size;   // bytes
    std::uint32_t stripe_count;  // servers used, 1 .. number of servers
    std::uint32_t first_server;  // index of the server that holds stripe 0
};

enum AttributeFlags : std::uint32_t {
    kSpread = 1,  // servers other than the first may hold data: ask them for the size
};

struct Attributes {
    std::uint64_t ino;
    std::uint32_t mode;  // type and permission bits as in stat(2)
    std::uint32_t nlink;
    std::uint32_t uid, gid;
    std::uint64_t size;       // bytes; of a file: what the home server's object says
    std::uint64_t allocated;  // bytes of store in use at the home server
    std::int64_t atime_ns, mtime_ns, ctime_ns;  // since the epoch
    Layout layout;  // of files, and what new files of a directory get (stripe_size 0: default)
    std::uint32_t flags;  // AttributeFlags
    std::uint32_t reserved;
};

// Allows data requests for one file: handed out by its home server at open, checked by all.
struct Capability {
    std::uint64_t ino;
    std::uint32_t rights;  // Rights
    std::uint32_t reserved;
    std::uint64_t mac;  // over the above, with the cluster's secret
};
enum Rights : std::uint32_t { kMayRead = 1, kMayWrite = 2 };

template <typename T>
concept Wire = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

static_assert(Wire<RequestHeader> && sizeof(RequestHeader) == 24);
static_assert(Wire<ReplyHeader> && sizeof(ReplyHeader) == 24);
static_assert(Wire<HelloRequest> && sizeof(HelloRequest) == 56);
static_assert(Wire<HelloReply> && sizeof(HelloReply) == 56);
static_assert(Wire<Layout> && sizeof(Layout) == 16);
static_assert(Wire<Attributes> && sizeof(Attributes) == 88);
static_assert(Wire<Capability> && sizeof(Capability) == 24);

}  // namespace orfa::protocol
