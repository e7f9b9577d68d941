// SPDX-License-Identifier: MIT
// main() of the benchmark programs without MPI.
#include "benchmarks/harness.hpp"
#include "benchmarks/program.hpp"

int main(int argc, char** argv) {
    return orfa::benchmarks::guarded([&] { return orfa::benchmarks::parse_and_run(argc, argv); });
}
