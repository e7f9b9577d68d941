// SPDX-License-Identifier: MIT
// A registrar at the price of another network, which checks every use of a registration as that
// network would: by the pages it was made for, not by its addresses.
#pragma once

#include "common/mutex.hpp"
#include "fabric/pinned_pages.hpp"
#include "fabric/registration_cache.hpp"
#include "fabric/registration_price.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>

namespace orfa::fabric {

// Thread-safe, if the registrar behind it is.
class PricedRegistrar final : public Registrar {
  public:
    // What happens to a transfer through a registration whose addresses mean other pages now: it
    // would move the wrong bytes, so the process ends (abort()) after a line of what and where.
    enum class Stale : std::uint8_t { kAbort, kCount, kUnchecked };

    // `behind`: who registers really; nullptr: nobody.
    PricedRegistrar(Registrar* behind, const RegistrationPrice& price, Stale stale);
    ~PricedRegistrar();
    PricedRegistrar(const PricedRegistrar&) = delete;
    PricedRegistrar& operator=(const PricedRegistrar&) = delete;

    // Pins the memory, too. ENOMEM: beyond RLIMIT_MEMLOCK.
    Result<void*> register_range(std::span<std::byte> memory, std::uint64_t access) override;
    void deregister(void* handle) override;

    // The handle of `behind`.
    [[nodiscard]] static void* behind(void* handle);
    // To be called when a transfer from or to `memory` begins and ends. False: it is stale.
    bool check(void* handle, std::span<const std::byte> memory);

    [[nodiscard]] std::uint64_t checks() const { return checks_; }
    [[nodiscard]] std::uint64_t stale() const { return stale_count_; }
    // False: stale use can't be noticed here.
    [[nodiscard]] bool checks_pages() const {
        return stale_ != Stale::kUnchecked && pages_->sees_frames();
    }

    // In the child of a fork: as RegistrationCache's.
    void forget_after_fork();

  private:
    struct Region {
        void* behind;
        PinnedPages::Pin pin;
    };

    Registrar* const behind_;
    const RegistrationPrice price_;
    const Stale stale_;
    std::unique_ptr<PinnedPages> pages_;
    std::atomic<std::uint64_t> checks_{0}, stale_count_{0};
    Mutex mutex_;  // protects pages_ and regions_
    std::set<Region*> regions_ ORFA_GUARDED_BY(mutex_);
};

}  // namespace orfa::fabric
