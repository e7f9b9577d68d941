// SPDX-License-Identifier: MIT
// A cluster of real orfa-server processes on this host, for one test or a few.
//
//   Cluster cluster({.servers = 4, .memory_limit = "64MiB"});
//   ASSERT_TRUE(cluster.ok()) << cluster.error();
//   orfa_session* session = orfa_connect(cluster.servers().c_str());
//
// The servers have free ports, a secret and a directory of their own, and end with the object, or,
// should the test crash, with the thread that started them: start clusters on the main thread.
#pragma once

#include "tests/integration/processes.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace orfa::testing {

struct ClusterOptions {
    std::size_t servers = 4;
    std::string memory_limit = "256MiB";  // of each server
    std::string memory_ready = "8MiB";    // touched ahead, of each server
    std::string transports = "local,ofi";
    std::string stripe_size = {};             // of new files; empty: the server's default
    std::vector<std::string> arguments = {};  // more of them, for every server
    std::vector<std::pair<std::string, std::string>> environment = {};  // of the servers
};

// Not thread-safe.
class Cluster {
  public:
    // Starts the servers and waits until all serve; ok() tells whether they do.
    explicit Cluster(ClusterOptions options = {});
    // stop(), then removes the directory.
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    [[nodiscard]] bool ok() const { return error_.empty(); }
    // Why not.
    [[nodiscard]] const std::string& error() const { return error_; }

    [[nodiscard]] std::size_t size() const { return servers_.size(); }
    // "127.0.0.1:P0,127.0.0.1:P1,...": what orfa_connect() and ORFA_SERVERS take.
    [[nodiscard]] std::string servers() const;
    [[nodiscard]] std::string address(std::size_t index) const;
    [[nodiscard]] std::uint16_t port(std::size_t index) const { return servers_[index].port; }
    [[nodiscard]] pid_t pid(std::size_t index) const { return servers_[index].pid; }
    // Deleted with the cluster: room for a test's own files.
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    // What the server has logged so far.
    [[nodiscard]] std::string log(std::size_t index) const;
    // The command line of a server, to start another one like it.
    [[nodiscard]] std::vector<std::string> command(std::size_t index) const;

    // Makes ORFA_SERVERS, and with a name ORFA_TRANSPORT, of this process name the cluster.
    void set_environment(const std::string& transport = {}) const;

    // Sends a signal. A server that is to end by it is then expected to end in any way.
    void kill(std::size_t index, int signal);
    // Waits for the end of a server: its exit code, 128 + signal, or -1 when it still runs.
    int wait_exit(std::size_t index, int timeout_ms);
    // Starts a server that has ended anew, at its old address. False: see error().
    bool restart(std::size_t index);

    // Ends all servers: SIGTERM, and SIGKILL when that does not do. Reports as test failures
    // servers that had to be killed or ended otherwise than with 0 (as sanitizers make them), but
    // for those that kill() was used on.
    void stop();

  private:
    struct Server {
        std::uint16_t port = 0;
        pid_t pid = -1;
        bool killed = false;  // by the test: no exit code is wrong
        UniqueFd ready{};
    };

    bool start_all();
    bool spawn(std::size_t index);
    bool wait_ready(std::size_t index);
    void reap(std::size_t index);
    [[nodiscard]] std::filesystem::path log_path(std::size_t index) const;

    const ClusterOptions options_;
    std::filesystem::path directory_;
    std::vector<Server> servers_;
    std::string error_;
};

}  // namespace orfa::testing
