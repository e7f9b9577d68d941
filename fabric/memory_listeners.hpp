// SPDX-License-Identifier: MIT
// All listeners of a process, for code that runs inside munmap() and its like.
#pragma once

#include "fabric/memory_monitor.hpp"

namespace orfa::fabric {

// A listener is told from add until remove, which waits for threads that are telling it. At most 64
// (ENOSPC). Thread-safe. In the child of a fork the list is empty.
Status add_listener(MemoryListener& listener);
void remove_listener(MemoryListener& listener);

// Tells those listeners whose bounds the range touches, without a lock of its own; a few ns when
// there are none.
void tell_listeners(const AddressRange& range) noexcept;

}  // namespace orfa::fabric
