// SPDX-License-Identifier: MIT
// The handlers of requests about names, one per op, and what they share. name_messages.hpp says
// what each request is.
#pragma once

#include "server/core.hpp"
#include "server/namespace/namespace.hpp"
#include "server/namespace/walk.hpp"
#include "server/request.hpp"
#include "server/service.hpp"
#include "server/task.hpp"

#include <cerrno>
#include <string_view>

namespace orfa::server {

// attribute_handlers.cpp
Task<Status> handle_walk(Core& core, Request& request);
Task<Status> handle_getattr(Core& core, Request& request);
Task<Status> handle_setattr(Core& core, Request& request);
Task<Status> handle_statfs(Core& core, Request& request);
// open_handlers.cpp
Task<Status> handle_open(Core& core, Request& request);
Task<Status> handle_close(Core& core, Request& request);
Task<Status> handle_mark_spread(Core& core, Request& request);
Task<Status> handle_append(Core& core, Request& request);
// directory_handlers.cpp
Task<Status> handle_mkdir(Core& core, Request& request);
Task<Status> handle_rmdir(Core& core, Request& request);
Task<Status> handle_readdir(Core& core, Request& request);
// link_handlers.cpp
Task<Status> handle_unlink(Core& core, Request& request);
Task<Status> handle_symlink(Core& core, Request& request);
Task<Status> handle_readlink(Core& core, Request& request);
Task<Status> handle_link(Core& core, Request& request);
// rename_handler.cpp
Task<Status> handle_rename(Core& core, Request& request);
// xattr_handlers.cpp
Task<Status> handle_getxattr(Core& core, Request& request);
Task<Status> handle_setxattr(Core& core, Request& request);
Task<Status> handle_listxattr(Core& core, Request& request);
Task<Status> handle_removexattr(Core& core, Request& request);

inline Status error(int err) {
    return Status::from_errno(err);
}

// A message that is not what its op demands: ends the connection.
inline Status malformed() {
    return Status::from_errno(EPROTO);
}

// Reads a request that is nothing but T. False: malformed.
template <protocol::Wire T>
bool parse(const Request& request, T& body) {
    auto reader = request.reader();
    return reader.get(body) && reader.finished();
}

// Reads a request that is a T and a path or name. False: malformed.
template <protocol::Wire T>
bool parse(const Request& request, T& body, std::string_view& text) {
    auto reader = request.reader();
    return reader.get(body) && reader.get_string(text, protocol::kMaxPath) && reader.finished();
}

// What a handler returns when all of its reply was put.
inline Status end_of_reply(const Request& request) {
    return request.reply.overflowed() ? Status::from_errno(EMSGSIZE) : Status();
}

// Answers that the path leads on elsewhere, or through a link. Place.state is not kDone.
inline Status reply_redirect(Request& request, const Place& place) {
    request.reply.put(protocol::PathReply{place.state, place.consumed, place.ino});
    if (place.state == protocol::PathState::kSymlink) request.reply.put_string(place.target);
    return end_of_reply(request);
}

// The beginning of a path's answer that is kDone.
inline void reply_done(Request& request, const Place& place, std::uint64_t ino) {
    request.reply.put(protocol::PathReply{protocol::PathState::kDone, place.consumed, ino});
}

// Whether a new name may be put into a directory. ENOENT: it was removed meanwhile.
Status check_insert(const Credentials& who, const InodeRecord& directory, std::string_view name);

// A new inode of `type` (S_IF...) in `directory`, with POSIX's rules for owner, group and set-gid.
InodeRecord new_inode(const Credentials& who, const InodeRecord& directory, std::uint32_t type,
                      std::uint32_t mode, std::int64_t now);

// Whether "name" has a meaning of its own: "", "." or "..".
inline bool is_special(std::string_view name) {
    return name.empty() || name == "." || name == "..";
}

}  // namespace orfa::server
