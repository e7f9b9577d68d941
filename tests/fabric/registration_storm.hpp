// SPDX-License-Identifier: MIT
// Threads that change their memory in every way a program can and do "transfers" from the same
// addresses through a registration cache; each transfer is checked against the pages that were
// registered. From a seed.
#pragma once

#include "fabric/memory_monitor.hpp"

#include <cstdint>

namespace orfa::fabric::test {

struct StormOptions {
    MonitorChoice monitor = MonitorChoice::kHooks;
    bool watched = true;  // false: the cache has no monitor
    // mremap() onto mapped memory: Open MPI's hooks do not tell of it, and with userfaultfd the
    // kernel leaves it half done where only a part of a mapping is watched.
    bool moves_onto = true;
    std::uint64_t operations = 100'000;
    unsigned threads = 4;
    unsigned seed = 1;
};

struct StormResult {
    bool possible = false;  // the monitor works here, and pages can be told apart
    std::uint64_t transfers = 0;
    std::uint64_t stale = 0;
    std::uint64_t hits = 0;
    std::uint64_t invalidated = 0;
    std::uint64_t forks = 0;
};

StormResult run_storm(const StormOptions& options);

// Prints a line; the exit code: 0, 1 (stale transfers, or none where `expect_stale`), 77 (not
// possible here).
int report_storm(const StormOptions& options, const StormResult& result, bool expect_stale);

// ORFA_STORM_OPERATIONS, or a few seconds' worth.
std::uint64_t storm_operations();

}  // namespace orfa::fabric::test
