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
constinit std::array<std::atomic<MemoryListener*>, ListenerTable::kMost> listeners{};
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

void clear(unsigned index) {
    listener_table.bounds[index].set({UINTPTR_MAX, 0});
    listeners[index].store(nullptr);
}

void after_fork_in_child() {
    for (unsigned i = 0; i < listeners.size(); ++i)
        clear(i);
    listener_table.used = 0;
    telling = 0;
}

void watch_forks() {
    fork_moves_pages = kernel_moves_pinned_pages();
    (void)::pthread_atfork(before_fork, nullptr, after_fork_in_child);
}

}  // namespace

constinit ListenerTable listener_table{};

Status add_listener(MemoryListener& listener) {
    (void)::pthread_once(&once, watch_forks);
    for (unsigned i = 0; i < listeners.size(); ++i) {
        MemoryListener* none = nullptr;
        if (!listeners[i].compare_exchange_strong(none, &listener)) continue;
        listener_table.bounds[i].set({0, UINTPTR_MAX});
        listener.publish_bounds(&listener_table.bounds[i]);
        unsigned before = listener_table.used;
        while (before < i + 1 && !listener_table.used.compare_exchange_weak(before, i + 1)) {
        }
        return {};
    }
    return Status::from_errno(ENOSPC);
}

void remove_listener(MemoryListener& listener) {
    for (unsigned i = 0; i < listeners.size(); ++i) {
        if (listeners[i].load() != &listener) continue;
        listener.publish_bounds(nullptr);
        clear(i);
    }
    while (telling != 0)
        ::sched_yield();
}

void tell_listener(unsigned index, const AddressRange& range) noexcept {
    telling.fetch_add(1);
    MemoryListener* listener = listeners[index].load();
    if (listener != nullptr) listener->on_memory_changed(range);
    telling.fetch_sub(1);
}

}  // namespace orfa::fabric
