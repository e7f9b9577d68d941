// SPDX-License-Identifier: MIT
// What is known of the clusters this user has started on this host: one folder each under
// ${XDG_RUNTIME_DIR}/orfa, or /tmp/orfa-UID/orfa where there is no such directory.
//
//   <name>/cluster.json   servers, pids, settings; there once the cluster has started
//   <name>/secret         what its servers know each other by
//   <name>/server-N.log, or server-N-M.log of a process that is several servers
//   .<name>.lock          held by a command that starts or stops it
#pragma once

#include "client/cli/processes.hpp"
#include "common/status.hpp"
#include "common/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace orfa::cli {

struct ServerRecord {
    std::string address;  // host:port
    ProcessId process;
};

struct ClusterState {
    std::string name;
    std::string cluster_id;  // hexadecimal
    std::vector<ServerRecord> servers;
    std::string provider;            // empty: the default
    std::uint64_t memory_limit = 0;  // bytes, of each server
    std::int64_t started = 0;        // seconds since 1970
    std::string boot;                // boot_id() of then

    // "host:port,host:port", as ORFA_SERVERS wants it.
    [[nodiscard]] std::string server_list() const;
    // False for every server of an earlier boot.
    [[nodiscard]] bool server_alive(std::size_t index) const;
    [[nodiscard]] std::size_t alive_count() const;
};

// Letters, digits, '.', '_' and '-', at most 64, no leading '.'.
bool valid_cluster_name(const std::string& name);

// The folders of one user's clusters. Each function that fails has said why on standard error,
// unless the error is ENOENT: there is no such cluster.
class StateFolder {
  public:
    // Makes the folder when it is not there. EPERM: it is somebody else's or open to others.
    static Result<StateFolder> open();

    [[nodiscard]] std::filesystem::path cluster_path(const std::string& name) const;
    // Held until the descriptor is closed; waits for another command. ETIMEDOUT.
    [[nodiscard]] Result<UniqueFd> lock(const std::string& name) const;

    // Makes the cluster's (empty) folder, taking away what is left of an earlier one.
    [[nodiscard]] Status make(const std::string& name) const;
    [[nodiscard]] Status save(const ClusterState& state) const;
    [[nodiscard]] Result<ClusterState> load(const std::string& name) const;
    [[nodiscard]] Status remove(const std::string& name) const;
    // Sorted by name; clusters whose files can't be read are noted and left out.
    [[nodiscard]] std::vector<ClusterState> list() const;

  private:
    explicit StateFolder(std::filesystem::path root) : root_(std::move(root)) {}
    std::filesystem::path root_;
};

// Writes a file only its owner can read. The errno of what failed.
Status write_private_file(const std::filesystem::path& path, const std::string& text);

}  // namespace orfa::cli
