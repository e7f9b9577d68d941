// SPDX-License-Identifier: MIT
// A path on its way over the servers: how much of it has been followed, and what symbolic links
// make of it. Pure text; names.hpp asks the servers.
#pragma once

#include "common/status.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace orfa::client {

class PathCursor {
  public:
    // From the root. ENOENT: empty; ENAMETOOLONG.
    static Result<PathCursor> parse(std::string_view path);

    // The inode to ask, and the rest of the path below it.
    [[nodiscard]] std::uint64_t start() const { return start_; }
    [[nodiscard]] std::string_view rest() const { return std::string_view(text_).substr(at_); }

    // The server has followed `consumed` bytes of rest() and says to go on at inode `ino`.
    // EPROTO: more than there was.
    Status go_on(std::uint64_t ino, std::size_t consumed);
    // The last of `consumed` bytes of rest() belong to a symbolic link: starts anew at the root
    // with `target` in its place. ELOOP: too many; ENAMETOOLONG; EPROTO.
    Status follow(std::size_t consumed, std::string_view target);

  private:
    PathCursor(std::string text, std::uint64_t start) : text_(std::move(text)), start_(start) {}
    std::string text_;
    std::size_t at_ = 0;
    std::uint64_t start_;
    unsigned links_ = 0;
};

// A path cut before its last name.
struct SplitPath {
    std::string_view parent;  // may be empty or "/": the root
    std::string_view name;    // "" when the path names the root
    bool must_be_directory;   // a '/' follows the name
};
SplitPath split(std::string_view path);

}  // namespace orfa::client
