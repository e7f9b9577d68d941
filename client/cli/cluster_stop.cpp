// SPDX-License-Identifier: MIT
// orfa cluster stop
#include "client/cli/cluster_select.hpp"
#include "client/cli/cluster_state.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

namespace orfa::cli {
namespace {

constexpr int kPatienceMs = 10'000;  // between SIGTERM and SIGKILL
constexpr int kSilentMs = 1'000;     // of it, before a word is said
constexpr int kKillMs = 5'000;       // for a killed process to go

struct StopOptions {
    std::string name;
    bool all = false;
    bool json = false;
};

using Clock = std::chrono::steady_clock;

int left_ms(Clock::time_point since, int of_ms) {
    const auto passed =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since).count();
    return static_cast<int>(std::max<long long>(0, of_ms - passed));
}

// Ends the servers of `state`; false when one could not be ended.
bool end_servers(const ClusterState& state, std::size_t& killed) {
    std::vector<std::size_t> alive;
    for (std::size_t i = 0; i < state.servers.size(); ++i) {
        if (state.server_alive(i))
            alive.push_back(i);
        else
            note("server {} ({}) had already ended", i, state.servers[i].address);
    }
    // Several may be one process.
    for (const std::size_t i : alive)
        send_signal(state.servers[i].process, SIGTERM);
    const auto start = Clock::now();
    const auto still_runs = [&](int until_ms) {
        std::erase_if(alive, [&](std::size_t i) {
            return wait_for_end(state.servers[i].process, left_ms(start, until_ms));
        });
        return !alive.empty();
    };
    if (still_runs(kSilentMs)) {
        note("waiting for {} server{} of cluster '{}' to end", alive.size(),
             alive.size() == 1 ? "" : "s", state.name);
    }
    if (still_runs(kPatienceMs)) {
        for (const std::size_t i : alive) {
            const auto& server = state.servers[i];
            note("server {} ({}, pid {}) does not end by itself; killing it", i, server.address,
                 server.process.pid);
            send_signal(server.process, SIGKILL);
            ++killed;
        }
    }
    return !still_runs(kPatienceMs + kKillMs);
}

int stop_cluster(const StateFolder& folder, const std::string& name, bool json) {
    auto lock = folder.lock(name);
    if (!lock.ok()) return kExitFailed;
    auto state = folder.load(name);
    if (!state.ok()) {
        return state.status().err() == ENOENT ? no_such_cluster(folder, name) : kExitFailed;
    }
    const std::size_t alive = state->alive_count();
    std::size_t killed = 0;
    if (!end_servers(*state, killed)) {
        return fail("cluster '{}' was not stopped: a server can't be killed", name);
    }
    if (!folder.remove(name).ok()) return kExitFailed;
    if (json) {
        out_json({{"name", name}, {"stopped", alive}, {"killed", killed}});
    } else {
        note("cluster '{}' stopped", name);
    }
    return kExitOk;
}

int run_stop(const StopOptions& options) {
    auto folder = StateFolder::open();
    if (!folder.ok()) return kExitFailed;
    if (!options.all) {
        const std::string name = options.name.empty() ? "default" : options.name;
        if (!valid_cluster_name(name)) return misuse("--name {}: not a cluster's name", name);
        return stop_cluster(*folder, name, options.json);
    }
    int exit_code = kExitOk;
    for (const auto& state : folder->list()) {
        exit_code = std::max(exit_code, stop_cluster(*folder, state.name, options.json));
    }
    return exit_code;
}

}  // namespace

void add_cluster_stop(CLI::App& cluster, int& exit_code) {
    auto options = std::make_shared<StopOptions>();
    CLI::App* command = cluster.add_subcommand("stop", "End a cluster's servers and forget it");
    auto* name =
        command->add_option("--name", options->name, "Name of the cluster (default: default)");
    command->add_flag("--all", options->all, "Every cluster of this user on this host")
        ->excludes(name);
    command->add_flag("--json", options->json, "Print what was done as JSON");
    command->footer(
        "Each server is asked to end (SIGTERM) and killed when it has not after 10 seconds. The "
        "files\n"
        "of a memory cluster are gone then: copy what you need first.\n\n"
        "  orfa cp -r orfa:/results .\n"
        "  orfa cluster stop");
    command->callback([options, &exit_code] { exit_code = run_stop(*options); });
}

}  // namespace orfa::cli
