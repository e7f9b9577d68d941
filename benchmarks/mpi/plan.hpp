// SPDX-License-Identifier: MIT
// Which bytes of a shared file each rank's calls access: all that most workloads have to say.
#pragma once

#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {

// Where a rank's data lie in its memory: pieces of `piece` bytes, `stride` bytes apart, the first
// one `first` bytes behind the beginning. piece 0: all in one.
struct MemoryShape {
    std::uint64_t piece = 0;
    std::uint64_t stride = 0;
    std::uint64_t first = 0;
};

struct View {
    std::uint64_t displacement = 0;
    Type type;
};

struct Plan {
    using Use = std::function<void(std::uint64_t offset, std::uint64_t length)>;

    std::uint64_t calls = 0;       // that each rank makes
    std::uint64_t bytes = 0;       // of each call
    std::uint64_t file_bytes = 0;  // of the file, all of which gets written
    // Calls `use` for each piece of the file that call `call` of `owner` accesses, in the order in
    // which they lie in memory: plain arithmetic, which MPI's datatypes are checked against.
    std::function<void(std::uint64_t owner, std::uint64_t call, const Use& use)> pieces = nullptr;
    // The view under which call k of `owner` is at k * bytes. None: calls have one piece each, and
    // go to its offset.
    std::function<View(std::uint64_t owner)> view = nullptr;
    // Instead: a view for each call, set in the timed part; the call is at its beginning.
    std::function<View(std::uint64_t owner, std::uint64_t call)> view_of_call = nullptr;
    MemoryShape memory = {};
    bool file_per_process = false;  // `owner` has a file of its own, of file_bytes
};

// Writes, has another rank read (by `reading`, if the two differ) and verifies: phases "write" and
// "read"; with parameter rewrite=1, "rewrite", which reads each call's data, changes them and
// writes them back. All in the run's form. The file is deleted in the end.
void run_plan(Run& run, const Plan& writing, const Plan& reading);
inline void run_plan(Run& run, const Plan& plan) {
    run_plan(run, plan, plan);
}

}  // namespace orfa::benchmarks
