// SPDX-License-Identifier: MIT
// Processes of this host, told from later ones that got the same number.
#pragma once

#include "common/unique_fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace orfa::cli {

struct ProcessId {
    pid_t pid = 0;
    std::uint64_t start_time = 0;  // clock ticks since boot, field 22 of /proc/PID/stat
};

// The process that has this pid now; start_time 0 when there is none, or it has ended (a zombie).
ProcessId process_now(pid_t pid);
bool is_alive(const ProcessId& process);

// A descriptor that stands for the process for ever, whatever its pid comes to mean; empty: no such
// process, or a kernel before 5.3. (glibc 2.36's own header of these calls can't be used from C++.)
UniqueFd open_process(pid_t pid);
bool signal_process(const UniqueFd& process, int signal);

// Sends `signal` unless the process has ended; never reaches another process. False: it has ended.
bool send_signal(const ProcessId& process, int signal);
// Waits until it has ended; false when it still runs after `timeout_ms`.
bool wait_for_end(const ProcessId& process, int timeout_ms);

// Changes at each boot; empty when the system does not tell.
std::string boot_id();

}  // namespace orfa::cli
