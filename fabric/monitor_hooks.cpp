// SPDX-License-Identifier: MIT
#include "fabric/monitor_hooks.hpp"

#include "common/log.hpp"
#include "fabric/libc_hooks.hpp"
#include "fabric/memory_listeners.hpp"

namespace orfa::fabric {

Result<std::unique_ptr<MemoryMonitor>> HooksMonitor::create(MemoryListener& listener) {
    ORFA_TRY(LibcHooks::install());
    ORFA_TRY(add_listener(listener));
    return std::unique_ptr<MemoryMonitor>(new HooksMonitor(listener, LibcHooks::generation()));
}

HooksMonitor::HooksMonitor(MemoryListener& listener, std::uint64_t generation)
    : listener_(listener), generation_(generation) {
}

HooksMonitor::~HooksMonitor() {
    remove_listener(listener_);
}

std::string HooksMonitor::description() const {
    return LibcHooks::way();
}

bool HooksMonitor::settle() {
    if (LibcHooks::intact() && LibcHooks::generation() == generation_) [[likely]]
        return true;
    const Status installed = LibcHooks::install();
    const std::uint64_t generation = LibcHooks::generation();
    listener_.on_memory_changed({0, UINTPTR_MAX});
    generation_ = generation;
    if (!installed.ok())
        ORFA_LOG(fabric, warn, "registrations are no longer kept: %s", LibcHooks::reason());
    return installed.ok();
}

}  // namespace orfa::fabric
