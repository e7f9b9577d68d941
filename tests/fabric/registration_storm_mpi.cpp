// SPDX-License-Identifier: MIT
// The storm inside an MPI program: first with Open MPI's own memory hooks active, as networks that
// leave memory pinned make them, then after MPI_Finalize(), when they tell nobody any more.
#include "fabric/libc_hooks.hpp"
#include "tests/fabric/registration_storm.hpp"

#include <mpi.h>

#include <dlfcn.h>

#include <cstdio>
#include <cstring>

namespace {

// What Open MPI does when the first network asks for a registration cache.
bool open_hooks() {
    const auto open =
        reinterpret_cast<int (*)(void*, int)>(::dlsym(RTLD_DEFAULT, "mca_base_framework_open"));
    void* framework = ::dlsym(RTLD_DEFAULT, "opal_memory_base_framework");
    return open != nullptr && framework != nullptr && open(framework, 0) == 0;
}

// `expected_way`: by whom changes must be told; nullptr: it matters only that they are.
int storm(orfa::fabric::MonitorChoice monitor, const char* expected_way, bool moves_onto) {
    using namespace orfa::fabric;  // NOLINT(google-build-using-namespace)
    test::StormOptions options;
    options.monitor = monitor;
    options.operations = test::storm_operations();
    options.moves_onto = moves_onto;
    const test::StormResult result = test::run_storm(options);
    const int code = test::report_storm(options, result, false);
    if (code != 0 || expected_way == nullptr ||
        std::strstr(LibcHooks::way(), expected_way) != nullptr)
        return code;
    std::fprintf(stderr, "told by %s instead of %s\n", LibcHooks::way(), expected_way);
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    using orfa::fabric::MonitorChoice;
    // Before MPI: ours are in place, and Open MPI patches over them.
    if (const int code = storm(MonitorChoice::kHooks, "C library", true); code != 0) return code;
    MPI_Init(&argc, &argv);
    if (!open_hooks()) {
        std::printf("this Open MPI has no memory hooks\n");
        MPI_Finalize();
        return 77;
    }
    const int during = storm(MonitorChoice::kHooks, "Open MPI", false);
    MPI_Finalize();
    const int after = storm(MonitorChoice::kAuto, nullptr, false);
    return during != 0 ? during : after;
}
