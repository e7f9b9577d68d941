// SPDX-License-Identifier: MIT
// A file's attributes as words and as JSON.
#pragma once

#include "client/orfa.h"

#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <string>

namespace orfa::cli {

// "file", "directory", "link" or "other".
const char* type_name(mode_t mode);
// "-rw-r--r--", as ls -l prints it.
std::string mode_text(mode_t mode);
// "0644".
std::string octal_mode(mode_t mode);
// "2026-01-31 23:59:59", local time.
std::string time_text(const timespec& time, bool with_seconds);
// The name, or the number where it has none on this host.
std::string user_name(uid_t uid);
std::string group_name(gid_t gid);

// type, size, mode, nlink, uid, gid, inode and times (seconds since 1970, and nanoseconds).
nlohmann::ordered_json attributes_json(const struct stat& info);
nlohmann::ordered_json layout_json(const orfa_layout& layout);

// The target of a symbolic link; empty with errno when it can't be read.
std::string link_target(orfa_session* session, const std::string& path);

}  // namespace orfa::cli
