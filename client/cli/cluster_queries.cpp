// SPDX-License-Identifier: MIT
// orfa ping, orfa df, orfa version
#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "client/cli/remote.hpp"
#include "common/units.hpp"

#include <algorithm>
#include <chrono>

namespace orfa::cli {
namespace {

using nlohmann::ordered_json;

struct PingOptions {
    unsigned count = 10;
    int server = -1;  // all
    bool json = false;
};

// Round trips of one server in seconds, sorted; empty after an error that has been told.
std::vector<double> ping_server(orfa_session* session, int server, unsigned count) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    for (unsigned i = 0; i < count; ++i) {
        const auto start = Clock::now();
        if (orfa_ping(session, server) != 0) {
            fail_remote();
            return {};
        }
        times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    return times;
}

int run_ping(const PingOptions& options) {
    const Session session = connect_session();
    if (!session) return kExitFailed;
    const int servers = orfa_server_count(session.get());
    if (options.server >= servers) {
        return misuse("--server {}: the cluster's servers are 0 to {}", options.server,
                      servers - 1);
    }
    const int first = std::max(options.server, 0);
    const int last = options.server < 0 ? servers : options.server + 1;
    ordered_json json = ordered_json::array();
    int exit_code = kExitOk;
    for (int server = first; server < last; ++server) {
        const std::vector<double> times = ping_server(session.get(), server, options.count);
        if (times.empty()) {
            exit_code = kExitFailed;
            json.push_back({{"server", server}, {"ok", false}});
            continue;
        }
        const double least = times.front();
        const double middle = times[times.size() / 2];
        const double most = times.back();
        json.push_back({{"server", server},
                        {"ok", true},
                        {"count", times.size()},
                        {"min_us", least * 1e6},
                        {"median_us", middle * 1e6},
                        {"max_us", most * 1e6}});
        if (!options.json) {
            out("server {}: {} round trips, median {} (min {}, max {})\n", server, times.size(),
                format_duration(middle), format_duration(least), format_duration(most));
        }
    }
    if (options.json) out_json(json);
    return exit_code;
}

int run_df(bool json, bool bytes) {
    const Session session = connect_session();
    if (!session) return kExitFailed;
    orfa_statfs info{};
    if (orfa_statvfs(session.get(), &info) != 0) return fail_remote();
    const std::uint64_t used = info.total_bytes - std::min(info.free_bytes, info.total_bytes);
    if (json) {
        out_json({{"total_bytes", info.total_bytes},
                  {"used_bytes", used},
                  {"free_bytes", info.free_bytes},
                  {"files", info.files},
                  {"servers", info.servers},
                  {"name_max", info.name_max}});
        return kExitOk;
    }
    const auto text = [bytes](std::uint64_t value) {
        return bytes ? std::to_string(value) : format_bytes(value);
    };
    const double percent = info.total_bytes == 0 ? 0
                                                 : 100 * static_cast<double>(used) /
                                                       static_cast<double>(info.total_bytes);
    constexpr const char* kRow = "{:>14} {:>14} {:>14} {:>5} {:>10} {:>7}\n";
    out(kRow, "size", "used", "free", "use%", "files", "servers");
    out(kRow, text(info.total_bytes), text(used), text(info.free_bytes),
        fmt::format("{:.0f}%", percent), info.files, info.servers);
    return kExitOk;
}

}  // namespace

void add_ping(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<PingOptions>();
    CLI::App* command = app.add_subcommand("ping", "Measure round trips to the servers");
    command->add_option("-c,--count", options->count, "Round trips to each server")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    command->add_option("--server", options->server, "Only this server (0, 1, ...; default: all)")
        ->check(CLI::NonNegativeNumber);
    command->add_flag("--json", options->json, "Print JSON");
    command->footer(
        "The first round trip to a server may hold the connection's set-up.\n\n"
        "  orfa ping\n"
        "  ORFA_TRANSPORT=ofi orfa ping -c 1000");
    command->callback([options, &exit_code] { exit_code = run_ping(*options); });
}

void add_df(CLI::App& app, int& exit_code) {
    struct Options {
        bool json = false;
        bool bytes = false;
    };
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("df", "Show how full the file system is");
    command->add_flag("-b,--bytes", options->bytes, "Exact bytes instead of MiB, GiB, ...");
    command->add_flag("--json", options->json, "Print JSON");
    command->footer("Each server's share: orfa cluster status");
    command->callback([options, &exit_code] { exit_code = run_df(options->json, options->bytes); });
}

void add_version(CLI::App& app, int& exit_code) {
    auto json = std::make_shared<bool>(false);
    CLI::App* command = app.add_subcommand("version", "Print the version");
    command->add_flag("--json", *json, "Print JSON");
    command->callback([json, &exit_code] {
        if (*json) {
            out_json({{"version", orfa_version()}});
        } else {
            out("orfa {}\n", orfa_version());
        }
        exit_code = kExitOk;
    });
}

}  // namespace orfa::cli
