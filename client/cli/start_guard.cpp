// SPDX-License-Identifier: MIT
#include "client/cli/launcher.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace orfa::cli {
namespace {

constexpr pid_t kDismissed = 0;  // instead of a server's pid

// Life of the guard: learns pids until it is dismissed, or until nobody is left who could do that.
// Descriptors of processes, not pids, are kept: they never come to mean another process.
[[noreturn]] void watch(int pipe, const std::filesystem::path& folder) {
    std::vector<UniqueFd> servers;
    pid_t pid = kDismissed;
    ssize_t length = 0;
    while ((length = read(pipe, &pid, sizeof pid)) != 0) {
        if (length < 0 && errno == EINTR) continue;
        if (length != sizeof pid || pid == kDismissed) _exit(0);
        servers.push_back(open_process(pid));
    }
    for (const auto& server : servers)
        signal_process(server, SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    _exit(0);
}

}  // namespace

Result<StartGuard> StartGuard::create(const std::filesystem::path& folder) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return Status::from_errno(errno);
    UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) return Status::from_errno(errno);
    if (pid == 0) {
        setsid();  // an interrupt from the terminal must not reach it
        writer.reset();
        const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd <= STDERR_FILENO; ++fd)
            dup2(null, fd);
        watch(reader.get(), folder);
    }
    return StartGuard(std::move(writer), pid);
}

void StartGuard::dismiss() {
    if (!pipe_) return;
    const pid_t message = kDismissed;
    [[maybe_unused]] const auto written = write(pipe_.get(), &message, sizeof message);
    pipe_.reset();
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
        continue;
}

}  // namespace orfa::cli
