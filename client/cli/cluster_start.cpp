// SPDX-License-Identifier: MIT
// orfa cluster start
#include "client/cli/cluster_state.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/environment.hpp"
#include "client/cli/launcher.hpp"
#include "client/cli/memory_default.hpp"
#include "client/cli/output.hpp"
#include "client/cli/ports.hpp"
#include "common/units.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace orfa::cli {
namespace {

namespace fs = std::filesystem;

struct StartOptions {
    unsigned servers = 1;
    unsigned processes = 0;  // 0: as the processors suggest
    bool memory = false;
    bool durable = false;  // not there yet
    std::string data;      // not there yet
    std::string name = "default";
    std::string provider;
    std::string memory_limit;
    std::string stripe_size;
    unsigned stripe_count = 0;  // 0: all
    std::string bind = "127.0.0.1";
    unsigned base_port = 0;  // 0: any free ports
    std::string server_program;
    bool json = false;
};

// What the options mean.
struct Settings {
    fs::path program;
    std::uint64_t memory_limit = 0;
    std::uint64_t stripe_size = 0;  // 0: the servers' default
};

// Beside this program, else in PATH; empty: not there.
fs::path find_server_program() {
    fs::path beside = program_folder() / "orfa-server";
    if (access(beside.c_str(), X_OK) == 0) return beside;
    const char* path = std::getenv("PATH");
    std::string rest = path != nullptr ? path : "";
    while (!rest.empty()) {
        const auto colon = std::min(rest.find(':'), rest.size());
        fs::path candidate = fs::path(rest.substr(0, colon)) / "orfa-server";
        if (candidate.is_absolute() && access(candidate.c_str(), X_OK) == 0) return candidate;
        rest.erase(0, colon + 1);
    }
    return {};
}

int check_sizes(const StartOptions& options, Settings& settings) {
    if (options.memory_limit.empty()) {
        settings.memory_limit = default_memory_limit(available_memory(), options.servers);
    } else {
        auto limit = parse_size(options.memory_limit);
        constexpr std::uint64_t kLeast = 1 << 20;
        if (!limit.ok() || *limit < kLeast) {
            return misuse("--memory-limit {}: not a size of at least 1M", options.memory_limit);
        }
        settings.memory_limit = *limit;
    }
    if (!options.stripe_size.empty()) {
        auto size = parse_size(options.stripe_size);
        constexpr std::uint64_t kMultiple = 4096;
        constexpr std::uint64_t kMost = std::uint64_t{4} << 30;
        if (!size.ok() || *size == 0 || *size % kMultiple != 0 || *size > kMost) {
            return misuse("--stripe-size {}: not a multiple of 4K, at most 4G",
                          options.stripe_size);
        }
        settings.stripe_size = *size;
    }
    return kExitOk;
}

int check_options(const StartOptions& options, Settings& settings) {
    if (options.durable || !options.data.empty()) {
        return misuse(
            "durable clusters do not exist yet: only --memory does, whose files last "
            "until 'orfa cluster stop'");
    }
    if (!options.memory) {
        return misuse(
            "say --memory: so far there are only clusters that keep their files in memory, "
            "until 'orfa cluster stop'");
    }
    if (!valid_cluster_name(options.name)) {
        return misuse("--name {}: not 1 to 64 letters, digits, '.', '_' or '-'", options.name);
    }
    if (options.bind.empty() || options.bind == "0.0.0.0" || options.bind == "::") {
        return misuse("--bind {}: clients must be able to connect to it; name one address",
                      options.bind);
    }
    constexpr unsigned kPorts = 65536;
    if (options.base_port != 0 && options.base_port + options.servers > kPorts) {
        return misuse("--base-port {}: no room for {} servers", options.base_port, options.servers);
    }
    if (options.processes > options.servers) {
        return misuse("--processes {}: there are {} servers", options.processes, options.servers);
    }
    if (options.stripe_count > options.servers) {
        return misuse("--stripe-count {}: there are {} servers", options.stripe_count,
                      options.servers);
    }
    if (const int code = check_sizes(options, settings); code != kExitOk) return code;
    settings.program = options.server_program.empty()
                           ? find_server_program()
                           : fs::absolute(fs::path(options.server_program));
    if (settings.program.empty()) {
        return fail("no orfa-server beside {} or in PATH", (program_folder() / "orfa").native());
    }
    return kExitOk;
}

std::string random_hex() {
    std::uint64_t value = 0;
    while (getrandom(&value, sizeof value, 0) != sizeof value)
        continue;
    return fmt::format("{:016x}", value);
}

// Makes sure that no cluster of that name runs.
Status make_way(const StateFolder& folder, const std::string& name) {
    auto old = folder.load(name);
    if (!old.ok()) return old.status().err() == ENOENT ? Status() : old.status();
    const std::size_t alive = old->alive_count();
    if (alive == 0) {
        note("the servers of an earlier cluster '{}' are gone; cleaning up after it", name);
        return {};
    }
    const std::string option = name == "default" ? "" : " --name " + name;
    note(
        "cluster '{}' runs already ({} of {} servers: {})\n"
        "  use it:   eval \"$(orfa env{})\"\n"
        "  stop it:  orfa cluster stop{}\n"
        "  or start another one with --name",
        name, alive, old->servers.size(), old->server_list(), option, option);
    return Status::from_errno(EEXIST);
}

Result<std::vector<std::string>> choose_addresses(const StartOptions& options) {
    std::vector<std::string> addresses;
    if (options.base_port != 0) {
        for (unsigned i = 0; i < options.servers; ++i) {
            addresses.push_back(
                address_text(options.bind, static_cast<std::uint16_t>(options.base_port + i)));
        }
        return addresses;
    }
    auto ports = pick_free_ports(options.bind, options.servers);
    if (!ports.ok()) {
        const int error = ports.status().err();
        note("--bind {}: {}", options.bind,
             error == EHOSTUNREACH ? "unknown host name" : reason(error));
        return ports.status();
    }
    for (const auto port : *ports)
        addresses.push_back(address_text(options.bind, port));
    return addresses;
}

// The servers of a process share a thread and its helpers, which four processors feed
// (docs/decisions.md has figures).
std::size_t process_count(const StartOptions& options) {
    if (options.processes != 0) return options.processes;
    return std::clamp(std::thread::hardware_concurrency() / 4, 1U, options.servers);
}

LaunchPlan make_plan(const StartOptions& options, const Settings& settings, const fs::path& folder,
                     const ClusterState& state) {
    LaunchPlan plan;
    plan.program = settings.program;
    plan.folder = folder;
    plan.processes = process_count(options);
    for (const auto& server : state.servers)
        plan.addresses.push_back(server.address);
    plan.arguments = {"--servers",      state.server_list(),
                      "--cluster-id",   state.cluster_id,
                      "--secret-file",  folder / "secret",
                      "--memory-limit", std::to_string(settings.memory_limit)};
    const auto add = [&plan](const char* option, std::string value) {
        plan.arguments.emplace_back(option);
        plan.arguments.push_back(std::move(value));
    };
    if (!options.provider.empty()) add("--provider", options.provider);
    if (settings.stripe_size != 0) add("--stripe-size", std::to_string(settings.stripe_size));
    if (options.stripe_count != 0) add("--stripe-count", std::to_string(options.stripe_count));
    return plan;
}

// One try: EADDRINUSE when other ports may do. On success the cluster runs and is on record.
Status try_start(const StartOptions& options, const Settings& settings, const StateFolder& folder,
                 ClusterState& state) {
    ORFA_TRY(folder.make(options.name));
    auto addresses = choose_addresses(options);
    if (!addresses.ok()) return addresses.status();
    state.servers.clear();
    for (auto& address : *addresses)
        state.servers.push_back({std::move(address), {}});
    const fs::path path = folder.cluster_path(options.name);
    if (Status status = write_private_file(path / "secret", random_hex() + "\n"); !status.ok()) {
        note("{}: {}", (path / "secret").native(), reason(status.err()));
        return status;
    }
    auto launched = launch(make_plan(options, settings, path, state));
    if (!launched.ok()) return launched.status();
    for (std::size_t i = 0; i < state.servers.size(); ++i) {
        state.servers[i].process = launched->processes[i];
    }
    if (Status status = folder.save(state); !status.ok()) {
        for (const auto& process : launched->processes)
            send_signal(process, SIGKILL);
        for (const auto& process : launched->processes)
            wait_for_end(process, 5000);
        return status;
    }
    launched->guard.dismiss();
    return {};
}

int run_start(const StartOptions& options) {
    Settings settings;
    if (const int code = check_options(options, settings); code != kExitOk) return code;
    auto folder = StateFolder::open();
    if (!folder.ok()) return kExitFailed;
    auto lock = folder->lock(options.name);
    if (!lock.ok() || !make_way(*folder, options.name).ok()) return kExitFailed;

    ClusterState state;
    state.name = options.name;
    state.cluster_id = random_hex();
    state.provider = options.provider;
    state.memory_limit = settings.memory_limit;
    state.started = std::time(nullptr);
    state.boot = boot_id();
    constexpr int kTries = 5;
    Status status = Status::from_errno(EADDRINUSE);
    for (int i = 0; i < kTries && status.err() == EADDRINUSE; ++i) {
        status = try_start(options, settings, *folder, state);
        if (options.base_port != 0) break;
    }
    if (!status.ok()) {
        if (status.err() == EADDRINUSE) {
            note("a port of {} is already in use", state.server_list());
        }
        const Status removed = folder->remove(options.name);
        return fail("cluster '{}' was not started{}", options.name,
                    removed.ok() ? "" : "; its files are still there");
    }
    note("cluster '{}' runs: {} server{}, {} of memory each, until 'orfa cluster stop{}'",
         options.name, options.servers, options.servers == 1 ? "" : "s",
         format_bytes(settings.memory_limit),
         options.name == "default" ? "" : " --name " + options.name);
    print_environment(state, options.json);
    return kExitOk;
}

}  // namespace

