// SPDX-License-Identifier: MIT
// The memory monitor that the kernel itself tells: whoever makes the change, in whatever way, waits
// until a thread of ours has read of it. Registered for write protection that is never switched on,
// so that no page fault comes here. A change of watched memory takes some 30 us longer, others
// nothing. Memory of files cannot be watched.
#pragma once

#include "common/unique_fd.hpp"
#include "fabric/memory_monitor.hpp"

#include <atomic>
#include <thread>

namespace orfa::fabric {

class UserfaultfdMonitor final : public MemoryMonitor {
  public:
    // EPERM, ENOSYS: not permitted here, not in this kernel.
    static Result<std::unique_ptr<MemoryMonitor>> create(MemoryListener& listener);
    ~UserfaultfdMonitor() override;
    UserfaultfdMonitor(const UserfaultfdMonitor&) = delete;
    UserfaultfdMonitor& operator=(const UserfaultfdMonitor&) = delete;

    [[nodiscard]] const char* name() const override { return "userfaultfd"; }
    [[nodiscard]] std::string description() const override { return "the kernel (userfaultfd)"; }
    Status watch(const AddressRange& range) override;
    bool settle() override;
    void forget_after_fork() override;

  private:
    UserfaultfdMonitor(MemoryListener& listener, UniqueFd events, UniqueFd stop);
    void read_events();

    MemoryListener& listener_;
    UniqueFd events_;
    UniqueFd stop_;                     // an eventfd that ends the thread
    std::atomic<bool> reading_{false};  // an event has been, or is being, read and is not yet told
    std::thread thread_;
};

}  // namespace orfa::fabric
