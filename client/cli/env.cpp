// SPDX-License-Identifier: MIT
// orfa env
#include "client/cli/cluster_select.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/environment.hpp"
#include "client/cli/output.hpp"

#include <cerrno>

namespace orfa::cli {
namespace {

int run_env(const std::string& name, bool json) {
    if (!valid_cluster_name(name)) return misuse("--name {}: not a cluster's name", name);
    auto folder = StateFolder::open();
    if (!folder.ok()) return kExitFailed;
    auto state = select_cluster(*folder, name);
    if (!state.ok()) return kExitFailed;
    if (state->alive_count() == 0) {
        return fail("the servers of cluster '{}' are gone; start it again", name);
    }
    print_environment(*state, json);
    return kExitOk;
}

}  // namespace

void add_env(CLI::App& app, int& exit_code) {
    struct Options {
        std::string name = "default";
        bool json = false;
    };
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("env", "Print what a shell must export to use a cluster");
    command->add_option("--name", options->name, "Name of the cluster")->capture_default_str();
    command->add_flag("--json", options->json, "Print it as JSON");
    command->footer("  eval \"$(orfa env)\"");
    command->callback([options, &exit_code] { exit_code = run_env(options->name, options->json); });
}

}  // namespace orfa::cli
