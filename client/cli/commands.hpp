// SPDX-License-Identifier: MIT
// The commands: each function below adds one to its parent and runs it when it was given, leaving
// its exit code in `exit_code`.
#pragma once

#include <CLI/CLI.hpp>

namespace orfa::cli {

// orfa cluster ...
void add_cluster_start(CLI::App& cluster, int& exit_code);
void add_cluster_stop(CLI::App& cluster, int& exit_code);
void add_cluster_status(CLI::App& cluster, int& exit_code);
void add_cluster_list(CLI::App& cluster, int& exit_code);

// orfa ...
void add_env(CLI::App& app, int& exit_code);
void add_ping(CLI::App& app, int& exit_code);
void add_ls(CLI::App& app, int& exit_code);
void add_stat(CLI::App& app, int& exit_code);
void add_cp(CLI::App& app, int& exit_code);
void add_cat(CLI::App& app, int& exit_code);
void add_rm(CLI::App& app, int& exit_code);
void add_mkdir(CLI::App& app, int& exit_code);
void add_mv(CLI::App& app, int& exit_code);
void add_layout(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_df(CLI::App& app, int& exit_code);
void add_version(CLI::App& app, int& exit_code);

}  // namespace orfa::cli
