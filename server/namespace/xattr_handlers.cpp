// SPDX-License-Identifier: MIT
// Requests about extended attributes; values larger than a message come and go in pieces.
#include "server/namespace/handlers.hpp"
#include "server/namespace/permissions.hpp"
#include "server/namespace/xattrs.hpp"

#include <algorithm>

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's structs, throughout

namespace {

Status check_change(const Credentials& who, const InodeRecord& inode, std::string_view name) {
    if (name == kLayoutXattr)
        return who.is_root() || who.uid == inode.uid ? Status() : error(EPERM);
    if (!inode.is_file() && !inode.is_directory()) return error(EPERM);
    return check_access(who, inode, W_OK);
}

// The part of `whole` that was asked for, as far as it fits.
Status reply_piece(Request& request, const GetxattrRequest& body, std::string_view whole) {
    request.reply.put(XattrPiece{static_cast<std::uint32_t>(whole.size()), 0});
    const std::size_t room = request.reply.room();
    const std::size_t most =
        std::min<std::size_t>(body.max_bytes, room > sizeof(std::uint32_t) ? room - 4 : 0);
    request.reply.put_string(
        whole.substr(std::min<std::size_t>(body.offset, whole.size())).substr(0, most));
    return end_of_reply(request);
}

}  // namespace

Task<Status> handle_getxattr(Core& core, Request& request) {
    GetxattrRequest body;
    std::string_view name;
    if (!parse(request, body, name)) co_return malformed();
    const auto inode = core.names->inode(body.ino);
    if (!inode.ok()) co_return inode.status();
    if (name != kLayoutXattr)
        if (const Status may = check_access(request.credentials(), *inode, R_OK); !may.ok())
            co_return may;
    const auto value = get_xattr(*core.names, body.ino, *inode, name);
    if (!value.ok()) co_return value.status();
    co_return reply_piece(request, body, *value);
}

Task<Status> handle_listxattr(Core& core, Request& request) {
    GetxattrRequest body;
    std::string_view name;
    if (!parse(request, body, name) || !name.empty()) co_return malformed();
    const auto inode = core.names->inode(body.ino);
    if (!inode.ok()) co_return inode.status();
    const auto list = list_xattrs(*core.names, body.ino);
    if (!list.ok()) co_return list.status();
    co_return reply_piece(request, body, *list);
}

Task<Status> handle_setxattr(Core& core, Request& request) {
    SetxattrRequest body;
    std::string_view name;
    std::string_view piece;
    auto reader = request.reader();
    if (!reader.get(body) || !reader.get_string(name, kMaxPath) || !reader.get_string(piece) ||
        !reader.finished())
        co_return malformed();
    if (body.total > kMaxXattr) co_return error(E2BIG);
    if (body.offset > body.total || piece.size() > body.total - body.offset) co_return malformed();
    Namespace& names = *core.names;
    const auto inode = names.inode(body.ino);
    if (!inode.ok()) co_return inode.status();
    if (const Status may = check_change(request.credentials(), *inode, name); !may.ok())
        co_return may;
    if (piece.size() == body.total) co_return set_xattr(names, body.ino, name, piece, body.flags);
    const auto whole = names.collect_pieces(*request.session, {body.ino, std::string(name)},
                                            body.offset, piece, body.total);
    if (!whole.ok()) co_return whole.status();
    if ((*whole).size() < body.total) co_return Status();
    co_return set_xattr(names, body.ino, name, *whole, body.flags);
}

Task<Status> handle_removexattr(Core& core, Request& request) {
    RemovexattrRequest body;
    std::string_view name;
    if (!parse(request, body, name)) co_return malformed();
    const auto inode = core.names->inode(body.ino);
    if (!inode.ok()) co_return inode.status();
    if (const Status may = check_change(request.credentials(), *inode, name); !may.ok())
        co_return may;
    co_return remove_xattr(*core.names, body.ino, name);
}

}  // namespace orfa::server
