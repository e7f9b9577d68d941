// SPDX-License-Identifier: MIT
// Requests about names: directories, inodes, attributes. Answered by the home server of the
// directory or inode they start from.
//
// Paths. kWalk, kOpen, kMkdir, kRmdir, kUnlink and kSymlink name a path below a directory inode.
// The server follows it as far as it owns the directories; every reply to them begins with a
// PathReply:
//   kDone       the path was followed to its end and the request carried out; the op's reply
//   follows kElsewhere  `ino` belongs to another server: go on there with the path from `consumed`
//   on kSymlink    the last consumed component (none: `start`) is a symbolic link; its target (a
//               string) follows. The client puts it in the component's place, begins anew, and
//               counts links (kMaxSymlinks).
// `consumed` is a number of bytes of the request's path. Nothing was changed unless kDone.
// "." and ".." mean what they do in POSIX; a path that ends in '/' must name a directory.
#pragma once

#include "protocol/messages.hpp"

namespace orfa::protocol {

inline constexpr std::size_t kMaxName = 255;   // bytes of one name
inline constexpr std::size_t kMaxPath = 4095;  // bytes of a path
inline constexpr std::size_t kMaxTarget =
    3500;                                     // bytes of a symbolic link's target: fits any message
inline constexpr unsigned kMaxSymlinks = 40;  // links followed for one path
inline constexpr std::size_t kMaxXattr = 65536;          // bytes of one attribute's value
inline constexpr std::uint32_t kMaxLinks = 65000;        // names of one file
inline constexpr std::uint32_t kAnyServer = 0xffffffff;  // Layout.first_server of a wish

enum class PathState : std::uint32_t { kDone = 0, kElsewhere = 1, kSymlink = 2 };

enum PathFlags : std::uint32_t {
    kFollowLast = 1,  // a link in the last component is reported as kSymlink
};

struct PathReply {
    PathState state;
    std::uint32_t consumed;  // bytes of the path
    std::uint64_t ino;       // kDone: what the path names (kRmdir, kUnlink: named)
};

// Requests that need nothing but an inode: kClose, kGetattr, kReadlink, kListxattr.
struct InodeRequest {
    std::uint64_t ino;
};

// kWalk: + path (may be empty) -> PathReply, Attributes.
struct WalkRequest {
    std::uint64_t start;   // directory (or, with an empty path, any inode)
    std::uint32_t flags;   // PathFlags
    std::uint32_t access;  // R_OK, W_OK, X_OK that the caller must have on the result, else EACCES
};

// kOpen: + path; empty: `start` itself, of any type -> PathReply, OpenReply. Creates and opens.
// The session has the inode open once more until kClose or its end.
enum OpenFlags : std::uint32_t {
    kOpenRead = 1,
    kOpenWrite = 2,
    kOpenCreate = 4,
    kOpenExclusive = 8,
    kOpenTruncate = 16,  // the home server's object; those of other servers are the client's to cut
    kOpenNoFollow = 32,  // ELOOP when the last component is a symbolic link
    kOpenDirectory = 64,  // ENOTDIR for anything else
};
struct OpenRequest {
    std::uint64_t start;
    std::uint32_t flags;  // OpenFlags
    std::uint32_t mode;   // permission bits of a new file
    Layout layout;        // wish for a new file: sizes 0 and kAnyServer mean the default
};
struct OpenReply {
    Attributes attributes;
    Capability capability;
    std::uint32_t created;  // 1: by this request
    std::uint32_t reserved;
};

// kSetattr -> SetattrReply.
enum SetattrMask : std::uint32_t {
    kSetMode = 1,
    kSetUid = 2,
    kSetGid = 4,
    kSetAtime = 8,
    kSetMtime = 16,
    kSetAtimeNow = 32,  // to the server's clock
    kSetMtimeNow = 64,
};
struct SetattrRequest {
    std::uint64_t ino;
    std::uint32_t mask;  // SetattrMask: which of the following count
    std::uint32_t mode;  // permission bits
    std::uint32_t uid, gid;
    std::int64_t atime_ns, mtime_ns;
};
// With kSetMtime the capability allows kTruncate with kForgetTime at the file's other servers; else
// it gives no rights.
struct SetattrReply {
    Attributes attributes;
    Capability capability;
};

// kMkdir: + path -> PathReply, Attributes of the new directory.
struct MkdirRequest {
    std::uint64_t start;
    std::uint32_t mode;  // permission bits
    std::uint32_t reserved;
};

// kRmdir, kUnlink: + path -> PathReply.
struct RemoveRequest {
    std::uint64_t start;
};

// kSymlink: + path + target -> PathReply, Attributes of the link.
struct SymlinkRequest {
    std::uint64_t start;
};

// kReadlink: InodeRequest -> target (a string).

// kLink: to the server of `directory`: + name. Gives inode `ino` one more name. -> no body.
struct LinkRequest {
    std::uint64_t ino;
    std::uint64_t directory;
};

// kRename: to the server of `from`: + old name + new name -> no body.
enum RenameFlags : std::uint32_t {
    kRenameNoReplace = 1,  // EEXIST when the new name is there
    kRenameDirectory = 2,  // a path ended in '/': ENOTDIR unless a directory is renamed
};
struct RenameRequest {
    std::uint64_t from;   // directory of the old name
    std::uint64_t to;     // directory of the new name
    std::uint32_t flags;  // RenameFlags
    std::uint32_t reserved;
};

// kReaddir: + name -> ReaddirReply, `count` times a ReaddirEntry + name. Entries come in the order
// of (cookie, name); the page begins behind the given cookie and name (an empty name: behind all
// entries with that cookie; cookie 0 and no name: the beginning). An entry that is there from the
// first page to the last is listed exactly once, whatever is made or removed meanwhile.
struct ReaddirRequest {
    std::uint64_t directory;
    std::uint64_t cookie;
    std::uint32_t max_entries;
    std::uint32_t reserved;
};
struct ReaddirReply {
    std::uint32_t count;
    std::uint32_t at_end;  // 1: no entry follows the last one
};
struct ReaddirEntry {
    std::uint64_t ino;
    std::uint64_t cookie;  // never 0
    std::uint32_t type;    // S_IFREG, S_IFDIR, S_IFLNK
    std::uint32_t reserved;
};

// Extended attributes ("user...." and "orfa.layout"). Values and lists larger than a message travel
// in pieces.
// kGetxattr: + name -> XattrPiece + bytes (a string): the value from `offset` on.
// kListxattr: with an empty name -> likewise, of the names, each ended by a zero byte.
struct GetxattrRequest {
    std::uint64_t ino;
    std::uint32_t offset;     // bytes
    std::uint32_t max_bytes;  // of the piece; 0: only the total
};
struct XattrPiece {
    std::uint32_t total;  // bytes of the whole value or list
    std::uint32_t reserved;
};
// kSetxattr: + name + bytes (a string) -> no body. Pieces are sent in order, by one session; the
// value is set when the last one has come.
struct SetxattrRequest {
    std::uint64_t ino;
    std::uint32_t flags;   // XATTR_CREATE, XATTR_REPLACE
    std::uint32_t offset;  // bytes: where this piece belongs; 0 begins anew
    std::uint32_t total;   // bytes of the whole value
    std::uint32_t reserved;
};
// kRemovexattr: + name -> no body.
struct RemovexattrRequest {
    std::uint64_t ino;
};

// kStatfs: no body -> StatfsReply of this server alone.
struct StatfsReply {
    std::uint64_t total_bytes;
    std::uint64_t free_bytes;
    std::uint64_t files;  // inodes in use
    std::uint32_t name_max;
    std::uint32_t reserved;
};

// kMarkSpread -> no body. To the home server, before the first byte is written to another server.
struct MarkSpreadRequest {
    Capability capability;  // kMayWrite
};

// kAppend -> AppendReply. Reserves [offset, offset + length) for the caller, behind every byte
// there was and every range reserved before. To the home server.
struct AppendRequest {
    Capability capability;        // kMayWrite
    std::uint64_t observed_size;  // bytes: the size the client saw, from all of the file's servers
    std::uint64_t length;         // bytes
};
struct AppendReply {
    std::uint64_t offset;
};

static_assert(Wire<PathReply> && sizeof(PathReply) == 16);
static_assert(Wire<InodeRequest> && sizeof(InodeRequest) == 8);
static_assert(Wire<WalkRequest> && sizeof(WalkRequest) == 16);
static_assert(Wire<OpenRequest> && sizeof(OpenRequest) == 32);
static_assert(Wire<OpenReply> && sizeof(OpenReply) == 120);
static_assert(Wire<SetattrRequest> && sizeof(SetattrRequest) == 40);
static_assert(Wire<SetattrReply> && sizeof(SetattrReply) == 112);
static_assert(Wire<MkdirRequest> && sizeof(MkdirRequest) == 16);
static_assert(Wire<RemoveRequest> && sizeof(RemoveRequest) == 8);
static_assert(Wire<SymlinkRequest> && sizeof(SymlinkRequest) == 8);
static_assert(Wire<LinkRequest> && sizeof(LinkRequest) == 16);
static_assert(Wire<RenameRequest> && sizeof(RenameRequest) == 24);
static_assert(Wire<ReaddirRequest> && sizeof(ReaddirRequest) == 24);
static_assert(Wire<ReaddirReply> && sizeof(ReaddirReply) == 8);
static_assert(Wire<ReaddirEntry> && sizeof(ReaddirEntry) == 24);
static_assert(Wire<GetxattrRequest> && sizeof(GetxattrRequest) == 16);
static_assert(Wire<XattrPiece> && sizeof(XattrPiece) == 8);
static_assert(Wire<SetxattrRequest> && sizeof(SetxattrRequest) == 24);
static_assert(Wire<RemovexattrRequest> && sizeof(RemovexattrRequest) == 8);
static_assert(Wire<StatfsReply> && sizeof(StatfsReply) == 32);
static_assert(Wire<MarkSpreadRequest> && sizeof(MarkSpreadRequest) == 24);
static_assert(Wire<AppendRequest> && sizeof(AppendRequest) == 40);
static_assert(Wire<AppendReply> && sizeof(AppendReply) == 8);

}  // namespace orfa::protocol
