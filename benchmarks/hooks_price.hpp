// SPDX-License-Identifier: MIT
// What hooks in the C library cost calls that have nothing to do with registered memory.
#pragma once

namespace orfa::benchmarks {

// Puts the hooks in, and times munmap() and free() of memory that nobody registered with them and
// without them, in turns of one process; prints a line of JSON for each. `rounds`: turns of either
// kind. One thread only: the C library's code changes under it. Throws when the hooks here are not
// our own.
void measure_hooks(unsigned rounds);

}  // namespace orfa::benchmarks
