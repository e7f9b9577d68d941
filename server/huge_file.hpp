// SPDX-License-Identifier: MIT
// A file in memory that other processes can map, without losing huge pages for it: by default the
// kernel gives these to private memory only, and to files of a tmpfs that was mounted for it.
#pragma once

#include "common/status.hpp"
#include "common/unique_fd.hpp"

namespace orfa::server {

// An empty file without a name, gone with its last user. Its pages are huge as far as private ones
// would be, or it is ENOTSUP. Needs no rights where users may have name spaces of their own; blocks
// for some milliseconds.
Result<UniqueFd> make_huge_file();

}  // namespace orfa::server
