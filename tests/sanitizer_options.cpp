// SPDX-License-Identifier: MIT
// What the sanitizers are not to report: added to the sources of test programs that load libfabric.
//
// libfabric is not instrumented. It keeps lists of providers and buffer pools for the life of the
// process (leaks), and synchronises inside in ways that ThreadSanitizer cannot see (races).

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the names are the
// sanitizers'
[[gnu::visibility("default")]] const char* __lsan_default_suppressions();
[[gnu::visibility("default")]] const char* __tsan_default_suppressions();

const char* __lsan_default_suppressions() {
    return "leak:libfabric.so\n"
           "leak:libpsm2.so\n"
           "leak:libpsm_infinipath.so\n"
           "leak:libinfinipath.so\n"
           "leak:libibverbs.so\n"
           "leak:librdmacm.so\n";
}

const char* __tsan_default_suppressions() {
    return "called_from_lib:libfabric.so\n"
           "mutex:_dl_call_fini\n"  // its destructor at exit
           "race:libfabric.so\n"
           "mutex:libfabric.so\n"
           "deadlock:libfabric.so\n";
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}
