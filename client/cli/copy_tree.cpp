// SPDX-License-Identifier: MIT
#include "client/cli/copy_tree.hpp"

#include "client/cli/output.hpp"
#include "common/unique_fd.hpp"

#include <fcntl.h>

#include <cerrno>

namespace orfa::cli {
namespace {

constexpr mode_t kAllBits = 07777;
constexpr mode_t kRwx = 0777;

orfa_session* session_of(const Place& place) {
    return static_cast<RemoteTree*>(place.tree)->session();
}

std::string shown(const Place& place) {
    return place.tree->shown(place.path);
}

}  // namespace

bool TreeCopy::complain(const Place& place, Status status) {
    const std::string why = place.tree->why(place.path, status);
    progress_.clear();
    note("{}", why);
    return false;
}

bool TreeCopy::report(const CopyResult& result, const Place& from, const Place& to) {
    if (result.status.ok()) return true;
    progress_.clear();
    if (result.remote) {
        note("{}", printable(result.why));
    } else {
        const Place& local = from.tree->remote() ? to : from;
        note("{}: {}", shown(local), reason(result.status.err()));
    }
    return false;
}

File TreeCopy::open_remote(const Place& place, int flags, mode_t mode) {
    File file(orfa_open(session_of(place), place.path.c_str(), flags, mode, &options_.layout));
    if (!file) complain(place, remote_status(-1));
    return file;
}

bool TreeCopy::copy(const Place& from, const Place& to) {
    return copy_entry(from, to, true);
}

bool TreeCopy::copy_entry(const Place& from, const Place& to, bool top) {
    // Links inside a directory are copied as links; one that is named itself is followed, unless
    // all of a tree is copied.
    auto info = from.tree->info(from.path, top && !options_.recursive);
    if (!info.ok()) return complain(from, info.status());
    const mode_t mode = info->st_mode;
    if (S_ISLNK(mode)) return copy_link(from, to);
    if (!check_not_itself(from, to, *info)) return false;
    if (S_ISDIR(mode)) {
        if (options_.recursive) return copy_folder(from, to, *info);
        note("{} is a directory; copy it with -r", shown(from));
        return false;
    }
    const bool stream = S_ISFIFO(mode) || S_ISCHR(mode);  // such as <(command) of a shell
    if (S_ISREG(mode) || (top && !options_.recursive && stream)) return copy_file(from, to, *info);
    progress_.clear();
    note("{} is no file, directory or link; left out", shown(from));
    return false;
}

bool TreeCopy::check_not_itself(const Place& from, const Place& to, const struct stat& info) {
    if (from.tree->remote() != to.tree->remote()) return true;
    const bool inside = S_ISDIR(info.st_mode) && to.path.rfind(join(from.path, ""), 0) == 0;
    auto there = to.tree->info(to.path, true);
    const bool same = there.ok() && there->st_ino == info.st_ino && there->st_dev == info.st_dev;
    if (!same && !inside) return true;
    progress_.clear();
    note("{} can't be copied {}: {}", shown(from), same ? "onto itself" : "into itself", shown(to));
    return false;
}

bool TreeCopy::copy_file(const Place& from, const Place& to, const struct stat& info) {
    constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
    const mode_t mode = info.st_mode & kRwx & ~options_.umask;
    progress_.begin(shown(from), static_cast<std::uint64_t>(info.st_size));
    CopyResult result;
    if (!from.tree->remote()) {
        const UniqueFd input(open(from.path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!input) return complain(from, Status::from_errno(errno));
        const File output = open_remote(to, kWrite, mode);
        if (!output) return false;
        result = copier_.send(input.get(), output.get());
    } else {
        const File input = open_remote(from, O_RDONLY, 0);
        if (!input) return false;
        if (to.tree->remote()) {
            const File output = open_remote(to, kWrite, mode);
            if (!output) return false;
            result = copier_.copy(input.get(), output.get());
        } else {
            UniqueFd output(open(to.path.c_str(), kWrite | O_CLOEXEC, mode));
            if (!output) return complain(to, Status::from_errno(errno));
            result = copier_.fetch(input.get(), output.get());
            // What a network file system could not write is often told only here.
            if (result.status.ok() && ::close(output.release()) != 0) {
                return complain(to, Status::from_errno(errno));
            }
        }
    }
    if (!report(result, from, to)) return false;
    if (!options_.preserve) return true;
    Status status = to.tree->set_mode(to.path, info.st_mode & kAllBits);
    if (status.ok()) status = to.tree->set_times(to.path, info);
    return status.ok() || complain(to, status);
}

bool TreeCopy::copy_link(const Place& from, const Place& to) {
    auto target = from.tree->read_link(from.path);
    if (!target.ok()) return complain(from, target.status());
    const Status status = to.tree->make_link(*target, to.path);
    return status.ok() || complain(to, status);
}

bool TreeCopy::copy_folder(const Place& from, const Place& to, const struct stat& info) {
    auto names = from.tree->list(from.path);
    if (!names.ok()) return complain(from, names.status());
    // Its maker must be able to fill it; the real mode comes last.
    const mode_t wanted =
        options_.preserve ? info.st_mode & kAllBits : info.st_mode & kRwx & ~options_.umask;
    const Status made = to.tree->make_folder(to.path, (wanted & kRwx) | S_IRWXU);
    if (made.err() == EEXIST) {
        auto there = to.tree->info(to.path, true);
        if (!there.ok()) return complain(to, there.status());
        if (!S_ISDIR(there->st_mode)) {
            note("{} is there and is not a directory", shown(to));
            return false;
        }
    } else if (!made.ok()) {
        return complain(to, made);
    }
    bool all = true;
    for (const auto& name : *names) {
        all =
            copy_entry({from.tree, join(from.path, name)}, {to.tree, join(to.path, name)}, false) &&
            all;
    }
    if (made.ok() && wanted != ((wanted & kRwx) | S_IRWXU)) {
        if (Status status = to.tree->set_mode(to.path, wanted); !status.ok()) complain(to, status);
    }
    if (options_.preserve) {
        if (Status status = to.tree->set_times(to.path, info); !status.ok()) {
            return complain(to, status);
        }
    }
    return all;
}

bool TreeCopy::copy_from_input(const Place& to) {
    constexpr mode_t kMode = 0666;
    const File output = open_remote(to, O_WRONLY | O_CREAT | O_TRUNC, kMode & ~options_.umask);
    if (!output) return false;
    LocalTree local;
    progress_.begin("standard input", 0);
    return report(copier_.send(STDIN_FILENO, output.get()), {&local, "standard input"}, to);
}

bool TreeCopy::copy_to_output(const Place& from) {
    const File input = open_remote(from, O_RDONLY, 0);
    if (!input) return false;
    LocalTree local;
    const std::int64_t size = orfa_size(input.get());
    progress_.begin(shown(from), static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0)));
    CopyResult result = copier_.fetch(input.get(), STDOUT_FILENO);
    // A reader that had enough (head) needs no words.
    if (!result.remote && result.status.err() == EPIPE) return false;
    return report(result, from, {&local, "standard output"});
}

}  // namespace orfa::cli
