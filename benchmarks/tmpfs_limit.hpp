// SPDX-License-Identifier: MIT
// What the kernel's own memory file system gives to plain system calls: the limit of ROMIO's ufs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace orfa::benchmarks {

// Seconds in which `processes` processes at once write a new file in `folder`, each its part of
// `total` bytes in calls of `piece` bytes, and read it again: {writing, reading}. The file is
// gone afterwards. Ends the program when that fails.
std::vector<double> tmpfs_seconds(const std::string& folder, std::uint64_t total,
                                  std::uint64_t piece, unsigned processes);

// Covers `folder` by a tmpfs of huge pages that this process and its later children alone see, and
// that goes with them. Returns why that can't be done; empty: it is.
std::string cover_by_huge_tmpfs(const std::string& folder);

}  // namespace orfa::benchmarks
