// SPDX-License-Identifier: MIT
#include "server/namespace/walk.hpp"

#include "server/namespace/permissions.hpp"

#include <cerrno>

namespace orfa::server {

using protocol::PathState;

namespace {

// Cuts a path into names.
class Components {
  public:
    explicit Components(std::string_view path) : path_(path) { skip_slashes(); }
    [[nodiscard]] bool at_end() const { return at_ == path_.size(); }
    std::string_view next() {
        const std::size_t begin = at_;
        at_ = std::min(path_.find('/', begin), path_.size());
        const std::string_view name = path_.substr(begin, at_ - begin);
        name_end_ = at_;
        skip_slashes();
        return name;
    }
    // Bytes up to the end of the last name, without the slashes behind it.
    [[nodiscard]] std::uint32_t consumed() const { return static_cast<std::uint32_t>(name_end_); }
    [[nodiscard]] bool slash_follows() const { return at_ > name_end_; }

  private:
    void skip_slashes() {
        while (at_ < path_.size() && path_[at_] == '/')
            ++at_;
    }
    std::string_view path_;
    std::size_t at_ = 0;
    std::size_t name_end_ = 0;
};

class Walker {
  public:
    Walker(Namespace& names, const Credentials& who, std::string_view path)
        : names_(names), who_(who), components_(path) {}

    Result<Place> run(std::uint64_t start, std::uint32_t flags, bool to_parent) {
        if (!names_.is_home(start)) return Status::from_errno(ESTALE);
        ORFA_TRY(load(start));
        const bool follow = (flags & protocol::kFollowLast) != 0;
        // The start is a link when another server's directory holds its name.
        if (place_.inode.is_symlink() &&
            (follow || components_.slash_follows() || !components_.at_end()))
            return report_link(start);
        while (!components_.at_end()) {
            const std::string_view name = components_.next();
            if (to_parent && components_.at_end()) {
                if (!place_.inode.is_directory()) return Status::from_errno(ENOTDIR);
                place_.last = name;
                break;
            }
            ORFA_TRY(step(name, follow || components_.slash_follows()));
            if (place_.state != PathState::kDone) return std::move(place_);
        }
        place_.consumed = components_.consumed();
        place_.must_be_directory = components_.slash_follows();
        if (!to_parent && place_.must_be_directory && !place_.inode.is_directory())
            return Status::from_errno(ENOTDIR);
        return std::move(place_);
    }

  private:
    // Goes from the directory in place_ to what `name` means there.
    Status step(std::string_view name, bool follow) {
        if (!place_.inode.is_directory()) return Status::from_errno(ENOTDIR);
        ORFA_TRY(check_access(who_, place_.inode, X_OK));
        if (name == ".") return {};
        if (name == "..") return go_to(place_.inode.parent);
        if (name.size() > protocol::kMaxName) return Status::from_errno(ENAMETOOLONG);
        auto entry = names_.entry(place_.ino, name);
        if (!entry.ok()) return entry.status();
        if (S_ISLNK(entry->type) && follow && names_.is_home(entry->ino))
            return report_link(entry->ino).status();
        return go_to(entry->ino);
    }

    Status go_to(std::uint64_t ino) {
        if (names_.is_home(ino)) return load(ino);
        place_.state = PathState::kElsewhere;
        place_.ino = ino;
        place_.consumed = components_.consumed();
        return {};
    }

    Status load(std::uint64_t ino) {
        const auto inode = names_.inode(ino);
        if (!inode.ok()) return inode.status();
        place_.ino = ino;
        place_.inode = *inode;
        return {};
    }

    Result<Place> report_link(std::uint64_t ino) {
        auto target = names_.link_target(ino);
        if (!target.ok()) return target.status();
        place_.state = PathState::kSymlink;
        place_.ino = ino;
        place_.consumed = components_.consumed();
        place_.target = std::move(*target);
        return place_;
    }

    Namespace& names_;
    const Credentials& who_;
    Components components_;
    Place place_;
};

}  // namespace

Result<Place> walk(Namespace& names, const Credentials& who, std::uint64_t start,
                   std::string_view path, std::uint32_t flags) {
    return Walker(names, who, path).run(start, flags, false);
}

Result<Place> walk_to_parent(Namespace& names, const Credentials& who, std::uint64_t start,
                             std::string_view path) {
    return Walker(names, who, path).run(start, 0, true);
}

}  // namespace orfa::server
