// SPDX-License-Identifier: MIT
#include "client/cli/launcher.hpp"

#include "client/cli/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>

namespace orfa::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A child of ours that has not yet said that it serves.
struct Starting {
    std::size_t first = 0, count = 0;  // the servers that it is
    pid_t pid = 0;
    UniqueFd ready;    // reads what it says
    std::string said;  // so far
    bool serves = false;
};

// "3", or "4-7".
std::string range(const Starting& process) {
    if (process.count == 1) return std::to_string(process.first);
    return fmt::format("{}-{}", process.first, process.first + process.count - 1);
}

std::string log_path(const LaunchPlan& plan, const Starting& process) {
    return plan.folder / fmt::format("server-{}.log", range(process));
}

// "0,1,2", as orfa-server wants it.
std::string indices(const Starting& process) {
    std::string text = std::to_string(process.first);
    for (std::size_t i = 1; i < process.count; ++i)
        text += "," + std::to_string(process.first + i);
    return text;
}

void say_and_exit(int fd, const char* what) {
    const std::string text = fmt::format("error: {}: {}\n", what, reason(errno));
    [[maybe_unused]] const auto written = write(fd, text.data(), text.size());
    _exit(127);
}

// In the child: becomes the server, detached from the terminal and from whatever was inherited.
[[noreturn]] void become_server(std::vector<std::string>& arguments, const std::string& log,
                                int guard_fd, int ready_fd) {
    const pid_t self = getpid();
    if (write(guard_fd, &self, sizeof self) != sizeof self) say_and_exit(ready_fd, "start guard");
    setsid();
    umask(077);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0) say_and_exit(ready_fd, log.c_str());
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    fcntl(ready_fd, F_SETFD, 0);
    if (chdir("/") != 0) say_and_exit(ready_fd, "/");
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (auto& argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    execv(pointers[0], pointers.data());
    say_and_exit(ready_fd, pointers[0]);
    _exit(127);
}

// The process that is servers `first` to `end` - 1.
Result<Starting> start_one(const LaunchPlan& plan, std::size_t first, std::size_t end,
                           int guard_fd) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return Status::from_errno(errno);
    Starting server;
    server.first = first;
    server.count = end - first;
    server.ready.reset(ends[0]);
    const UniqueFd writer(ends[1]);
    std::vector<std::string> arguments{plan.program, "--index", indices(server)};
    arguments.insert(arguments.end(), plan.arguments.begin(), plan.arguments.end());
    const std::string log = log_path(plan, server);
    arguments.insert(arguments.end(), {"--log", log, "--ready-fd", std::to_string(writer.get())});
    server.pid = fork();
    if (server.pid < 0) return Status::from_errno(errno);
    if (server.pid == 0) become_server(arguments, log, guard_fd, writer.get());
    return server;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

// The last lines of a log, indented.
std::string log_tail(const std::string& path) {
    constexpr std::size_t kLines = 5;
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        lines.push_back("    " + printable(line) + "\n");
        if (lines.size() > kLines) lines.erase(lines.begin());
    }
    std::string text;
    for (const auto& line : lines)
        text += line;
    return text;
}

// Says why a process did not start; `server.said` is "error: ..." or something else.
Status explain(const LaunchPlan& plan, const Starting& server) {
    const std::string said = lower(server.said);
    if (said.find("address in use") != std::string::npos ||
        said.find("address already in use") != std::string::npos) {
        return Status::from_errno(EADDRINUSE);
    }
    std::string why = server.said;
    constexpr std::string_view kMark = "error: ";
    if (why.rfind(kMark, 0) == 0) why.erase(0, kMark.size());
    while (!why.empty() && why.back() == '\n')
        why.pop_back();
    if (why.empty()) why = "ended without a word";
    note("server {} ({}) did not start: {}", range(server), plan.addresses[server.first],
         printable(why));
    if (const std::string tail = log_tail(log_path(plan, server)); !tail.empty()) {
        note("the last lines of its log:");
        error_text(tail);
    }
    return Status::from_errno(ECHILD);
}

// Takes in what a server says. Not ok: it has failed (see explain()).
Status listen_to(Starting& server) {
    std::array<char, 1024> text{};
    const ssize_t length = read(server.ready.get(), text.data(), text.size());
    if (length < 0) return errno == EINTR ? Status() : Status::from_errno(errno);
    server.said.append(text.data(), static_cast<std::size_t>(length));
    if (server.said == "ready\n") {
        server.serves = true;
        server.ready.reset();
        return {};
    }
    constexpr std::size_t kLongest = 4096;
    const bool whole = length == 0 || server.said.find('\n') != std::string::npos;
    return whole || server.said.size() > kLongest ? Status::from_errno(ECHILD) : Status();
}

Status wait_until_ready(const LaunchPlan& plan, std::vector<Starting>& servers) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(plan.timeout_ms);
    while (true) {
        std::vector<pollfd> polled;
        std::vector<std::size_t> waiting;
        for (std::size_t i = 0; i < servers.size(); ++i) {
            if (servers[i].serves) continue;
            polled.push_back({servers[i].ready.get(), POLLIN, 0});
            waiting.push_back(i);
        }
        if (polled.empty()) return {};
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        const int events =
            left <= 0 ? 0 : poll(polled.data(), polled.size(), static_cast<int>(left));
        if (events < 0 && errno != EINTR) return Status::from_errno(errno);
        if (events == 0) {
            servers[waiting[0]].said = fmt::format("not ready within {} s", plan.timeout_ms / 1000);
            return explain(plan, servers[waiting[0]]);
        }
        for (std::size_t k = 0; k < polled.size() && events > 0; ++k) {
            if (polled[k].revents == 0) continue;
            if (!listen_to(servers[waiting[k]]).ok()) {
                return explain(plan, servers[waiting[k]]);
            }
        }
    }
}

void kill_all(const std::vector<Starting>& servers) {
    for (const auto& server : servers)
        kill(server.pid, SIGKILL);
    for (const auto& server : servers) {
        while (waitpid(server.pid, nullptr, 0) < 0 && errno == EINTR)
            continue;
    }
}

}  // namespace

Result<Launched> launch(const LaunchPlan& plan) {
    auto guard = StartGuard::create(plan.folder);
    if (!guard.ok()) {
        note("can't start a process: {}", reason(guard.status().err()));
        return guard.status();
    }
    std::vector<Starting> servers;
    Status status;
    const std::size_t count = plan.addresses.size();
    for (std::size_t i = 0; i < plan.processes && status.ok(); ++i) {
        auto server = start_one(plan, count * i / plan.processes, count * (i + 1) / plan.processes,
                                guard->fd());
        status = server.status();
        if (!status.ok()) {
            note("can't start a process: {}", reason(status.err()));
        } else {
            servers.push_back(std::move(*server));
        }
    }
    if (status.ok()) status = wait_until_ready(plan, servers);
    if (!status.ok()) {
        kill_all(servers);
        return status;
    }
    Launched launched{{}, std::move(*guard)};
    for (const auto& server : servers)
        launched.processes.insert(launched.processes.end(), server.count, process_now(server.pid));
    return launched;
}

}  // namespace orfa::cli
