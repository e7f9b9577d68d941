// SPDX-License-Identifier: MIT
// What each benchmark program without MPI is, behind main.cpp.
#pragma once

namespace orfa::benchmarks {

// The program's exit code. Throws what makes it fail: main() says it, and the exit code is 1.
int parse_and_run(int argc, char** argv);

}  // namespace orfa::benchmarks
