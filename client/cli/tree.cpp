// SPDX-License-Identifier: MIT
#include "client/cli/tree.hpp"

#include "client/cli/describe.hpp"
#include "client/cli/output.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

namespace orfa::cli {
namespace {

Status local_status(long returned) {
    return returned < 0 ? Status::from_errno(errno) : Status();
}

}  // namespace

std::string LocalTree::shown(const std::string& path) const {
    return printable(path);
}

std::string LocalTree::why(const std::string& path, Status status) const {
    return printable(path) + ": " + reason(status.err());
}

Result<struct stat> LocalTree::info(const std::string& path, bool follow) {
    struct stat found {};
    ORFA_TRY(
        local_status(fstatat(AT_FDCWD, path.c_str(), &found, follow ? 0 : AT_SYMLINK_NOFOLLOW)));
    return found;
}

Result<std::vector<std::string>> LocalTree::list(const std::string& path) {
    struct CloseDir {
        void operator()(DIR* dir) const { closedir(dir); }
    };
    const std::unique_ptr<DIR, CloseDir> dir(opendir(path.c_str()));
    if (!dir) return Status::from_errno(errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(dir.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
        errno = 0;
    }
    if (errno != 0) return Status::from_errno(errno);
    std::sort(names.begin(), names.end());
    return names;
}

Status LocalTree::make_folder(const std::string& path, mode_t mode) {
    return local_status(mkdir(path.c_str(), mode));
}

Result<std::string> LocalTree::read_link(const std::string& path) {
    std::string target(PATH_MAX, '\0');
    const ssize_t length = readlink(path.c_str(), target.data(), target.size());
    ORFA_TRY(local_status(length));
    target.resize(static_cast<std::size_t>(length));
    return target;
}

Status LocalTree::make_link(const std::string& target, const std::string& path) {
    return local_status(symlink(target.c_str(), path.c_str()));
}

Status LocalTree::set_mode(const std::string& path, mode_t mode) {
    return local_status(chmod(path.c_str(), mode));
}

Status LocalTree::set_times(const std::string& path, const struct stat& like) {
    const timespec times[2] = {like.st_atim, like.st_mtim};
    return local_status(utimensat(AT_FDCWD, path.c_str(), times, 0));
}

std::string RemoteTree::shown(const std::string& path) const {
    return cli::shown(path);
}

std::string RemoteTree::why(const std::string&, Status) const {
    return printable(orfa_error());
}

Result<struct stat> RemoteTree::info(const std::string& path, bool follow) {
    struct stat found {};
    ORFA_TRY(remote_status(follow ? orfa_stat(session_, path.c_str(), &found)
                                  : orfa_lstat(session_, path.c_str(), &found)));
    return found;
}

Result<std::vector<std::string>> RemoteTree::list(const std::string& path) {
    auto entries = read_folder(session_, path);
    if (!entries.ok()) return entries.status();
    std::vector<std::string> names;
    for (auto& entry : *entries)
        names.push_back(std::move(entry.name));
    return names;
}

Status RemoteTree::make_folder(const std::string& path, mode_t mode) {
    return remote_status(orfa_mkdir(session_, path.c_str(), mode));
}

Result<std::string> RemoteTree::read_link(const std::string& path) {
    std::string target = link_target(session_, path);
    if (target.empty()) return remote_status(-1);
    return target;
}

Status RemoteTree::make_link(const std::string& target, const std::string& path) {
    return remote_status(orfa_symlink(session_, target.c_str(), path.c_str()));
}

Status RemoteTree::set_mode(const std::string& path, mode_t mode) {
    return remote_status(orfa_chmod(session_, path.c_str(), mode));
}

Status RemoteTree::set_times(const std::string& path, const struct stat& like) {
    const timespec times[2] = {like.st_atim, like.st_mtim};
    return remote_status(orfa_utimens(session_, path.c_str(), times));
}

}  // namespace orfa::cli
