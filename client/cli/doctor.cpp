// SPDX-License-Identifier: MIT
// orfa doctor
#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "client/orfa.h"

#include <vector>

namespace orfa::cli {
namespace {

using nlohmann::ordered_json;

int run_doctor(bool as_json) {
    std::vector<char> text(16 << 10);
    if (orfa_registration_report(text.data(), text.size()) < 0) return fail("{}", orfa_error());
    const ordered_json findings = ordered_json::parse(text.data());
    if (as_json) {
        out_json({{"registration", findings}});
        return kExitOk;
    }
    out("Registering memory with the network:\n");
    for (const ordered_json& finding : findings) {
        const auto note = finding.at("note").get<std::string>();
        out("  {} {:<28} {}{}\n", finding.at("good").get<bool>() ? "  " : "! ",
            finding.at("check").get<std::string>(), finding.at("value").get<std::string>(),
            note.empty() ? "" : " (" + note + ")");
    }
    return kExitOk;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
    auto json = std::make_shared<bool>(false);
    CLI::App* command = app.add_subcommand(
        "doctor", "Say what works on this host for reaching servers, and why not");
    command->add_flag("--json", *json, "Print it as JSON");
    command->footer(
        "Lines with ! are worse than they could be. Needs no cluster. Environment: ORFA_PROVIDER,\n"
        "ORFA_REGISTRATION_CACHE, ORFA_MEMORY_MONITOR (docs/registration.md).");
    command->callback([json, &exit_code] { exit_code = run_doctor(*json); });
}

}  // namespace orfa::cli
