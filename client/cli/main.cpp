// SPDX-License-Identifier: MIT
// The orfa command.
#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "client/orfa.h"

#include <csignal>
#include <cstdio>
#include <exception>

namespace {

void add_all(CLI::App& app, int& exit_code) {
    using namespace orfa::cli;  // NOLINT(google-build-using-namespace): one list of its functions
    CLI::App* cluster = app.add_subcommand("cluster", "Start, stop and look at clusters");
    cluster->require_subcommand(1);
    add_cluster_start(*cluster, exit_code);
    add_cluster_stop(*cluster, exit_code);
    add_cluster_status(*cluster, exit_code);
    add_cluster_list(*cluster, exit_code);
    for (const auto add : {add_env, add_ping, add_ls, add_stat, add_cp, add_cat, add_rm, add_mkdir,
                           add_mv, add_layout, add_df, add_doctor, add_version}) {
        add(app, exit_code);
    }
}

int run(int argc, char** argv) {
    int exit_code = orfa::cli::kExitOk;
    CLI::App app(
        "ORFA, a user-level parallel file system for MPI-IO. Files of a cluster are written "
        "orfa:/path.");
    app.name("orfa");
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("orfa ") + orfa_version());
    app.footer(
        "Begin with:\n"
        "  eval \"$(orfa cluster start --servers 4 --memory)\"\n"
        "  orfa cp input.dat orfa:/input.dat\n"
        "  ROMIO_FSTYPE_FORCE=orfa: mpirun -np 4 ./my_program\n"
        "  orfa ls -l orfa:/\n"
        "  orfa cluster stop\n\n"
        "Commands use the cluster that ORFA_SERVERS lists; when it is not set, the running "
        "cluster\n"
        "'default'. Exit codes: 0 done, 1 failed, 2 used wrongly. 'orfa COMMAND --help' says "
        "more.");
    add_all(app, exit_code);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_code = app.exit(error) == 0 ? orfa::cli::kExitOk : orfa::cli::kExitUsage;
    } catch (const std::exception& error) {
        exit_code = orfa::cli::fail("{}", error.what());
    }
    return orfa::cli::finish_output(exit_code);
}

}  // namespace

int main(int argc, char** argv) {
    // A reader that went away is reported as an error of the write, with the clean-up that needs.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {  // even telling of an error failed
        std::fprintf(stderr, "orfa: %s\n", error.what());
        return orfa::cli::kExitFailed;
    }
}
