// SPDX-License-Identifier: MIT
// orfa cluster status, orfa cluster list
#include "client/cli/cluster_select.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "client/cli/remote.hpp"
#include "common/units.hpp"

#include <ctime>

namespace orfa::cli {
namespace {

using nlohmann::ordered_json;

// What a server says of itself; an object with "error" when it does not answer.
ordered_json ask_server(orfa_session* session, int index) {
    std::string text(1 << 16, '\0');
    const ssize_t length = orfa_server_status(session, index, text.data(), text.size());
    if (length < 0) return {{"error", orfa_error()}};
    text.resize(std::min(static_cast<std::size_t>(length), text.size() - 1));
    ordered_json answer = ordered_json::parse(text, nullptr, false);
    if (!answer.is_object()) return {{"error", "the server's answer is not understood"}};
    return answer;
}

// One object a server: our own words (index, address, state, pid), then the server's.
ordered_json collect(const ClusterState& cluster, bool& all_up) {
    const bool ours = !cluster.name.empty();
    Session session(orfa_connect(cluster.server_list().c_str()));
    const std::string no_session = session ? "" : orfa_error();
    ordered_json servers = ordered_json::array();
    for (std::size_t i = 0; i < cluster.servers.size(); ++i) {
        const bool ended = ours && !cluster.server_alive(i);
        ordered_json answer;
        if (ended) {
            answer["error"] = "its process has ended";
        } else if (session) {
            answer = ask_server(session.get(), static_cast<int>(i));
        } else {
            answer["error"] = no_session;
        }
        const bool up = !answer.contains("error");
        all_up = all_up && up;
        ordered_json server{{"index", i},
                            {"address", cluster.servers[i].address},
                            {"state", up      ? "up"
                                      : ended ? "down"
                                              : "silent"}};
        if (ours) server["pid"] = cluster.servers[i].process.pid;
        for (const auto& [key, value] : answer.items()) {
            if (!server.contains(key)) server[key] = value;
        }
        servers.push_back(std::move(server));
    }
    return servers;
}

// The number under `key`, as text made by `format`; "-" when there is none.
template <typename Format>
std::string number_of(const ordered_json& object, const char* key, Format format) {
    const auto found = object.find(key);
    return found == object.end() || !found->is_number() ? "-" : format(*found);
}

std::string bytes_of(const ordered_json& object, const char* key) {
    return number_of(object, key, [](const ordered_json& value) {
        return format_bytes(value.get<std::uint64_t>());
    });
}

std::string text_of(const ordered_json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || !found->is_string() ? "-"
                                                        : printable(found->get<std::string>());
}

void print_table(const ClusterState& cluster, const ordered_json& servers) {
    if (!cluster.name.empty()) {
        out("cluster {}: {} server{}, started {} ago\n", cluster.name, servers.size(),
            servers.size() == 1 ? "" : "s",
            format_duration(static_cast<double>(std::time(nullptr) - cluster.started)));
    }
    constexpr const char* kRow =
        "{:>3}  {:<22} {:<6} {:>8} {:<12} {:>12} {:>21} {:>10} {:>10} {:>10}\n";
    out(kRow, "#", "address", "state", "pid", "transports", "uptime", "memory", "read", "written",
        "requests");
    std::string errors;
    for (const auto& server : servers) {
        const auto plain = [](const ordered_json& value) { return value.dump(); };
        out(kRow, server["index"].get<std::size_t>(), server["address"].get<std::string>(),
            server["state"].get<std::string>(), number_of(server, "pid", plain),
            text_of(server, "transports"),
            number_of(
                server, "uptime_seconds",
                [](const ordered_json& value) { return format_duration(value.get<double>()); }),
            bytes_of(server, "memory_used") + " / " + bytes_of(server, "memory_limit"),
            bytes_of(server, "bytes_read"), bytes_of(server, "bytes_written"),
            number_of(server, "requests", plain));
        if (server.contains("error")) {
            errors += fmt::format("orfa: server {} ({}): {}\n", server["index"].get<std::size_t>(),
                                  server["address"].get<std::string>(),
                                  printable(server["error"].get<std::string>()));
        }
    }
    error_text(errors);
}

int run_status(const std::string& name, bool json) {
    auto folder = StateFolder::open();
    if (!folder.ok()) return kExitFailed;
    auto cluster = select_cluster(*folder, name);
    if (!cluster.ok()) return kExitFailed;
    bool all_up = true;
    const ordered_json servers = collect(*cluster, all_up);
    if (json) {
        ordered_json object;
        if (!cluster->name.empty()) {
            object["name"] = cluster->name;
            object["started"] = cluster->started;
        }
        object["all_up"] = all_up;
        object["servers"] = servers;
        out_json(object);
    } else {
        print_table(*cluster, servers);
    }
    return all_up ? kExitOk : kExitFailed;
}

int run_list(bool json) {
    auto folder = StateFolder::open();
    if (!folder.ok()) return kExitFailed;
    ordered_json array = ordered_json::array();
    for (const auto& state : folder->list()) {
        const std::size_t alive = state.alive_count();
        array.push_back({{"name", state.name},
                         {"servers", state.servers.size()},
                         {"alive", alive},
                         {"started", state.started},
                         {"addresses", state.server_list()}});
        if (!json) {
            out("{:<16} {} of {} servers run  {}\n", state.name, alive, state.servers.size(),
                state.server_list());
        }
    }
    if (json) out_json(array);
    return kExitOk;
}

}  // namespace

void add_cluster_status(CLI::App& cluster, int& exit_code) {
    struct Options {
        std::string name;
        bool json = false;
    };
    auto options = std::make_shared<Options>();
    CLI::App* command = cluster.add_subcommand("status", "Show what each server of a cluster does");
    command->add_option("--name", options->name,
                        "Name of the cluster (default: the one ORFA_SERVERS lists, else default)");
    command->add_flag("--json", options->json, "Print JSON");
    command->footer(
        "A server is 'up', 'down' (its process has ended) or 'silent' (it runs and does not "
        "answer).\n"
        "Exits with 1 unless all are up.\n\n"
        "  orfa cluster status --json | jq '.servers[].memory_used'");
    command->callback(
        [options, &exit_code] { exit_code = run_status(options->name, options->json); });
}

void add_cluster_list(CLI::App& cluster, int& exit_code) {
    auto json = std::make_shared<bool>(false);
    CLI::App* command = cluster.add_subcommand("list", "List this user's clusters on this host");
    command->add_flag("--json", *json, "Print JSON");
    command->callback([json, &exit_code] { exit_code = run_list(*json); });
}

}  // namespace orfa::cli
