// SPDX-License-Identifier: MIT
#include "client/cli/remote.hpp"

#include "client/cli/cluster_state.hpp"
#include "client/cli/output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace orfa::cli {
namespace {

constexpr std::string_view kScheme = "orfa:";

// The servers of the running cluster "default"; empty: there is none.
std::string default_servers() {
    auto folder = StateFolder::open();
    if (!folder.ok()) return {};
    auto state = folder->load("default");
    return state.ok() && state->alive_count() > 0 ? state->server_list() : std::string();
}

}  // namespace

Session connect_session() {
    const char* set = std::getenv("ORFA_SERVERS");
    std::string servers = set != nullptr ? set : "";
    if (servers.empty()) servers = default_servers();
    if (servers.empty()) {
        note(
            "no cluster: ORFA_SERVERS is not set and no cluster 'default' runs here; start one "
            "with\n"
            "  eval \"$(orfa cluster start --servers 4 --memory)\"");
        return nullptr;
    }
    Session session(orfa_connect(servers.c_str()));
    if (!session) fail_remote();
    return session;
}

int fail_remote() {
    return fail("{}", printable(orfa_error()));
}

std::optional<std::string> remote_path(std::string_view argument) {
    if (argument.substr(0, kScheme.size()) != kScheme) return std::nullopt;
    std::string_view rest = argument.substr(kScheme.size());
    std::string path;
    while (!rest.empty()) {
        const auto slash = std::min(rest.find('/'), rest.size());
        const std::string_view component = rest.substr(0, slash);
        if (!component.empty() && component != ".") path.append("/").append(component);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    return path.empty() ? "/" : path;
}

std::optional<std::string> only_remote_path(const std::string& argument) {
    auto path = remote_path(argument);
    if (!path) note("{}: paths of the file system are written orfa:/path", printable(argument));
    return path;
}

std::optional<std::vector<std::string>> only_remote_paths(
    const std::vector<std::string>& arguments) {
    std::vector<std::string> paths;
    for (const auto& argument : arguments) {
        auto path = only_remote_path(argument);
        if (!path) return std::nullopt;
        paths.push_back(std::move(*path));
    }
    return paths;
}

std::string join(const std::string& folder, const std::string& name) {
    return (folder == "/" ? "" : folder) + "/" + name;
}

std::string base_name(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string shown(const std::string& path) {
    return printable(std::string(kScheme) + path);
}

Result<std::vector<Entry>> read_folder(orfa_session* session, const std::string& path) {
    struct CloseDir {
        void operator()(orfa_dir* dir) const { orfa_closedir(dir); }
    };
    const std::unique_ptr<orfa_dir, CloseDir> dir(orfa_opendir(session, path.c_str()));
    if (!dir) return Status::from_errno(errno);
    std::vector<Entry> entries;
    orfa_dirent entry{};
    int more = 0;
    while ((more = orfa_readdir(dir.get(), &entry)) > 0) {
        entries.push_back({entry.name, entry.type});
    }
    if (more < 0) return Status::from_errno(errno);
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    return entries;
}

Status remote_status(long returned) {
    return returned < 0 ? Status::from_errno(errno != 0 ? errno : EIO) : Status();
}

}  // namespace orfa::cli
