// SPDX-License-Identifier: MIT
#include "fabric/processors.hpp"

#include <sched.h>

#include <cstddef>

namespace orfa::fabric {

int current_processor() {
    return ::sched_getcpu();
}

void leave_processor(int processor) {
    if (processor < 0 || processor >= CPU_SETSIZE || current_processor() != processor) return;
    const auto which = static_cast<std::size_t>(processor);
    cpu_set_t allowed;
    // Machines with more processors than a set has fail here, and nothing happens.
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    if (!CPU_ISSET(which, &allowed) || CPU_COUNT(&allowed) < 2) return;
    cpu_set_t others = allowed;
    CPU_CLR(which, &others);
    if (::sched_setaffinity(0, sizeof others, &others) == 0)
        (void)::sched_setaffinity(0, sizeof allowed, &allowed);
}

}  // namespace orfa::fabric