void add_cluster_start(CLI::App& cluster, int& exit_code) {
    auto options = std::make_shared<StartOptions>();
    CLI::App* command = cluster.add_subcommand("start", "Start a cluster of servers on this host");
    command->add_option("--servers", options->servers, "Number of servers")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    command
        ->add_option("--processes", options->processes,
                     "Processes that serve, each its share of the servers with one thread "
                     "and its helpers (default: one for every four processors, at most one a "
                     "server)")
        ->check(CLI::Range(1, 1024));
    command->add_flag("--memory", options->memory,
                      "Keep files in memory: they are gone when the cluster stops");
    command->add_option("--name", options->name, "Name of the cluster, for several side by side")
        ->capture_default_str();
    command->add_option("--memory-limit", options->memory_limit,
                        "What each server may use, for example 2G (default: half of the memory "
                        "that is available, divided by the servers)");
    command->add_option("--stripe-size", options->stripe_size,
                        "Default stripe of new files, a multiple of 4K (default: 1M)");
    command
        ->add_option("--stripe-count", options->stripe_count,
                     "Default number of servers of a new file (default: all)")
        ->check(CLI::Range(1, 1024));
    command->add_option("--provider", options->provider,
                        "libfabric provider for clients of other hosts (default: tcp)");
    command
        ->add_option("--bind", options->bind,
                     "Address or host name where servers listen and clients connect; "
                     "127.0.0.1 is for clients of this host only")
        ->capture_default_str();
    command
        ->add_option("--base-port", options->base_port,
                     "TCP port of server 0, the next ones for the others (default: free ports)")
        ->check(CLI::Range(1, 65535));
    command->add_option(
        "--server-program", options->server_program,
        "The server to run (default: orfa-server beside this program, then in PATH)");
    command->add_flag("--json", options->json, "Print the environment as JSON");
    command->add_flag("--durable", options->durable)->group("");
    command->add_option("--data", options->data)->group("");
    command->footer(
        "Prints what to export on standard output, and nothing else, so that a shell can take "
        "it:\n\n"
        "  eval \"$(orfa cluster start --servers 4 --memory)\"\n"
        "  ROMIO_FSTYPE_FORCE=orfa: mpirun -np 4 ./my_program\n"
        "  orfa ls orfa:/\n"
        "  orfa cluster stop\n\n"
        "The servers run in the background as the user who started them. When one of them can't\n"
        "start, none is left running. With mpirun on several hosts, start with --bind HOST and\n"
        "pass the environment on: mpirun -x ORFA_SERVERS ...");
    command->callback([options, &exit_code] { exit_code = run_start(*options); });
}

}  // namespace orfa::cli
