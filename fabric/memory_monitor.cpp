// SPDX-License-Identifier: MIT
#include "fabric/memory_monitor.hpp"

#include "common/log.hpp"
#include "fabric/libc_hooks.hpp"
#include "fabric/monitor_hooks.hpp"
#include "fabric/monitor_userfaultfd.hpp"

#include <cerrno>
#include <cstring>

namespace orfa::fabric {
namespace {

class NoMonitor final : public MemoryMonitor {
  public:
    [[nodiscard]] const char* name() const override { return "none"; }
    [[nodiscard]] std::string description() const override { return "nobody"; }
    Status watch(const AddressRange&) override { return {}; }
    bool settle() override { return true; }
    void forget_after_fork() override {}
};

}  // namespace

Result<MonitorChoice> parse_monitor(const std::string& name) {
    if (name.empty() || name == "auto") return MonitorChoice::kAuto;
    if (name == "hooks") return MonitorChoice::kHooks;
    if (name == "userfaultfd") return MonitorChoice::kUserfaultfd;
    if (name == "none") return MonitorChoice::kNone;
    return Status::from_errno(EINVAL);
}

Result<std::unique_ptr<MemoryMonitor>> make_monitor(MonitorChoice choice,
                                                    MemoryListener& listener) {
    if (choice == MonitorChoice::kNone)
        return std::unique_ptr<MemoryMonitor>(std::make_unique<NoMonitor>());
    if (choice != MonitorChoice::kUserfaultfd) {
        auto hooks = HooksMonitor::create(listener);
        if (hooks.ok()) return hooks;
        ORFA_LOG(fabric, warn, "no hooks for changes of memory: %s", LibcHooks::reason());
        if (choice == MonitorChoice::kHooks) return hooks;
    }
    auto kernel = UserfaultfdMonitor::create(listener);
    if (kernel.ok()) return kernel;
    ORFA_LOG(fabric, warn, "no userfaultfd for changes of memory: %s",
             std::strerror(kernel.status().err()));
    return Status::from_errno(ENOTSUP);
}

}  // namespace orfa::fabric
