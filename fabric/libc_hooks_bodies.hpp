// SPDX-License-Identifier: MIT
// What the hooked functions do instead: the system call, and telling the listeners before and after
// it. Before, because another thread may get the addresses as soon as the call has unmapped them;
// after, because one may have registered the range between the telling and the call.
#pragma once

#include <array>

namespace orfa::fabric {

// False: the C library does not say where it keeps the program break.
bool find_program_break();

// For munmap, mremap, madvise, brk, shmdt, shmat, mmap.
std::array<void*, 7> hook_bodies();

}  // namespace orfa::fabric
