// SPDX-License-Identifier: MIT
// The processor that the calling thread runs on, and leaving it.
#pragma once

namespace orfa::fabric {

// Its number; -1: can't be told.
int current_processor();

// Has the kernel move the calling thread off `processor`, if it runs there and may run elsewhere.
// Where it may run is the same afterwards (a change that another thread makes to that meanwhile is
// lost), and the kernel may move it back at any time. Some microseconds.
void leave_processor(int processor);

}  // namespace orfa::fabric
