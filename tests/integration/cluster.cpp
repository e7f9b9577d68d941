// SPDX-License-Identifier: MIT
#include "tests/integration/cluster.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

namespace orfa::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kStartMs = 20000;
constexpr int kStopMs = 10000;
constexpr int kAttempts = 5;  // of finding ports nobody takes meanwhile

bool is_free(std::uint16_t port) {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    return bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

// Below the ports that the kernel gives to outgoing connections, so that none of those takes it.
std::uint16_t free_port() {
    static std::mt19937 random(std::random_device{}());
    std::uniform_int_distribution<int> candidates(10000, 32000);
    while (true) {
        const auto port = static_cast<std::uint16_t>(candidates(random));
        if (is_free(port)) return port;
    }
}

fs::path make_directory() {
    std::string name = (fs::temp_directory_path() / "orfa-test-XXXXXX").string();
    return mkdtemp(name.data()) == nullptr ? fs::path() : fs::path(name);
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)) {
    directory_ = make_directory();
    if (directory_.empty()) {
        error_ = "no temporary directory";
        return;
    }
    std::random_device random;
    std::ofstream(directory_ / "secret") << std::hex << random() << random() << '\n';
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        servers_.clear();
        servers_.resize(options_.servers);
        if (start_all()) return;
        for (std::size_t i = 0; i < servers_.size(); ++i)
            end_child(std::exchange(servers_[i].pid, -1));
        if (error_.find(std::strerror(EADDRINUSE)) == std::string::npos) return;
    }
}

Cluster::~Cluster() {
    stop();
    std::error_code ignored;
    if (!directory_.empty()) fs::remove_all(directory_, ignored);
}

bool Cluster::start_all() {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const auto taken = [&](std::uint16_t port) {
            return std::any_of(servers_.begin(), servers_.end(),
                               [&](const Server& server) { return server.port == port; });
        };
        std::uint16_t port = 0;
        do
            port = free_port();
        while (taken(port));
        servers_[i].port = port;
    }
    error_.clear();
    for (std::size_t i = 0; i < servers_.size(); ++i)
        if (!spawn(i)) return false;
    for (std::size_t i = 0; i < servers_.size(); ++i)
        if (!wait_ready(i)) return false;
    return true;
}

std::vector<std::string> Cluster::command(std::size_t index) const {
    std::vector<std::string> words = {ORFA_SERVER_PROGRAM,
                                      "--index",
                                      std::to_string(index),
                                      "--servers",
                                      servers(),
                                      "--secret-file",
                                      (directory_ / "secret").string(),
                                      "--memory-limit",
                                      options_.memory_limit,
                                      "--memory-ready",
                                      options_.memory_ready,
                                      "--transports",
                                      options_.transports};
    if (!options_.stripe_size.empty()) {
        words.emplace_back("--stripe-size");
        words.push_back(options_.stripe_size);
    }
    words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
    return words;
}

bool Cluster::spawn(std::size_t index) {
    Server& server = servers_[index];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_ = "no pipe";
        return false;
    }
    server.ready.reset(ends[0]);
    const UniqueFd write_end(ends[1]);
    const UniqueFd log(
        open(log_path(index).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    auto words = command(index);
    words.emplace_back("--ready-fd");
    words.push_back(std::to_string(ends[1]));
    server.killed = false;
    server.pid = testing::spawn(words, options_.environment, log.get(), ends[1]);
    if (server.pid < 0) error_ = std::string("cannot fork: ") + std::strerror(errno);
    return server.pid > 0;
}

bool Cluster::wait_ready(std::size_t index) {
    const UniqueFd ready = std::move(servers_[index].ready);
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(kStartMs) * kSlower;
    std::string told;
    while (told.find('\n') == std::string::npos) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd fd{ready.get(), POLLIN, 0};
        const int n = left.count() > 0 ? poll(&fd, 1, static_cast<int>(left.count())) : 0;
        if (n < 0 && errno == EINTR) continue;
        char text[512];
        const ssize_t got = n > 0 ? read(ready.get(), text, sizeof(text)) : 0;
        if (got <= 0) break;
        told.append(text, static_cast<std::size_t>(got));
    }
    if (told == "ready\n") return true;
    error_ = "server " + std::to_string(index) + " (" + address(index) +
             ") did not start: " + told + "\n" + log(index);
    return false;
}

std::string Cluster::address(std::size_t index) const {
    return "127.0.0.1:" + std::to_string(servers_[index].port);
}

std::string Cluster::servers() const {
    std::string list;
    for (std::size_t i = 0; i < servers_.size(); ++i)
        list += (i == 0 ? "" : ",") + address(i);
    return list;
}

fs::path Cluster::log_path(std::size_t index) const {
    return directory_ / ("server" + std::to_string(index) + ".log");
}

std::string Cluster::log(std::size_t index) const {
    return read_file(log_path(index));
}

void Cluster::set_environment(const std::string& transport) const {
    setenv("ORFA_SERVERS", servers().c_str(), 1);
    if (!transport.empty()) setenv("ORFA_TRANSPORT", transport.c_str(), 1);
}

void Cluster::kill(std::size_t index, int signal) {
    Server& server = servers_[index];
    if (server.pid <= 0) return;
    if (signal != SIGSTOP && signal != SIGCONT && signal != 0) server.killed = true;
    ::kill(server.pid, signal);
}

int Cluster::wait_exit(std::size_t index, int timeout_ms) {
    Server& server = servers_[index];
    const int code = wait_child(server.pid, timeout_ms);
    if (code >= 0) server.pid = -1;
    return code;
}

bool Cluster::restart(std::size_t index) {
    if (servers_[index].pid > 0) {
        error_ = "server " + std::to_string(index) + " still runs";
        return false;
    }
    return spawn(index) && wait_ready(index);
}

void Cluster::stop() {
    for (const Server& server : servers_) {
        if (server.pid <= 0) continue;
        // First: SIGCONT would also take back the SIGSTOP by which the leak checker halts a server
        // that has ended meanwhile, and it would wait for ever.
        ::kill(server.pid, SIGCONT);
        ::kill(server.pid, SIGTERM);
    }
    for (std::size_t i = 0; i < servers_.size(); ++i)
        reap(i);
}

void Cluster::reap(std::size_t index) {
    Server& server = servers_[index];
    if (server.pid <= 0) return;
    const int code = wait_child(server.pid, kStopMs);
    if (code < 0) end_child(server.pid);
    server.pid = -1;
    if (code == 0 || server.killed) return;
    ADD_FAILURE() << "server " << index
                  << (code < 0 ? " did not stop on SIGTERM" : " ended with code ")
                  << (code < 0 ? std::string() : std::to_string(code)) << "; its log:\n"
                  << log(index);
}

}  // namespace orfa::testing
