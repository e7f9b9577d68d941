// SPDX-License-Identifier: MIT
// libfabric itself, loaded when it is first needed.
//
// It is never linked: libfabric 1.17 of Debian 12 depends on libpsm_infinipath and libpsm2, whose
// load-time constructors sleep for 100 ms each and take over signal handlers, so that a program
// which only links it starts 200 ms later. Almost all of its interface is inline functions over
// tables of pointers; these five are the rest.
#pragma once

#include "common/status.hpp"

#include <rdma/fabric.h>

#include <cstdint>

namespace orfa::fabric {

struct OfiLibrary {
    decltype(&::fi_getinfo) getinfo = nullptr;
    decltype(&::fi_freeinfo) freeinfo = nullptr;
    decltype(&::fi_dupinfo) dupinfo = nullptr;
    decltype(&::fi_fabric) fabric = nullptr;
    decltype(&::fi_strerror) strerror = nullptr;
    std::uint32_t version = 0;  // of the library at run time, FI_VERSION(major, minor)

    // The library, loaded by the first call (300 ms with Debian's 1.17, once a process) and never
    // unloaded. Sets libfabric's environment variables that bound its memory and the like, where
    // the user has not; restores the signal handlers its dependencies replace. Thread-safe, but
    // setenv() is not: no other thread should be in getenv(). ENOSYS: there is no libfabric, or one
    // older than the headers of this build (logged).
    static Result<const OfiLibrary*> load();
};

}  // namespace orfa::fabric
