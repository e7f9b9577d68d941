// SPDX-License-Identifier: MIT
#include "client/cli/cluster_select.hpp"

#include "client/cli/output.hpp"

#include <cerrno>
#include <cstdlib>

namespace orfa::cli {

int no_such_cluster(const StateFolder& folder, const std::string& name) {
    std::string names;
    for (const auto& state : folder.list())
        names += (names.empty() ? "" : ", ") + state.name;
    if (names.empty()) {
        return fail(
            "there is no cluster '{}'; start one with 'orfa cluster start --servers 4 "
            "--memory'",
            name);
    }
    return fail("there is no cluster '{}'; there is: {}", name, names);
}

Result<ClusterState> select_cluster(const StateFolder& folder, const std::string& name) {
    const char* servers = std::getenv("ORFA_SERVERS");
    if (name.empty() && servers != nullptr && servers[0] != '\0') {
        for (auto& state : folder.list()) {
            if (state.server_list() == servers) return std::move(state);
        }
        // Somebody else's cluster, or one that was started by other means.
        ClusterState foreign;
        std::string rest = servers;
        while (!rest.empty()) {
            const auto comma = std::min(rest.find(','), rest.size());
            foreign.servers.push_back({rest.substr(0, comma), {}});
            rest.erase(0, comma + 1);
        }
        return foreign;
    }
    const std::string wanted = name.empty() ? "default" : name;
    if (!valid_cluster_name(wanted)) {
        note("{}: not a cluster's name", wanted);
        return Status::from_errno(EINVAL);
    }
    auto state = folder.load(wanted);
    if (!state.ok() && state.status().err() == ENOENT) no_such_cluster(folder, wanted);
    return state;
}

}  // namespace orfa::cli
