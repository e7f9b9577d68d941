// SPDX-License-Identifier: MIT
// Following a path as far as this server owns its directories.
#pragma once

#include "server/namespace/namespace.hpp"

#include <string>
#include <string_view>

namespace orfa::server {

// Where a walk ended.
struct Place {
    protocol::PathState state = protocol::PathState::kDone;
    std::uint32_t consumed = 0;  // bytes of the path
    std::uint64_t ino = 0;       // kDone: `inode`'s; kElsewhere: where to go on
    InodeRecord inode{};         // kDone only
    std::string target;          // kSymlink only

    // Of walk_to_parent(), kDone: the last name, below the directory `ino`. Empty: the path names
    // `start`. May be "." or "..".
    std::string_view last;
    bool must_be_directory = false;  // a '/' follows the last name
};

// To the end of the path. `flags`: protocol::PathFlags. ENOENT, ENOTDIR, EACCES, ENAMETOOLONG, EIO.
Result<Place> walk(Namespace& names, const Credentials& who, std::uint64_t start,
                   std::string_view path, std::uint32_t flags);

// To the directory of the last name, which need not be there. Errors as walk().
Result<Place> walk_to_parent(Namespace& names, const Credentials& who, std::uint64_t start,
                             std::string_view path);

}  // namespace orfa::server
