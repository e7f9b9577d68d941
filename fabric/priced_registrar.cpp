// SPDX-License-Identifier: MIT
#include "fabric/priced_registrar.hpp"

#include "common/log.hpp"

#include <unistd.h>

#include <cstdlib>
#include <new>
#include <utility>

namespace orfa::fabric {

PricedRegistrar::PricedRegistrar(Registrar* behind, const RegistrationPrice& price, Stale stale)
    : behind_(behind), price_(price), stale_(stale), pages_(PinnedPages::open()) {
    if (stale != Stale::kUnchecked && !pages_->sees_frames())
        ORFA_LOG(fabric, warn,
                 "stale registrations will not be noticed: seeing page frames needs CAP_SYS_ADMIN");
    if (!pages_->pins())
        ORFA_LOG(fabric, info, "registered memory is not pinned: there is no io_uring here");
}

PricedRegistrar::~PricedRegistrar() {
    const MutexLock lock(mutex_);
    for (Region* region : regions_)
        delete region;
}

Result<void*> PricedRegistrar::register_range(std::span<std::byte> memory, std::uint64_t access) {
    const std::uint64_t start = monotonic_ns();
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    Result<PinnedPages::Pin> pin = [&] {
        const MutexLock lock(mutex_);
        return pages_->pin({address, address + memory.size()});
    }();
    if (!pin.ok()) return pin.status();
    void* handle = nullptr;
    if (behind_ != nullptr) {
        const Result<void*> registered = behind_->register_range(memory, access);
        if (!registered.ok()) {
            const MutexLock lock(mutex_);
            pages_->unpin(*pin);
            return registered.status();
        }
        handle = *registered;
    }
    auto* region = new Region{handle, std::move(*pin)};
    {
        const MutexLock lock(mutex_);
        regions_.insert(region);
    }
    spend_until(start + price_.registering_ns(memory.size()));
    return static_cast<void*>(region);
}

void PricedRegistrar::deregister(void* handle) {
    const std::uint64_t start = monotonic_ns();
    auto* region = static_cast<Region*>(handle);
    if (behind_ != nullptr) behind_->deregister(region->behind);
    {
        const MutexLock lock(mutex_);
        pages_->unpin(region->pin);
        regions_.erase(region);
    }
    const std::size_t bytes = region->pin.range.length();
    delete region;
    spend_until(start + price_.deregistering_ns(bytes));
}

void* PricedRegistrar::behind(void* handle) {
    return static_cast<Region*>(handle)->behind;
}

bool PricedRegistrar::check(void* handle, std::span<const std::byte> memory) {
    if (stale_ == Stale::kUnchecked || memory.empty()) return true;
    static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto start = reinterpret_cast<std::uintptr_t>(memory.data());
    const AddressRange range{start & ~(page - 1), (start + memory.size() + page - 1) & ~(page - 1)};
    const auto* region = static_cast<const Region*>(handle);
    checks_.fetch_add(1, std::memory_order_relaxed);
    {
        const MutexLock lock(mutex_);
        if (pages_->unchanged(region->pin, range)) return true;
    }
    stale_count_.fetch_add(1, std::memory_order_relaxed);
    if (stale_ == Stale::kCount) return false;
    ORFA_LOG(
        fabric, error,
        "stale registration: %zu bytes at %p are on other pages than when they were registered; "
        "a network card would move the wrong bytes",
        memory.size(), static_cast<const void*>(memory.data()));
    std::abort();
}

void PricedRegistrar::forget_after_fork() {
    new (&mutex_) Mutex();  // the pins are the parent's; closing our descriptors leaves them
}

}  // namespace orfa::fabric
