// SPDX-License-Identifier: MIT
#include "client/cli/processes.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace orfa::cli {

ProcessId process_now(pid_t pid) {
    ProcessId process{pid, 0};
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    // The second field is the program's name in parentheses, which may hold anything.
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) return process;
    std::istringstream fields(text.substr(name_end + 1));
    std::string field;
    fields >> field;  // field 3: state
    if (field == "Z" || field == "X") return process;
    constexpr int kFieldsUntilStart = 19;
    for (int i = 0; i < kFieldsUntilStart; ++i)
        fields >> field;
    process.start_time = std::strtoull(field.c_str(), nullptr, 10);
    return process;
}

bool is_alive(const ProcessId& process) {
    return process.pid > 0 && process.start_time != 0 &&
           process_now(process.pid).start_time == process.start_time;
}

UniqueFd open_process(pid_t pid) {
    return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

bool signal_process(const UniqueFd& process, int signal) {
    return syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

bool send_signal(const ProcessId& process, int signal) {
    if (process.pid <= 0) return false;
    // The descriptor stays with one process; checked after it is open, it is the right one's.
    const UniqueFd fd = open_process(process.pid);
    if (!is_alive(process)) return false;
    return fd ? signal_process(fd, signal) : kill(process.pid, signal) == 0;
}

bool wait_for_end(const ProcessId& process, int timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    auto pause = std::chrono::milliseconds(1);
    while (is_alive(process)) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(50));
    }
    return true;
}

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    file >> text;
    return text;
}

}  // namespace orfa::cli
