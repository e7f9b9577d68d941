// SPDX-License-Identifier: MIT
#include "server/namespace/xattrs.hpp"

#include "protocol/layout.hpp"

#include <sys/xattr.h>

#include <cerrno>
#include <charconv>
#include <limits>

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's structs, throughout

namespace {

// A number with an optional unit; false when it is none or too large.
bool parse_number(std::string_view text, std::uint64_t& out) {
    const char* end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, out);
    if (failed != std::errc() || stop == text.data()) return false;
    std::string_view unit(stop, static_cast<std::size_t>(end - stop));
    unsigned shift = 0;
    if (unit == "K" || unit == "k")
        shift = 10;
    else if (unit == "M" || unit == "m")
        shift = 20;
    else if (unit == "G" || unit == "g")
        shift = 30;
    else if (!unit.empty())
        return false;
    if (out > std::numeric_limits<std::uint64_t>::max() >> shift) return false;
    out <<= shift;
    return true;
}

bool apply_field(std::string_view name, std::string_view value, std::uint32_t servers,
                 Layout& layout) {
    std::uint64_t number = 0;
    if (name == "stripe_count" && value == "all") {
        layout.stripe_count = servers;
        return true;
    }
    if (!parse_number(value, number)) return false;
    if (name == "stripe_size") {
        layout.stripe_size = number;
        return true;
    }
    if (number >= kAnyServer) return false;
    const auto small = static_cast<std::uint32_t>(number);
    if (name == "stripe_count")
        layout.stripe_count = small;
    else if (name == "first_server")
        layout.first_server = small;
    else
        return false;
    return true;
}

Status check_name(std::string_view name) {
    if (name.size() > kMaxName) return Status::from_errno(ERANGE);
    if (name == kLayoutXattr) return {};
    if (name.size() > 5 && name.substr(0, 5) == "user.") return {};
    return Status::from_errno(EOPNOTSUPP);
}

// Of a directory: what its new files get. A file's own layout never changes.
Status set_layout(Namespace& names, std::uint64_t ino, InodeRecord inode, std::string_view text,
                  bool remove) {
    if (!inode.is_directory()) return Status::from_errno(EPERM);
    const ServerIdentity& cluster = names.identity();
    Layout layout{};
    if (!remove) {
        auto wish = parse_layout(text, cluster);
        if (!wish.ok()) return wish.status();
        layout = *wish;
        if (layout.stripe_size == 0) layout.stripe_size = cluster.default_layout.stripe_size;
        if (layout.stripe_count == 0) layout.stripe_count = cluster.default_layout.stripe_count;
        Layout checked = layout;
        if (checked.first_server == kAnyServer) checked.first_server = 0;
        checked.stripe_count = std::min(checked.stripe_count, cluster.count);
        if (!is_valid(checked, cluster.count)) return Status::from_errno(EINVAL);
    }
    inode.layout = layout;
    inode.ctime_ns = names.now();
    Changes& changes = names.changes();
    changes.put_inode(ino, inode);
    return names.commit(changes);
}

}  // namespace

Result<Layout> parse_layout(std::string_view text, const ServerIdentity& cluster) {
    Layout layout{0, 0, kAnyServer};
    while (!text.empty()) {
        const std::string_view field = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), field.size() + 1));
        const std::size_t equals = field.find('=');
        if (equals == std::string_view::npos ||
            !apply_field(field.substr(0, equals), field.substr(equals + 1), cluster.count, layout))
            return Status::from_errno(EINVAL);
    }
    return layout;
}

std::string format_layout(const Layout& layout) {
    std::string text = "stripe_size=" + std::to_string(layout.stripe_size) +
                       ",stripe_count=" + std::to_string(layout.stripe_count);
    if (layout.first_server != kAnyServer)
        text += ",first_server=" + std::to_string(layout.first_server);
    return text;
}

Result<std::string> get_xattr(Namespace& names, std::uint64_t ino, const InodeRecord& inode,
                              std::string_view name) {
    ORFA_TRY(check_name(name));
    if (name == kLayoutXattr) {
        if (inode.layout.stripe_size == 0) return Status::from_errno(ENODATA);
        return format_layout(inode.layout);
    }
    std::string value;
    const Status read = names.kv().get(xattr_key(ino, name), value);
    if (read.ok()) return value;
    return read.err() == ENOENT ? Status::from_errno(ENODATA) : read;
}

Result<std::string> list_xattrs(Namespace& names, std::uint64_t ino) {
    std::string list;
    ORFA_TRY(names.kv().scan(Key('X').number(ino), Key('X').number(ino + 1),
                             [&list](std::string_view key, std::string_view) {
                                 list.append(key.substr(kXattrKeyPrefix)).push_back('\0');
                                 return true;
                             }));
    return list;
}

Status set_xattr(Namespace& names, std::uint64_t ino, std::string_view name, std::string_view value,
                 std::uint32_t flags) {
    ORFA_TRY(check_name(name));
    if (value.size() > kMaxXattr) return Status::from_errno(E2BIG);
    auto inode = names.inode(ino);
    if (!inode.ok()) return inode.status();
    const auto old = get_xattr(names, ino, *inode, name);
    if (!old.ok() && old.status().err() != ENODATA) return old.status();
    if ((flags & XATTR_CREATE) != 0 && old.ok()) return Status::from_errno(EEXIST);
    if ((flags & XATTR_REPLACE) != 0 && !old.ok()) return Status::from_errno(ENODATA);
    if (name == kLayoutXattr) return set_layout(names, ino, *inode, value, false);
    // As much as a list of names can be told.
    const auto list = list_xattrs(names, ino);
    if (!list.ok()) return list.status();
    if (!old.ok() && (*list).size() + name.size() + 1 > kMaxXattr)
        return Status::from_errno(ENOSPC);
    inode->flags |= kHasXattrs;
    inode->ctime_ns = names.now();
    Changes& changes = names.changes();
    changes.batch().put(xattr_key(ino, name), value);
    changes.put_inode(ino, *inode);
    return names.commit(changes);
}

Status remove_xattr(Namespace& names, std::uint64_t ino, std::string_view name) {
    ORFA_TRY(check_name(name));
    auto inode = names.inode(ino);
    if (!inode.ok()) return inode.status();
    const auto old = get_xattr(names, ino, *inode, name);
    if (!old.ok()) return old.status();
    if (name == kLayoutXattr) return set_layout(names, ino, *inode, {}, true);
    inode->ctime_ns = names.now();
    Changes& changes = names.changes();
    changes.batch().erase(xattr_key(ino, name));
    changes.put_inode(ino, *inode);
    return names.commit(changes);
}

}  // namespace orfa::server
