// SPDX-License-Identifier: MIT
// The shell environment in which programs find a cluster.
#pragma once

#include "client/cli/cluster_state.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace orfa::cli {

// The folder of this very program (symbolic links followed).
std::filesystem::path program_folder();

// Names and values, in the order they are printed: ORFA_SERVERS; ORFA_PROVIDER when the cluster was
// started with --provider; Open MPI's component path when our component is installed.
using Environment = std::vector<std::pair<std::string, std::string>>;
Environment cluster_environment(const ClusterState& state);

// `text` as one word of a POSIX shell, always quoted.
std::string shell_quoted(const std::string& text);

// Prints the environment as export lines, or as one JSON object; says on standard error what is
// missing for MPI programs.
void print_environment(const ClusterState& state, bool json);

}  // namespace orfa::cli
