// SPDX-License-Identifier: MIT
// Child processes of tests: none outlives its test, no wait is endless.
#pragma once

#include "common/unique_fd.hpp"
#include "tests/sanitizers.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace orfa::testing {

// How much longer things may take in this build.
inline constexpr int kSlower = kThreadSanitizer ? 8 : kAddressSanitizer ? 4 : 1;

using Environment = std::vector<std::pair<std::string, std::string>>;

// Starts a program with this process's environment and `more`; its standard output and error go to
// `output` (-1: as this process's). `keep_fd` (-1: none) stays open in it. The program ends with
// the thread that calls this. Returns its pid, or -1 with errno.
pid_t spawn(const std::vector<std::string>& arguments, const Environment& more = {},
            int output = -1, int keep_fd = -1);

// Runs `body` in a forked child that ends with _exit(its value); what it throws is 99. The child is
// killed with the thread that calls this.
pid_t fork_child(const std::function<int()>& body);

// Waits for the end of a child: its exit code, 128 + signal, or -1 when it still runs after the
// time. kSlower is taken into account.
int wait_child(pid_t pid, int timeout_ms);
// Kills the child (SIGKILL) and waits for its end.
void end_child(pid_t pid);

// Runs a program to its end, within the time: its exit code (as wait_child()) and its output.
struct ProgramResult {
    int exit_code;
    std::string output;
};
ProgramResult run_program(const std::vector<std::string>& arguments, const Environment& more = {},
                          int timeout_ms = 30000);

// Where several processes wait for each other; made before they are forked.
class Barrier {
  public:
    explicit Barrier(unsigned processes);
    ~Barrier();
    Barrier(const Barrier&) = delete;
    Barrier& operator=(const Barrier&) = delete;
    void wait();

  private:
    struct Shared;
    Shared* shared_;
};

// Runs body(rank, barrier) in `count` forked children at once. 0 when all ended with 0 within the
// time; else the first other code, or -1 for the time: the others are then killed.
int run_processes(unsigned count, int timeout_ms,
                  const std::function<int(unsigned rank, Barrier& barrier)>& body);

// Until `condition` is true, at most about `timeout_ms` (times kSlower): its last value.
bool eventually(int timeout_ms, const std::function<bool()>& condition);

// Open descriptors of a process; VmRSS-like figures of /proc/PID/status in KiB, 0 when not there.
std::size_t descriptor_count(pid_t pid);
std::size_t status_kib(pid_t pid, const std::string& field);

}  // namespace orfa::testing
