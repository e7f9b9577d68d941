// SPDX-License-Identifier: MIT
// The names of the file system: paths are followed over the servers, each operation carried out by
// the server it belongs to. Nothing is cached. Each failure also writes error_text.hpp's text.
//
// Paths start at the root; a leading '/' may be left out, several count as one; one that ends in
// '/' must name a directory. Errors everywhere: those of POSIX's call of the same name (EINVAL,
// ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ...), and ECONNREFUSED, ECONNRESET, ETIMEDOUT,
// EPROTO.
#pragma once

#include "client/orfa.h"
#include "common/status.hpp"
#include "protocol/messages.hpp"
#include "protocol/name_messages.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/mesh.hpp"

namespace orfa::client {

class PathCursor;

// What kOpen gives: all a file handle needs.
struct OpenedFile {
    protocol::Attributes attributes;
    protocol::Capability capability;
    bool created;
};

struct DirectoryEntry {
    std::uint64_t ino;
    std::uint32_t type;  // S_IFREG, S_IFDIR, S_IFLNK
    std::uint64_t cookie;
    std::string name;
};

struct ClusterUsage {
    std::uint64_t total_bytes = 0, free_bytes = 0;  // of all servers
    std::uint64_t files = 0;
};

// For stat(2)'s readers.
struct stat to_stat(const protocol::Attributes& attributes);

// A time for set_times(): nanoseconds since the epoch, or one of these.
inline constexpr std::int64_t kTimeNow = INT64_MIN;
inline constexpr std::int64_t kTimeOmit = INT64_MIN + 1;

// Thread-safe: has no state of its own.
class Names {
  public:
    explicit Names(rpc::Mesh& mesh) : mesh_(mesh) {}

    // `flags` as in open(2): access mode, O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW, O_DIRECTORY; others
    // are ignored. `wish`: for a new file; may be null. The session has the file open until
    // close().
    Result<OpenedFile> open(std::string_view path, int flags, std::uint32_t mode,
                            const orfa_layout* wish);
    Status close(std::uint64_t ino);
    // Before the first byte is written to a server other than the file's home.
    Status mark_spread(const protocol::Capability& capability);
    // Reserves a range at the end of the file; `observed_size` as attributes() gives it now.
    Result<std::uint64_t> reserve_append(const protocol::Capability& capability,
                                         std::uint64_t observed_size, std::uint64_t length);

    // Size and times as of all servers that may hold data.
    Result<protocol::Attributes> stat(std::string_view path, bool follow_last);
    Result<protocol::Attributes> attributes(std::uint64_t ino);
    // attributes() as the C API gives them.
    Result<struct stat> stat_inode(std::uint64_t ino);
    // Of a file: its own; of a directory: what its new files get (stripe_size 0: the default).
    Result<protocol::Layout> layout_of(std::string_view path);
    // `access`: R_OK, W_OK, X_OK.
    Status access(std::string_view path, std::uint32_t access);

    Status mkdir(std::string_view path, std::uint32_t mode);
    Status rmdir(std::string_view path);
    Status unlink(std::string_view path);
    Status rename(std::string_view from, std::string_view to, std::uint32_t flags = 0);
    Status symlink(std::string_view target, std::string_view path);
    Result<std::string> readlink(std::string_view path);
    Status link(std::string_view from, std::string_view to);

    Status chmod(std::string_view path, std::uint32_t mode);
    // (uid_t)-1, (gid_t)-1: unchanged.
    Status chown(std::string_view path, std::uint32_t uid, std::uint32_t gid);
    Status set_times(std::string_view path, std::int64_t atime_ns, std::int64_t mtime_ns);

    // A whole value (at most kMaxXattr bytes); names ended by zero bytes.
    Result<std::string> get_xattr(std::string_view path, std::string_view name);
    Result<std::string> list_xattrs(std::string_view path);
    Status set_xattr(std::string_view path, std::string_view name, std::string_view value,
                     std::uint32_t flags);
    Status remove_xattr(std::string_view path, std::string_view name);

    // The inode of a directory one may list.
    Result<std::uint64_t> open_directory(std::string_view path);
    // Replaces `page` by the entries behind `after` (null: the first ones). Empty: the end.
    Status read_directory(std::uint64_t directory, const DirectoryEntry* after,
                          std::vector<DirectoryEntry>& page);

    // Of all servers; asked in parallel.
    Result<ClusterUsage> usage();

    [[nodiscard]] rpc::Mesh& mesh() { return mesh_; }

  private:
    struct PathCall;
    Result<protocol::PathReply> call_path(PathCall& call);
    Result<protocol::Attributes> walk(std::string_view path, std::uint32_t flags,
                                      std::uint32_t access, const char* what);
    Result<std::uint64_t> parent_of(std::string_view path, const char* what, std::string_view& name,
                                    bool& must_be_directory);
    Status call_inode(std::uint64_t ino, protocol::Op op, std::span<const std::byte> body,
                      std::vector<std::byte>& reply, const char* what, std::string_view path);
    Status change(std::string_view path, protocol::SetattrRequest& request, const char* what);
    Status gather_sizes(protocol::Attributes& attributes);
    Status forget_times(const protocol::SetattrReply& changed);
    Result<std::string> read_xattr(std::string_view path, protocol::Op op, std::string_view name,
                                   const char* what);

    rpc::Mesh& mesh_;
};

}  // namespace orfa::client
