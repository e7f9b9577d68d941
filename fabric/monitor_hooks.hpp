// SPDX-License-Identifier: MIT
// The memory monitor that hooks the process' own calls: a few ns for each, nothing for the reads.
#pragma once

#include "fabric/memory_monitor.hpp"

#include <atomic>

namespace orfa::fabric {

class HooksMonitor final : public MemoryMonitor {
  public:
    // ENOTSUP, see LibcHooks; ENOSPC.
    static Result<std::unique_ptr<MemoryMonitor>> create(MemoryListener& listener);
    ~HooksMonitor() override;
    HooksMonitor(const HooksMonitor&) = delete;
    HooksMonitor& operator=(const HooksMonitor&) = delete;

    [[nodiscard]] const char* name() const override { return "hooks"; }
    [[nodiscard]] std::string description() const override;
    // All memory is watched.
    Status watch(const AddressRange&) override { return {}; }
    bool settle() override;
    void forget_after_fork() override {}  // the list of listeners is empty in the child

  private:
    HooksMonitor(MemoryListener& listener, std::uint64_t generation);

    MemoryListener& listener_;
    std::atomic<std::uint64_t> generation_;  // of the hooks that have told everything since
};

}  // namespace orfa::fabric
