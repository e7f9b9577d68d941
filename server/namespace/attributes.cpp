// SPDX-License-Identifier: MIT
// Inodes as clients see them, and new ones.
#include "protocol/layout.hpp"
#include "server/namespace/handlers.hpp"
#include "server/namespace/permissions.hpp"

#include <algorithm>

namespace orfa::server {

protocol::Attributes plain_attributes(std::uint64_t ino, const InodeRecord& inode) {
    protocol::Attributes out{};
    out.ino = ino;
    out.mode = inode.mode;
    out.nlink = inode.nlink;
    out.uid = inode.uid;
    out.gid = inode.gid;
    out.size = inode.entries;
    out.atime_ns = inode.atime_ns;
    out.mtime_ns = inode.mtime_ns;
    out.ctime_ns = inode.ctime_ns;
    out.layout = inode.layout;
    out.flags = inode.flags & protocol::kSpread;
    return out;
}

protocol::Attributes attributes_of(Core& core, std::uint64_t ino, const InodeRecord& inode) {
    protocol::Attributes out = plain_attributes(ino, inode);
    if (!inode.is_file()) return out;
    const std::uint32_t column =
        protocol::column_of(inode.layout, core.identity.index, core.identity.count);
    if (column == inode.layout.stripe_count) return out;
    auto object = core.store->info(ino);
    if (!object.ok()) return out;
    out.size = protocol::file_size_from(inode.layout, column, object->size);
    out.allocated = object->allocated;
    out.mtime_ns = std::max(out.mtime_ns, object->mtime_ns);
    out.ctime_ns = std::max(out.ctime_ns, object->mtime_ns);
    return out;
}

Status check_insert(const Credentials& who, const InodeRecord& directory, std::string_view name) {
    if (name.size() > protocol::kMaxName) return error(ENAMETOOLONG);
    if (directory.nlink == 0 || directory.sealed != 0) return error(ENOENT);
    return check_access(who, directory, W_OK | X_OK);
}

InodeRecord new_inode(const Credentials& who, const InodeRecord& directory, std::uint32_t type,
                      std::uint32_t mode, std::int64_t now) {
    InodeRecord inode{};
    inode.mode = type | (mode & 07777);
    inode.nlink = S_ISDIR(type) ? 2 : 1;
    inode.uid = who.uid;
    inode.gid = who.gid;
    if ((directory.mode & S_ISGID) != 0) {
        inode.gid = directory.gid;
        if (S_ISDIR(type)) inode.mode |= S_ISGID;
    }
    if (S_ISREG(type) && !who.is_root() && !who.in_group(inode.gid))
        inode.mode &= ~static_cast<std::uint32_t>(S_ISGID);
    inode.atime_ns = inode.mtime_ns = inode.ctime_ns = now;
    return inode;
}

}  // namespace orfa::server
