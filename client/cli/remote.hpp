// SPDX-License-Identifier: MIT
// Sessions, open files and paths of the file system, as the commands use them.
#pragma once

#include "client/orfa.h"
#include "common/status.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orfa::cli {

struct DisconnectSession {
    void operator()(orfa_session* session) const { orfa_disconnect(session); }
};
struct CloseFile {
    void operator()(orfa_file* file) const { orfa_close(file); }
};
using Session = std::unique_ptr<orfa_session, DisconnectSession>;
using File = std::unique_ptr<orfa_file, CloseFile>;

// Connects to the cluster ORFA_SERVERS lists, else to this user's running cluster "default".
// Null: it has said why.
Session connect_session();

// Prints orfa_error() of the call that failed last. Returns kExitFailed.
int fail_remote();

// "orfa:/a//b/" -> "/a/b", "orfa:a" -> "/a", "orfa:" -> "/". Nothing when it isn't an orfa: path.
std::optional<std::string> remote_path(std::string_view argument);
// The same for commands that take nothing else: says so and is empty.
std::optional<std::string> only_remote_path(const std::string& argument);
// All of them, or nothing after saying which is none.
std::optional<std::vector<std::string>> only_remote_paths(
    const std::vector<std::string>& arguments);

// "/a" + "b" -> "/a/b".
std::string join(const std::string& folder, const std::string& name);
// The last component; empty for "/".
std::string base_name(const std::string& path);
// "orfa:/a", without control characters: for people.
std::string shown(const std::string& path);

struct Entry {
    std::string name;
    std::uint32_t type = 0;  // S_IFREG, S_IFDIR, S_IFLNK
};
// A directory's entries sorted by name. The errno of a failure; orfa_error() tells more.
Result<std::vector<Entry>> read_folder(orfa_session* session, const std::string& path);

// Ok, or the errno that a call of orfa.h left behind.
Status remote_status(long returned);

}  // namespace orfa::cli
