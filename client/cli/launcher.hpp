// SPDX-License-Identifier: MIT
// Starts the server processes of a cluster: all of them serve, or none is left.
#pragma once

#include "client/cli/processes.hpp"
#include "common/status.hpp"
#include "common/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace orfa::cli {

// A process that outlives this one just to kill servers of a start that came to nothing, however
// this one ends (an interrupt, kill -9). Each server makes itself known to it before it begins.
class StartGuard {
  public:
    // Forks; `folder` is removed together with the servers. EAGAIN, ENOMEM, EMFILE.
    static Result<StartGuard> create(const std::filesystem::path& folder);
    StartGuard(StartGuard&& other) noexcept = default;
    StartGuard& operator=(StartGuard&& other) noexcept = default;
    StartGuard(const StartGuard&) = delete;
    StartGuard& operator=(const StartGuard&) = delete;
    ~StartGuard() { dismiss(); }

    // Where a server writes its pid (a pid_t) before exec.
    [[nodiscard]] int fd() const { return pipe_.get(); }
    // The servers may stay (or are gone already): ends the guard and waits for it.
    void dismiss();

  private:
    StartGuard(UniqueFd pipe, pid_t pid) : pipe_(std::move(pipe)), pid_(pid) {}
    UniqueFd pipe_;
    pid_t pid_;
};

struct LaunchPlan {
    std::filesystem::path program;       // orfa-server
    std::filesystem::path folder;        // for the logs; absolute
    std::vector<std::string> addresses;  // one server each
    std::size_t processes = 1;           // among which the servers are dealt out, in order
    std::vector<std::string> arguments;  // the same for all; --index, --log, --ready-fd are added
    int timeout_ms = 30'000;             // until all must serve
};

struct Launched {
    std::vector<ProcessId> processes;  // of each server
    StartGuard guard;                  // to be dismissed once somebody else can stop the servers
};

// EADDRINUSE: a port was taken meanwhile (nothing was said). Other errors have been explained on
// standard error. After an error no server is left.
Result<Launched> launch(const LaunchPlan& plan);

}  // namespace orfa::cli
