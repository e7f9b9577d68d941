// SPDX-License-Identifier: MIT
// The C API's calls about names: thin shims over Names.
#include "client/c_api_util.hpp"
#include "client/core/error_text.hpp"
#include "client/core/file.hpp"
#include "client/core/names.hpp"
#include "client/core/session.hpp"
#include "client/orfa.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

using orfa::Status;
using orfa::client::DirectoryEntry;
using orfa::client::fail;
using orfa::client::fail_with;
using orfa::client::guarded;
using orfa::client::Names;
using orfa::client::Session;
using orfa::client::to_c;
using orfa::client::unwrap;

// A stream over a directory: one page of entries and the place in it.
struct orfa_dir {
    Session& session;
    std::uint64_t ino;
    std::vector<DirectoryEntry> page{};
    std::size_t next = 0;
    bool begun = false;
};

namespace {

// Runs `body(names)`, which gives a Status, and turns the outcome into C's.
template <typename Body>
int with_names(orfa_session* session, Body body) noexcept {
    return guarded(-1, [&] { return to_c(body(unwrap(session).names())); });
}

Status stat_path(Names& names, const char* path, bool follow, struct stat* out) {
    const auto found = names.stat(path, follow);
    if (!found.ok()) return found.status();
    *out = orfa::client::to_stat(*found);
    return {};
}

// Copies what was asked for to the caller, as getxattr(2) does: size 0 only asks for the length.
ssize_t give(const std::string& value, void* out, std::size_t size) {
    if (size == 0) return static_cast<ssize_t>(value.size());
    if (value.size() > size)
        return fail_with(
            fail(Status::from_errno(ERANGE), "%zu bytes don't fit into %zu", value.size(), size));
    std::memcpy(out, value.data(), value.size());
    return static_cast<ssize_t>(value.size());
}

std::int64_t to_ns(const timespec& time) {
    if (time.tv_nsec == UTIME_NOW) return orfa::client::kTimeNow;
    if (time.tv_nsec == UTIME_OMIT) return orfa::client::kTimeOmit;
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void fill(orfa_layout* out, const orfa::protocol::Layout& layout) {
    out->stripe_size = layout.stripe_size;
    out->stripe_count = static_cast<std::int32_t>(layout.stripe_count);
    out->first_server = static_cast<std::int32_t>(layout.first_server);
}

}  // namespace

extern "C" {

int orfa_stat(orfa_session* session, const char* path, struct stat* out) {
    return with_names(session, [&](Names& names) { return stat_path(names, path, true, out); });
}

int orfa_lstat(orfa_session* session, const char* path, struct stat* out) {
    return with_names(session, [&](Names& names) { return stat_path(names, path, false, out); });
}

int orfa_may_access(orfa_session* session, const char* path, int mode) {
    return with_names(session, [&](Names& names) {
        return names.access(path, static_cast<std::uint32_t>(mode));
    });
}

int orfa_mkdir(orfa_session* session, const char* path, mode_t mode) {
    return with_names(session, [&](Names& names) { return names.mkdir(path, mode); });
}

int orfa_rmdir(orfa_session* session, const char* path) {
    return with_names(session, [&](Names& names) { return names.rmdir(path); });
}

int orfa_unlink(orfa_session* session, const char* path) {
    return with_names(session, [&](Names& names) { return names.unlink(path); });
}

int orfa_rename(orfa_session* session, const char* from, const char* to) {
    return with_names(session, [&](Names& names) { return names.rename(from, to); });
}

int orfa_symlink(orfa_session* session, const char* target, const char* path) {
    return with_names(session, [&](Names& names) { return names.symlink(target, path); });
}

int orfa_link(orfa_session* session, const char* from, const char* to) {
    return with_names(session, [&](Names& names) { return names.link(from, to); });
}

ssize_t orfa_readlink(orfa_session* session, const char* path, char* target, size_t size) {
    return guarded(ssize_t{-1}, [&]() -> ssize_t {
        const auto text = unwrap(session).names().readlink(path);
        if (!text.ok()) return fail_with(text.status());
        const std::size_t length = std::min(size, (*text).size());
        // NOLINTNEXTLINE(bugprone-not-null-terminated-result): not terminated, as by readlink(2)
        std::memcpy(target, (*text).data(), length);
        return static_cast<ssize_t>(length);
    });
}

int orfa_truncate(orfa_session* session, const char* path, uint64_t size) {
    return with_names(session, [&](Names&) -> Status {
        auto file = orfa::client::File::open(unwrap(session), path, O_WRONLY, 0, nullptr);
        if (!file.ok()) return file.status();
        const Status cut = (*file)->truncate(size);
        const Status closed = (*file)->close();
        return cut.ok() ? closed : cut;
    });
}

int orfa_chmod(orfa_session* session, const char* path, mode_t mode) {
    return with_names(session, [&](Names& names) { return names.chmod(path, mode); });
}

int orfa_chown(orfa_session* session, const char* path, uid_t uid, gid_t gid) {
    return with_names(session, [&](Names& names) { return names.chown(path, uid, gid); });
}

int orfa_utimens(orfa_session* session, const char* path, const struct timespec times[2]) {
    return with_names(session, [&](Names& names) {
        if (times == nullptr)
            return names.set_times(path, orfa::client::kTimeNow, orfa::client::kTimeNow);
        return names.set_times(path, to_ns(times[0]), to_ns(times[1]));
    });
}

int orfa_layout_of(orfa_session* session, const char* path, orfa_layout* out) {
    return with_names(session, [&](Names& names) -> Status {
        const auto found = names.layout_of(path);
        if (!found.ok()) return found.status();
        fill(out, *found);
        return {};
    });
}

ssize_t orfa_getxattr(orfa_session* session, const char* path, const char* name, void* value,
                      size_t size) {
    return guarded(ssize_t{-1}, [&]() -> ssize_t {
        const auto found = unwrap(session).names().get_xattr(path, name);
        return found.ok() ? give(*found, value, size) : fail_with(found.status());
    });
}

int orfa_setxattr(orfa_session* session, const char* path, const char* name, const void* value,
                  size_t size, int flags) {
    return with_names(session, [&](Names& names) {
        return names.set_xattr(path, name, {static_cast<const char*>(value), size},
                               static_cast<std::uint32_t>(flags));
    });
}

ssize_t orfa_listxattr(orfa_session* session, const char* path, char* list, size_t size) {
    return guarded(ssize_t{-1}, [&]() -> ssize_t {
        const auto found = unwrap(session).names().list_xattrs(path);
        return found.ok() ? give(*found, list, size) : fail_with(found.status());
    });
}

int orfa_removexattr(orfa_session* session, const char* path, const char* name) {
    return with_names(session, [&](Names& names) { return names.remove_xattr(path, name); });
}

int orfa_statvfs(orfa_session* session, orfa_statfs* out) {
    return with_names(session, [&](Names& names) -> Status {
        const auto usage = names.usage();
        if (!usage.ok()) return usage.status();
        out->total_bytes = (*usage).total_bytes;
        out->free_bytes = (*usage).free_bytes;
        out->files = (*usage).files;
        out->servers = names.mesh().server_count();
        out->name_max = static_cast<std::uint32_t>(orfa::protocol::kMaxName);
        return {};
    });
}

orfa_dir* orfa_opendir(orfa_session* session, const char* path) {
    return guarded(static_cast<orfa_dir*>(nullptr), [&]() -> orfa_dir* {
        const auto ino = unwrap(session).names().open_directory(path);
        if (ino.ok()) return new orfa_dir{unwrap(session), *ino};
        errno = ino.status().err();
        return nullptr;
    });
}

int orfa_readdir(orfa_dir* dir, orfa_dirent* out) {
    return guarded(-1, [&] {
        if (dir->next == dir->page.size()) {
            if (dir->begun && dir->page.empty()) return 0;
            DirectoryEntry last;
            if (dir->begun) last = std::move(dir->page.back());
            const Status read = dir->session.names().read_directory(
                dir->ino, dir->begun ? &last : nullptr, dir->page);
            if (!read.ok()) return fail_with(read);
            dir->begun = true;
            dir->next = 0;
            if (dir->page.empty()) return 0;
        }
        const DirectoryEntry& entry = dir->page[dir->next++];
        *out = {entry.ino, entry.type, entry.name.c_str()};
        return 1;
    });
}

int orfa_closedir(orfa_dir* dir) {
    delete dir;
    return 0;
}

}  // extern "C"
