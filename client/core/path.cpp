// SPDX-License-Identifier: MIT
#include "client/core/path.hpp"

#include "protocol/messages.hpp"
#include "protocol/name_messages.hpp"

#include <cerrno>

namespace orfa::client {

Result<PathCursor> PathCursor::parse(std::string_view path) {
    if (path.empty()) return Status::from_errno(ENOENT);
    if (path.size() > protocol::kMaxPath) return Status::from_errno(ENAMETOOLONG);
    return PathCursor(std::string(path), protocol::kRootIno);
}

Status PathCursor::go_on(std::uint64_t ino, std::size_t consumed) {
    if (consumed > text_.size() - at_) return Status::from_errno(EPROTO);
    at_ += consumed;
    start_ = ino;
    return {};
}

Status PathCursor::follow(std::size_t consumed, std::string_view target) {
    if (consumed > text_.size() - at_ || target.empty()) return Status::from_errno(EPROTO);
    if (++links_ > protocol::kMaxSymlinks) return Status::from_errno(ELOOP);
    const std::size_t link_end = at_ + consumed;
    // Where the link's own name begins: behind the last '/' before it.
    const std::size_t trimmed = text_.find_last_not_of('/', link_end == 0 ? 0 : link_end - 1);
    const std::size_t slash =
        trimmed == std::string::npos ? std::string::npos : text_.rfind('/', trimmed);
    std::string fresh;
    if (target.front() != '/' && slash != std::string::npos) fresh = text_.substr(0, slash + 1);
    fresh.append(target).append(text_, link_end);
    if (fresh.size() > protocol::kMaxPath) return Status::from_errno(ENAMETOOLONG);
    text_ = std::move(fresh);
    at_ = 0;
    start_ = protocol::kRootIno;
    return {};
}

SplitPath split(std::string_view path) {
    const std::size_t last = path.find_last_not_of('/');
    if (last == std::string_view::npos) return {{}, {}, true};
    const std::size_t slash = path.rfind('/', last);
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    return {path.substr(0, begin), path.substr(begin, last + 1 - begin), last + 1 < path.size()};
}

}  // namespace orfa::client
