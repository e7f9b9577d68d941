// SPDX-License-Identifier: MIT
#include "client/cli/cluster_state.hpp"

#include "client/cli/output.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace orfa::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kStateFile = "cluster.json";
constexpr int kLockWaitMs = 60'000;

// Makes `path` if needed and makes sure that nobody but this user can change what is in it.
Status make_private_folder(const fs::path& path) {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        const int error = errno;
        note("can't make {}: {}", path.native(), reason(error));
        return Status::from_errno(error);
    }
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) return Status::from_errno(errno);
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
        note("{} is not a directory of this user alone (mode 0700); not used", path.native());
        return Status::from_errno(EPERM);
    }
    return {};
}

ordered_json to_json(const ClusterState& state) {
    ordered_json servers = ordered_json::array();
    for (const auto& server : state.servers) {
        servers.push_back({{"address", server.address},
                           {"pid", server.process.pid},
                           {"start_time", server.process.start_time}});
    }
    return {{"name", state.name},
            {"cluster_id", state.cluster_id},
            {"servers", servers},
            {"provider", state.provider},
            {"memory_limit", state.memory_limit},
            {"started", state.started},
            {"boot", state.boot}};
}

template <typename T>
bool get(const ordered_json& object, const char* key, T& value) {
    const auto found = object.find(key);
    if (found == object.end()) return false;
    if constexpr (std::is_same_v<T, std::string>) {
        if (!found->is_string()) return false;
    } else {
        if (!found->is_number_integer()) return false;
    }
    value = found->template get<T>();
    return true;
}

bool from_json(const ordered_json& object, ClusterState& state) {
    if (!object.is_object() || !get(object, "name", state.name) ||
        !get(object, "cluster_id", state.cluster_id) || !get(object, "provider", state.provider) ||
        !get(object, "memory_limit", state.memory_limit) ||
        !get(object, "started", state.started) || !get(object, "boot", state.boot)) {
        return false;
    }
    const auto servers = object.find("servers");
    if (servers == object.end() || !servers->is_array()) return false;
    for (const auto& entry : *servers) {
        ServerRecord server;
        if (!entry.is_object() || !get(entry, "address", server.address) ||
            !get(entry, "pid", server.process.pid) ||
            !get(entry, "start_time", server.process.start_time)) {
            return false;
        }
        state.servers.push_back(std::move(server));
    }
    return true;
}

}  // namespace

std::string ClusterState::server_list() const {
    std::string list;
    for (const auto& server : servers)
        list += (list.empty() ? "" : ",") + server.address;
    return list;
}

bool ClusterState::server_alive(std::size_t index) const {
    return boot == boot_id() && is_alive(servers[index].process);
}

std::size_t ClusterState::alive_count() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < servers.size(); ++i)
        count += server_alive(i) ? 1U : 0U;
    return count;
}

bool valid_cluster_name(const std::string& name) {
    constexpr std::size_t kLongest = 64;
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= kLongest && name[0] != '.' && name[0] != '-' &&
           std::all_of(name.begin(), name.end(), allowed);
}

Status write_private_file(const fs::path& path, const std::string& text) {
    const UniqueFd fd(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return Status::from_errno(errno);
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t written = ::write(fd.get(), text.data() + done, text.size() - done);
        if (written < 0) return Status::from_errno(errno);
        done += static_cast<std::size_t>(written);
    }
    return {};
}

Result<StateFolder> StateFolder::open() {
    fs::path base;
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && runtime[0] == '/') {
        base = runtime;
    } else {
        base = "/tmp/orfa-" + std::to_string(geteuid());
        ORFA_TRY(make_private_folder(base));
    }
    ORFA_TRY(make_private_folder(base / "orfa"));
    return StateFolder(base / "orfa");
}

fs::path StateFolder::cluster_path(const std::string& name) const {
    return root_ / name;
}

Result<UniqueFd> StateFolder::lock(const std::string& name) const {
    const fs::path path = root_ / ("." + name + ".lock");
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
        const int error = errno;
        note("{}: {}", path.native(), reason(error));
        return Status::from_errno(error);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLockWaitMs);
    bool told = false;
    while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return Status::from_errno(errno);
        if (std::chrono::steady_clock::now() >= deadline) {
            note("cluster '{}' is still busy with another orfa command; giving up", name);
            return Status::from_errno(ETIMEDOUT);
        }
        if (!told) note("another orfa command works on cluster '{}'; waiting for it", name);
        told = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return fd;
}

Status StateFolder::make(const std::string& name) const {
    ORFA_TRY(remove(name));
    return make_private_folder(cluster_path(name));
}

Status StateFolder::save(const ClusterState& state) const {
    const fs::path path = cluster_path(state.name) / kStateFile;
    const fs::path fresh = path.native() + ".new";
    Status status = write_private_file(fresh, to_json(state).dump(2) + "\n");
    if (status.ok() && rename(fresh.c_str(), path.c_str()) != 0) {
        status = Status::from_errno(errno);
    }
    if (!status.ok()) note("{}: {}", path.native(), reason(status.err()));
    return status;
}

Result<ClusterState> StateFolder::load(const std::string& name) const {
    const fs::path path = cluster_path(name) / kStateFile;
    std::ifstream file(path);
    if (!file) return Status::from_errno(ENOENT);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    ClusterState state;
    if (!from_json(ordered_json::parse(text, nullptr, false), state) || state.name != name) {
        note("{} is damaged; remove {} once no orfa-server of it runs", path.native(),
             cluster_path(name).native());
        return Status::from_errno(EINVAL);
    }
    return state;
}

Status StateFolder::remove(const std::string& name) const {
    std::error_code error;
    fs::remove_all(cluster_path(name), error);
    if (!error) return {};
    note("{}: {}", cluster_path(name).native(), error.message());
    return Status::from_errno(error.value());
}

std::vector<ClusterState> StateFolder::list() const {
    std::vector<ClusterState> clusters;
    std::error_code error;
    for (fs::directory_iterator entry(root_, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().native();
        if (!valid_cluster_name(name)) continue;
        if (auto state = load(name); state.ok()) clusters.push_back(std::move(*state));
    }
    std::sort(clusters.begin(), clusters.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return clusters;
}

}  // namespace orfa::cli
