// SPDX-License-Identifier: MIT
// What the C API's functions share: handles to objects, Status to errno, and the border that no
// exception crosses.
#pragma once

#include "client/core/session.hpp"
#include "client/orfa.h"
#include "common/status.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <exception>
#include <new>
#include <string>
#include <utility>

namespace orfa::client {

class File;

inline Session& unwrap(orfa_session* session) {
    return *reinterpret_cast<Session*>(session);
}
inline File& unwrap(orfa_file* file) {
    return *reinterpret_cast<File*>(file);
}
inline orfa_session* wrap(Session* session) {
    return reinterpret_cast<orfa_session*>(session);
}

// Sets errno. -1, as C calls say "failed".
inline int fail_with(Status status) {
    errno = status.err();
    return -1;
}

// What stat(2) would say.
inline struct stat to_stat(const protocol::Attributes& attributes) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const auto time = [](std::int64_t ns) { return timespec{ns / kSecond, ns % kSecond}; };
    struct stat out {};
    out.st_ino = attributes.ino;
    out.st_mode = attributes.mode;
    out.st_nlink = attributes.nlink;
    out.st_uid = attributes.uid;
    out.st_gid = attributes.gid;
    out.st_size = static_cast<off_t>(attributes.size);
    out.st_blocks = static_cast<blkcnt_t>(attributes.allocated / 512);
    out.st_blksize = attributes.layout.stripe_size != 0
                         ? static_cast<blksize_t>(attributes.layout.stripe_size)
                         : 4096;
    out.st_atim = time(attributes.atime_ns);
    out.st_mtim = time(attributes.mtime_ns);
    out.st_ctim = time(attributes.ctime_ns);
    return out;
}

// 0, or -1 with errno.
inline int to_c(Status status) {
    return status.ok() ? 0 : fail_with(status);
}

// The value, or -1 with errno.
template <typename Int, typename T>
Int to_c_value(const Result<T>& result) {
    if (result.ok()) return static_cast<Int>(*result);
    return static_cast<Int>(fail_with(result.status()));
}

// Runs `body`; an exception becomes errno and `failed`.
template <typename T, typename Body>
T guarded(T failed, Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        errno = ENOMEM;
    } catch (const std::exception&) {
        errno = EIO;
    }
    return failed;
}

}  // namespace orfa::client
