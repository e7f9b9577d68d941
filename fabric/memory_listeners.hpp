// SPDX-License-Identifier: MIT
// All listeners of a process, for code that runs inside munmap() and its like.
#pragma once

#include "fabric/memory_monitor.hpp"

#include <array>
#include <atomic>

namespace orfa::fabric {

// A listener is told from add until remove, which waits for threads that are telling it. At most 64
// (ENOSPC). Thread-safe. In the child of a fork the list is empty.
Status add_listener(MemoryListener& listener);
void remove_listener(MemoryListener& listener);

// What tell_listeners() looks at first. The bounds are not with the listeners, so that looking at
// them needs no care for a listener's life.
struct ListenerTable {
    static constexpr unsigned kMost = 64;
    std::atomic<unsigned> used{0};  // entries from here on are empty
    std::array<MemoryBounds, kMost> bounds{};
};
extern ListenerTable listener_table;

void tell_listener(unsigned index, const AddressRange& range) noexcept;

// Tells those listeners whose bounds the range touches, without a lock of its own; a few ns when
// there are none.
inline void tell_listeners(const AddressRange& range) noexcept {
    const unsigned count = listener_table.used.load();
    for (unsigned i = 0; i < count; ++i) {
        if (listener_table.bounds[i].may_hold(range)) [[unlikely]]
            tell_listener(i, range);
    }
}

}  // namespace orfa::fabric
