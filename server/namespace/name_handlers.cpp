// SPDX-License-Identifier: MIT
#include "server/namespace/handlers.hpp"

namespace orfa::server {

void add_name_handlers(OpTable& table) {
    const auto add = [&table](protocol::Op op, Handler handler, const char* name) {
        entry_of(table, op) = {handler, false, name};
    };
    using protocol::Op;
    add(Op::kWalk, handle_walk, "walk");
    add(Op::kOpen, handle_open, "open");
    add(Op::kClose, handle_close, "close");
    add(Op::kGetattr, handle_getattr, "getattr");
    add(Op::kSetattr, handle_setattr, "setattr");
    add(Op::kMkdir, handle_mkdir, "mkdir");
    add(Op::kRmdir, handle_rmdir, "rmdir");
    add(Op::kUnlink, handle_unlink, "unlink");
    add(Op::kRename, handle_rename, "rename");
    add(Op::kSymlink, handle_symlink, "symlink");
    add(Op::kReadlink, handle_readlink, "readlink");
    add(Op::kLink, handle_link, "link");
    add(Op::kReaddir, handle_readdir, "readdir");
    add(Op::kGetxattr, handle_getxattr, "getxattr");
    add(Op::kSetxattr, handle_setxattr, "setxattr");
    add(Op::kListxattr, handle_listxattr, "listxattr");
    add(Op::kRemovexattr, handle_removexattr, "removexattr");
    add(Op::kStatfs, handle_statfs, "statfs");
    add(Op::kMarkSpread, handle_mark_spread, "mark_spread");
    add(Op::kAppend, handle_append, "append");
}

}  // namespace orfa::server
