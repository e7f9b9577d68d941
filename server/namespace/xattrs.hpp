// SPDX-License-Identifier: MIT
// Extended attributes of inodes that live here, and the one reserved name: "orfa.layout", the
// layout of a file, or of a directory's new files, as text:
// "stripe_size=1M,stripe_count=4,first_server=0".
#pragma once

#include "common/status.hpp"
#include "server/namespace/namespace.hpp"

#include <string>
#include <string_view>

namespace orfa::server {

inline constexpr std::string_view kLayoutXattr = "orfa.layout";

// What the text asks for; fields that are missing stay 0 (first_server: protocol::kAnyServer).
// Sizes may end in K, M or G (powers of 1024); stripe_count may be "all". EINVAL.
Result<protocol::Layout> parse_layout(std::string_view text, const ServerIdentity& cluster);
std::string format_layout(const protocol::Layout& layout);

// ENODATA: no such attribute. EOPNOTSUPP: a name that is neither "user...." nor kLayoutXattr.
Result<std::string> get_xattr(Namespace& names, std::uint64_t ino, const InodeRecord& inode,
                              std::string_view name);
// The names, each ended by a zero byte.
Result<std::string> list_xattrs(Namespace& names, std::uint64_t ino);
// `flags`: XATTR_CREATE (EEXIST), XATTR_REPLACE (ENODATA). Permissions are the caller's business.
Status set_xattr(Namespace& names, std::uint64_t ino, std::string_view name, std::string_view value,
                 std::uint32_t flags);
Status remove_xattr(Namespace& names, std::uint64_t ino, std::string_view name);

}  // namespace orfa::server
