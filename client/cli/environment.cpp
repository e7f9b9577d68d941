// SPDX-License-Identifier: MIT
#include "client/cli/environment.hpp"

#include "client/cli/output.hpp"

#include <cstdlib>

namespace orfa::cli {
namespace {

namespace fs = std::filesystem;

// Both in a build tree and where it is installed.
fs::path component_folder() {
    return (program_folder() / ".." / "lib" / "orfa" / "openmpi").lexically_normal();
}

// Open MPI 4.1 stops at the first folder that it can't read, and then has not even its own
// components: ours must be there, and before ~/.openmpi/components, which mostly isn't.
bool component_is_there() {
    std::error_code error;
    return fs::exists(component_folder() / "mca_io_orfa.so", error);
}

// Open MPI replaces these two by the folders it would have searched anyway: its own components and
// ~/.openmpi/components. Without them it would find no component but ours.
constexpr const char* kOpenMpiDefaults = "SYSTEM_DEFAULT:USER_DEFAULT";

std::string component_path() {
    const std::string ours = component_folder().native();
    const char* current = std::getenv("OMPI_MCA_mca_base_component_path");
    if (current == nullptr || current[0] == '\0') return ours + ":" + kOpenMpiDefaults;
    std::string others = current;
    if ((":" + others + ":").find(":" + ours + ":") != std::string::npos) return others;
    return ours + ":" + others;
}

}  // namespace

fs::path program_folder() {
    std::error_code error;
    return fs::read_symlink("/proc/self/exe", error).parent_path();
}

Environment cluster_environment(const ClusterState& state) {
    Environment environment{{"ORFA_SERVERS", state.server_list()}};
    if (!state.provider.empty()) environment.emplace_back("ORFA_PROVIDER", state.provider);
    if (component_is_there()) {
        environment.emplace_back("OMPI_MCA_mca_base_component_path", component_path());
    }
    return environment;
}

std::string shell_quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'') {
            quoted += "'\\''";
        } else {
            quoted += c;
        }
    }
    return quoted + "'";
}

void print_environment(const ClusterState& state, bool json) {
    const fs::path folder = component_folder();
    if (!component_is_there()) {
        note("no MPI component at {}: MPI programs can't reach the cluster yet", folder.native());
    } else if (folder.native().find(':') != std::string::npos) {
        note("Open MPI can't find its component in {}: the path holds a colon", folder.native());
    }
    const Environment environment = cluster_environment(state);
    if (json) {
        nlohmann::ordered_json object;
        for (const auto& [name, value] : environment)
            object[name] = value;
        out_json(object);
        return;
    }
    for (const auto& [name, value] : environment)
        out("export {}={}\n", name, shell_quoted(value));
}

}  // namespace orfa::cli
