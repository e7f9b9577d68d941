// SPDX-License-Identifier: MIT
// orfa-server: runs one server of a cluster or several, on one thread, until SIGTERM or SIGINT.
#include "common/log.hpp"
#include "server/loop.hpp"
#include "server/options.hpp"
#include "server/server.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace orfa::server {
namespace {

std::atomic<Loop*> running{nullptr};

void on_signal(int) {
    if (Loop* loop = running.load(); loop != nullptr) loop->stop();
}

// One line to whoever waits for the server to come up, then no more.
void report(int ready_fd, const std::string& line) {
    if (ready_fd < 0) return;
    [[maybe_unused]] const auto written = ::write(ready_fd, line.data(), line.size());
    ::close(ready_fd);
}

// Says what went wrong, to the log and to the waiting parent. Returns main()'s value.
int fail(const Options& options, const std::string& what, Status status) {
    const std::string text = what + ": " + std::strerror(status.err());
    ORFA_LOG(server, error, "%s", text.c_str());
    report(options.ready_fd, "error: " + text + "\n");
    return 1;
}

bool redirect_log(const Options& options) {
    if (options.log_file.empty()) return true;
    const int fd = open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    dup2(fd, STDERR_FILENO);
    ::close(fd);
    return true;
}

int serve(const Options& options) {
    Loop loop(options.copiers);
    std::vector<std::unique_ptr<Server>> servers;
    for (const std::uint32_t index : options.indices) {
        servers.push_back(std::make_unique<Server>(options, index));
        std::string what;
        if (const Status started = servers.back()->start(loop, what); !started.ok())
            return fail(options, what, started);
    }
    running.store(&loop);
    for (const auto& server : servers)
        ORFA_LOG(server, info, "serving as %s", server->description().c_str());
    report(options.ready_fd, "ready\n");
    loop.run();
    running.store(nullptr);
    ORFA_LOG(server, info, "%zu server%s stop%s", servers.size(), servers.size() == 1 ? "" : "s",
             servers.size() == 1 ? "s" : "");
    return 0;
}

int parse_and_serve(int argc, char** argv) {
    Options options;
    int exit_code = 0;
    if (!parse_options(argc, argv, options, exit_code)) return exit_code;
    if (std::getenv("ORFA_LOG") == nullptr) log::configure("server:info");
    if (!redirect_log(options)) {
        std::fprintf(stderr, "orfa-server: cannot write to %s: %s\n", options.log_file.c_str(),
                     std::strerror(errno));
        return 1;
    }
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return serve(options);
}

}  // namespace
}  // namespace orfa::server

int main(int argc, char** argv) {
    try {
        return orfa::server::parse_and_serve(argc, argv);
    } catch (const std::exception& error) {  // of the libraries: no memory
        std::fprintf(stderr, "orfa-server: %s\n", error.what());
        return 1;
    }
}
