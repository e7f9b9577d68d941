// SPDX-License-Identifier: MIT
#include "fabric/memory_listeners.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/utsname.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>

namespace orfa::fabric {
namespace {

// Constant-initialised and never destroyed: memory is unmapped before and after main(), too.
// The bounds are here rather than with the listener, so that looking at them needs no care for its
// life.
struct Slot {
    std::atomic<MemoryListener*> listener{nullptr};
    MemoryBounds bounds;
};
constinit std::array<Slot, 64> slots{};
constinit std::atomic<unsigned> used{0};  // slots from here on are empty
constinit std::atomic<unsigned> telling{0};
constinit pthread_once_t once = PTHREAD_ONCE_INIT;
constinit bool fork_moves_pages = false;

// Before 5.12 a fork made pinned pages copy-on-write: the first to write to one afterwards, be it
// the parent, got another page.
bool kernel_moves_pinned_pages() {
    utsname name{};
    int major = 0;
    int minor = 0;
    if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return true;
    return major < 5 || (major == 5 && minor < 12);
}

void before_fork() {
    if (fork_moves_pages) tell_listeners({0, UINTPTR_MAX});
}

void after_fork_in_child() {
    for (Slot& slot : slots) {
        slot.listener.store(nullptr);
        slot.bounds.set({UINTPTR_MAX, 0});
    }
    used = 0;
    telling = 0;
}

void watch_forks() {
    fork_moves_pages = kernel_moves_pinned_pages();
    (void)::pthread_atfork(before_fork, nullptr, after_fork_in_child);
}

}  // namespace

Status add_listener(MemoryListener& listener) {
    (void)::pthread_once(&once, watch_forks);
    for (unsigned i = 0; i < slots.size(); ++i) {
        MemoryListener* none = nullptr;
        if (!slots[i].listener.compare_exchange_strong(none, &listener)) continue;
        slots[i].bounds.set({0, UINTPTR_MAX});
        listener.publish_bounds(&slots[i].bounds);
        unsigned before = used;
        while (before < i + 1 && !used.compare_exchange_weak(before, i + 1)) {
        }
        return {};
    }
    return Status::from_errno(ENOSPC);
}

void remove_listener(MemoryListener& listener) {
    for (Slot& slot : slots) {
        if (slot.listener.load() != &listener) continue;
        listener.publish_bounds(nullptr);
        slot.bounds.set({UINTPTR_MAX, 0});
        slot.listener.store(nullptr);
    }
    while (telling != 0)
        ::sched_yield();
}

void tell_listeners(const AddressRange& range) noexcept {
    const unsigned count = used.load();
    for (unsigned i = 0; i < count; ++i) {
        if (!slots[i].bounds.may_hold(range)) [[likely]]
            continue;
        telling.fetch_add(1);
        MemoryListener* listener = slots[i].listener.load();
        if (listener != nullptr) listener->on_memory_changed(range);
        telling.fetch_sub(1);
    }
}

}  // namespace orfa::fabric
