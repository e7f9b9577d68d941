// SPDX-License-Identifier: MIT
// Who tells the registration cache that memory has changed under its addresses (the papers' VMA
// Spy).
//
// A registration translates addresses to pages. When a range is unmapped, moved, discarded or
// mapped over, its pages are others, and a registration of it would move the wrong bytes without
// any error. Implementations: HooksMonitor (monitor_hooks.hpp), UserfaultfdMonitor
// (monitor_userfaultfd.hpp).
#pragma once

#include "common/status.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace orfa::fabric {

// Addresses [start, end).
struct AddressRange {
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;

    [[nodiscard]] std::uintptr_t length() const { return end - start; }
    [[nodiscard]] bool contains(const AddressRange& other) const {
        return start <= other.start && other.end <= end;
    }
    [[nodiscard]] bool overlaps(const AddressRange& other) const {
        return start < other.end && other.start < end;
    }
    friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

inline std::byte* pointer_to(std::uintptr_t address) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): ranges are made of addresses
    return reinterpret_cast<std::byte*>(address);
}

// Around all addresses that matter to a listener. Nothing: low > high.
struct MemoryBounds {
    std::atomic<std::uintptr_t> low{UINTPTR_MAX};
    std::atomic<std::uintptr_t> high{0};

    [[nodiscard]] bool may_hold(const AddressRange& range) const {
        return range.start < high.load() && low.load() < range.end;
    }
    void set(const AddressRange& range) {
        low.store(range.start);
        high.store(range.end);
    }
};

// Told of changes, on the thread that makes them (hooks) or on the monitor's own (userfaultfd):
// from inside malloc(), munmap() and such. So it must not allocate, free, map or wait for anything
// that such a thread may hold.
class MemoryListener {
  public:
    // The pages of the range are about to be, or have just been, replaced.
    virtual void on_memory_changed(const AddressRange& range) noexcept = 0;
    // Where to keep the bounds of what the listener wants to hear of (at first everything), so that
    // other changes need not be told; valid until it is told nullptr.
    virtual void publish_bounds(MemoryBounds* /*bounds*/) {}

  protected:
    ~MemoryListener() = default;
};

// Thread-safe.
class MemoryMonitor {
  public:
    virtual ~MemoryMonitor() = default;
    MemoryMonitor() = default;
    MemoryMonitor(const MemoryMonitor&) = delete;
    MemoryMonitor& operator=(const MemoryMonitor&) = delete;

    // "hooks", "userfaultfd" or "none"; for people also what is special about it here.
    [[nodiscard]] virtual const char* name() const = 0;
    [[nodiscard]] virtual std::string description() const = 0;

    // Changes of the range (whole pages) are told from now on. ENOTSUP: they can't be.
    virtual Status watch(const AddressRange& range) = 0;

    // To be asked before what is known of memory is believed: a change that another thread has
    // finished is told by the time this returns, and so is one of everything when some may have
    // been missed. False: changes are not told any more. Must not be called by a listener.
    virtual bool settle() = 0;

    // In the child of a fork: the monitor is the parent's. Only destruction is allowed afterwards.
    virtual void forget_after_fork() = 0;
};

enum class MonitorChoice : std::uint8_t { kAuto, kHooks, kUserfaultfd, kNone };

// "auto", "hooks", "userfaultfd", "none"; EINVAL.
Result<MonitorChoice> parse_monitor(const std::string& name);

// kAuto: hooks, or userfaultfd where they can't be had. kNone: tells nothing and always says
// true, which is wrong for any cache but one in a test. `listener` outlives the monitor. ENOTSUP:
// the chosen one does not work here (logged with the reason).
Result<std::unique_ptr<MemoryMonitor>> make_monitor(MonitorChoice choice, MemoryListener& listener);

}  // namespace orfa::fabric
