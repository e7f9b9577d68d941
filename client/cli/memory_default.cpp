// SPDX-License-Identifier: MIT
#include "client/cli/memory_default.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace orfa::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

// The number in a file; kUnlimited for "max", a missing file or something else.
std::uint64_t number_in(const fs::path& path) {
    std::ifstream file(path);
    std::uint64_t value = 0;
    return file >> value ? value : kUnlimited;
}

std::uint64_t meminfo_available() {
    std::ifstream file("/proc/meminfo");
    std::string key;
    std::uint64_t kib = 0;
    for (std::string line; std::getline(file, line);) {
        if (std::istringstream(line) >> key >> kib && key == "MemAvailable:") return kib * 1024;
    }
    return kUnlimited;
}

// What the group at `group` under `mount`, and every group above it, still allows. Inside a
// container the group's own folder is often not visible; then those above are looked at.
std::uint64_t group_allows(const fs::path& mount, const std::string& group, const char* limit_file,
                           const char* usage_file) {
    std::uint64_t least = kUnlimited;
    fs::path folder = mount / fs::path(group).relative_path();
    while (true) {
        const std::uint64_t limit = number_in(folder / limit_file);
        const std::uint64_t usage = number_in(folder / usage_file);
        if (limit != kUnlimited) {
            least = std::min(least, usage < limit         ? limit - usage
                                    : usage == kUnlimited ? limit
                                                          : 0);
        }
        if (folder == mount || !folder.has_relative_path()) return least;
        folder = folder.parent_path();
    }
}

std::uint64_t control_groups_allow() {
    std::uint64_t least = kUnlimited;
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {  // "id:controllers:path"
        const auto first = line.find(':');
        const auto second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string group = line.substr(second + 1);
        if (controllers.empty()) {
            least = std::min(least,
                             group_allows("/sys/fs/cgroup", group, "memory.max", "memory.current"));
        } else if (controllers.find("memory") != std::string::npos) {
            least = std::min(least, group_allows("/sys/fs/cgroup/memory", group,
                                                 "memory.limit_in_bytes", "memory.usage_in_bytes"));
        }
    }
    return least;
}

}  // namespace

std::uint64_t available_memory() {
    const std::uint64_t available = std::min(meminfo_available(), control_groups_allow());
    return available == kUnlimited ? 0 : available;
}

std::uint64_t default_memory_limit(std::uint64_t available, unsigned servers) {
    constexpr std::uint64_t kMib = 1 << 20;
    constexpr std::uint64_t kLeast = 64 * kMib;
    const std::uint64_t share = available / 2 / std::max(servers, 1U);
    return std::max(share / kMib * kMib, kLeast);
}

}  // namespace orfa::cli
