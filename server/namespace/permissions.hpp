// SPDX-License-Identifier: MIT
// POSIX permission rules: pure functions of an inode and the credentials of the caller.
#pragma once

#include "common/status.hpp"
#include "server/namespace/records.hpp"
#include "server/session.hpp"

#include <unistd.h>

namespace orfa::server {

// `access`: R_OK, W_OK, X_OK. EACCES.
Status check_access(const Credentials& who, const InodeRecord& inode, std::uint32_t access);

// Whether `who` may remove or rename the name of an inode of owner `uid` in `directory` (W_OK and
// X_OK, and the sticky bit's rule). EACCES, EPERM.
Status check_removal(const Credentials& who, const InodeRecord& directory, std::uint32_t uid);

// Whether check_removal() depends on the inode's owner.
bool removal_needs_owner(const Credentials& who, const InodeRecord& directory);

// Whether `who` may make this change; corrects `change` where POSIX has bits cleared (S_ISGID of a
// foreign group, set-id bits on chown). EPERM, EACCES.
Status check_setattr(const Credentials& who, const InodeRecord& inode,
                     protocol::SetattrRequest& change);

}  // namespace orfa::server
