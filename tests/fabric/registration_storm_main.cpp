// SPDX-License-Identifier: MIT
// registration_storm hooks|userfaultfd|none [SEED]: a program of its own, to be run under other
// allocators too. With "none" it must find stale transfers, else it could not find any.
#include "tests/fabric/registration_storm.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
    using namespace orfa::fabric;  // NOLINT(google-build-using-namespace)
    if (argc < 2) return 2;
    const auto monitor = parse_monitor(argv[1]);
    if (!monitor.ok()) return 2;
    test::StormOptions options;
    options.monitor = *monitor;
    options.watched = *monitor != MonitorChoice::kNone;
    options.moves_onto = *monitor != MonitorChoice::kUserfaultfd;
    options.operations = test::storm_operations();
    if (argc > 2) options.seed = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
    return test::report_storm(options, test::run_storm(options), !options.watched);
}
