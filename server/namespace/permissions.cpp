// SPDX-License-Identifier: MIT
#include "server/namespace/permissions.hpp"

#include <cerrno>

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

Status check_access(const Credentials& who, const InodeRecord& inode, std::uint32_t access) {
    access &= R_OK | W_OK | X_OK;
    if (who.is_root()) {
        // Root may do anything but execute what nobody may execute.
        const bool executable = inode.is_directory() || (inode.mode & 0111) != 0;
        if ((access & X_OK) == 0 || executable) return {};
        return Status::from_errno(EACCES);
    }
    unsigned shift = 0;
    if (who.uid == inode.uid) {
        shift = 6;
    } else if (who.in_group(inode.gid)) {
        shift = 3;
    }
    if (((inode.mode >> shift) & access) == access) return {};
    return Status::from_errno(EACCES);
}

bool removal_needs_owner(const Credentials& who, const InodeRecord& directory) {
    return (directory.mode & S_ISVTX) != 0 && !who.is_root() && who.uid != directory.uid;
}

Status check_removal(const Credentials& who, const InodeRecord& directory, std::uint32_t uid) {
    ORFA_TRY(check_access(who, directory, W_OK | X_OK));
    if (removal_needs_owner(who, directory) && who.uid != uid) return Status::from_errno(EPERM);
    return {};
}

namespace {

Status check_owner_change(const Credentials& who, const InodeRecord& inode,
                          const SetattrRequest& change) {
    if (who.is_root()) return {};
    if (who.uid != inode.uid) return Status::from_errno(EPERM);
    if ((change.mask & kSetUid) != 0 && change.uid != inode.uid) return Status::from_errno(EPERM);
    if ((change.mask & kSetGid) != 0 && change.gid != inode.gid && !who.in_group(change.gid))
        return Status::from_errno(EPERM);
    return {};
}

Status check_time_change(const Credentials& who, const InodeRecord& inode,
                         const SetattrRequest& change) {
    if (who.is_root() || who.uid == inode.uid) return {};
    if ((change.mask & (kSetAtime | kSetMtime)) != 0) return Status::from_errno(EPERM);
    return check_access(who, inode, W_OK);
}

}  // namespace

Status check_setattr(const Credentials& who, const InodeRecord& inode, SetattrRequest& change) {
    if ((change.mask & kSetMode) != 0 && !who.is_root() && who.uid != inode.uid)
        return Status::from_errno(EPERM);
    if ((change.mask & (kSetUid | kSetGid)) != 0) ORFA_TRY(check_owner_change(who, inode, change));
    if ((change.mask & (kSetAtime | kSetMtime | kSetAtimeNow | kSetMtimeNow)) != 0)
        ORFA_TRY(check_time_change(who, inode, change));

    if ((change.mask & kSetMode) != 0 && !who.is_root() && !inode.is_directory() &&
        !who.in_group(inode.gid))
        change.mode &= ~static_cast<std::uint32_t>(S_ISGID);
    if ((change.mask & (kSetUid | kSetGid)) != 0 && inode.is_file() &&
        (inode.mode & (S_ISUID | S_ISGID)) != 0) {
        const std::uint32_t mode = (change.mask & kSetMode) != 0 ? change.mode : inode.mode;
        change.mode = mode & 07777 & ~static_cast<std::uint32_t>(S_ISUID | S_ISGID);
        change.mask |= kSetMode;
    }
    return {};
}

}  // namespace orfa::server
