// SPDX-License-Identifier: MIT
// Which of this user's clusters a command means.
#pragma once

#include "client/cli/cluster_state.hpp"

#include <string>

namespace orfa::cli {

// The cluster called `name`. Without a name: the one ORFA_SERVERS lists, else (when it is not set)
// "default". ENOENT and all other errors have been explained on standard error.
Result<ClusterState> select_cluster(const StateFolder& folder, const std::string& name);

// Says that there is no cluster `name`, and which there are. Returns kExitFailed.
int no_such_cluster(const StateFolder& folder, const std::string& name);

}  // namespace orfa::cli
