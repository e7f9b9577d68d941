// SPDX-License-Identifier: MIT
// How much memory a server may use when nobody says.
#pragma once

#include <cstdint>

namespace orfa::cli {

// Bytes this process could still use: the kernel's MemAvailable, or less where a control group (of
// either version) leaves less. 0: not known.
std::uint64_t available_memory();

// Half of what is available shared by `servers`, in whole MiB, at least 64 MiB.
std::uint64_t default_memory_limit(std::uint64_t available, unsigned servers);

}  // namespace orfa::cli
