// SPDX-License-Identifier: MIT
#include "benchmarks/tmpfs_limit.hpp"

#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>

#include "benchmarks/processes.hpp"

namespace orfa::benchmarks {

std::vector<double> tmpfs_seconds(const std::string& folder, std::uint64_t total,
                                  std::uint64_t piece, unsigned processes) {
    const std::string name = folder + "/orfa-bench-limits-" + std::to_string(getpid());
    const UniqueFd file(open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) give_up(name.c_str());
    unlink(name.c_str());
    const std::uint64_t calls = total / piece / processes;
    std::vector<Body> bodies;
    for (unsigned process = 0; process < processes; ++process) {
        bodies.emplace_back([&, process](Laps& laps) {
            std::byte* data = touched_memory(piece, MAP_PRIVATE);
            const auto each = [&](const auto& call) {
                for (std::uint64_t i = 0; i < calls; ++i) {
                    const auto at = static_cast<off_t>((process * calls + i) * piece);
                    if (call(file.get(), data, piece, at) != static_cast<ssize_t>(piece))
                        give_up(name.c_str());
                }
            };
            laps.run(0, [&] { each(pwrite); });
            laps.run(1, [&] { each(pread); });
        });
    }
    return seconds_of_laps(bodies, 2);
}

std::string cover_by_huge_tmpfs(const std::string& folder) {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return std::string("no namespace for a mount: ") + std::strerror(errno);
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", folder.c_str(), "tmpfs", 0, "huge=always,mode=1777") != 0)
        return std::string("no tmpfs of huge pages: ") + std::strerror(errno);
    return {};
}

}  // namespace orfa::benchmarks
