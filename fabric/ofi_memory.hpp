// SPDX-License-Identifier: MIT
// How an OfiEndpoint comes by registrations: for nothing, straight from the provider, where it asks
// for none that costs (tcp); else from the registration cache, by copying through registered
// buffers, or, with the cache off, anew for each transfer.
#pragma once

#include "common/status.hpp"
#include "fabric/copy_ledger.hpp"
#include "fabric/fabric.hpp"
#include "fabric/ofi_domain.hpp"
#include "fabric/priced_registrar.hpp"
#include "fabric/registration_cache.hpp"
#include "fabric/registration_settings.hpp"
#include "fabric/staging_buffers.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace orfa::fabric {

// Not thread-safe, but for what the memory monitor does to the cache.
class OfiMemory final : private Registrar {
  public:
    // One use of a registration.
    struct Use {
        OfiRegion* region = nullptr;
        std::byte* data = nullptr;
        std::size_t length = 0;
        std::uintptr_t base = 0;  // first address of the region
        void* handle = nullptr;   // what registered it; nullptr: the domain itself
        RegistrationCache::Lease lease{};
        StagingBuffers::Buffer staged{};
    };

    // The domain outlives this.
    OfiMemory(OfiDomain& domain, const RegistrationSettings& settings);
    ~OfiMemory();
    OfiMemory(const OfiMemory&) = delete;
    OfiMemory& operator=(const OfiMemory&) = delete;

    // The domain wants the memory of our own side of an rma registered.
    [[nodiscard]] bool registers_local() const { return domain_.registers_local() || priced_; }

    // A registration of `memory` with FI_* access. Owned by this, until release(). The provider's
    // errors.
    Result<Use*> acquire(std::span<std::byte> memory, std::uint64_t access);
    void release(Use* use);

    // See Endpoint.
    bool copies(std::span<const std::byte> memory);
    Result<Use*> stage(std::size_t bytes);
    void announce_pool(std::span<std::byte> memory, std::size_t piece);
    // To be called now and then: deregisters what waits for it.
    void tend() {
        if (cache_ && cache_->has_dead()) cache_->reap();
    }
    [[nodiscard]] RegistrationFigures figures() const;

    // See Endpoint. The domain must have been leaked.
    void forget_after_fork();

  private:
    Result<void*> register_range(std::span<std::byte> memory, std::uint64_t access) override;
    void deregister(void* handle) override;
    void set_up_cache(const RegistrationSettings& settings);
    void set_up_copying(const RegistrationSettings& settings);
    [[nodiscard]] CopyLedger::BreakEven measure();
    Result<Use*> acquire_anew(std::span<std::byte> memory, std::uint64_t access);
    Use* take_use();
    [[nodiscard]] OfiRegion* region_of(void* handle) const;
    [[nodiscard]] Registrar& registrar() {
        return priced_ ? *priced_ : static_cast<Registrar&>(*this);
    }

    OfiDomain& domain_;
    const bool free_;  // registering costs nothing
    std::uint64_t registered_ = 0;
    std::uint64_t staged_bytes_ = 0;
    bool forgotten_ = false;
    std::optional<PricedRegistrar> priced_;
    std::optional<RegistrationCache> cache_;
    std::unique_ptr<MemoryMonitor> monitor_;
    std::optional<StagingBuffers> staging_;
    std::optional<CopyLedger> ledger_;
    std::size_t copy_below_ = 0;  // without a ledger
    std::vector<std::unique_ptr<Use>> uses_;
    std::vector<Use*> free_uses_;
};

}  // namespace orfa::fabric
