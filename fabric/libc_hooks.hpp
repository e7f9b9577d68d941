// SPDX-License-Identifier: MIT
// The process' functions that change mappings - munmap, mremap, madvise, brk (and with it sbrk and
// malloc), shmdt, shmat, mmap - tell this module's listeners what they change.
//
// Where Open MPI has hooks in these functions already, its public interface tells us, and where
// another copy of this library has, that one does: nobody's patch is patched again. Otherwise the
// functions are redirected here, by their first instruction, which also catches the calls inside
// libc. The system calls of other libraries' own making are not seen, nor is the dynamic linker's
// munmap when a library is unloaded.
#pragma once

#include "common/status.hpp"

#include <cstdint>

namespace orfa::fabric {

class LibcHooks {
  public:
    // Sees to it that the listeners are told. ENOTSUP: somebody else has patched the functions who
    // shares with nobody, or this processor or C library is not known here (reason() says which).
    // The library stays loaded from then on. Thread-safe.
    static Status install();
    // Whether what install() did still stands: somebody may patch over it, or take a patch back.
    // A few ns. Thread-safe.
    static bool intact();
    // Counts the times that install() had to begin anew: what changed before may not have been
    // told.
    static std::uint64_t generation();
    // For people: how the listeners are told, and why they are not.
    static const char* way();
    static const char* reason();
};

}  // namespace orfa::fabric
