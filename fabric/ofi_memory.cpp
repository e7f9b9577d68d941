// SPDX-License-Identifier: MIT
#include "fabric/ofi_memory.hpp"

#include "common/log.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace orfa::fabric {
namespace {

constexpr std::uint64_t kAllAccess =
    FI_READ | FI_WRITE | FI_SEND | FI_RECV | FI_REMOTE_READ | FI_REMOTE_WRITE;

}  // namespace

OfiMemory::OfiMemory(OfiDomain& domain, const RegistrationSettings& settings)
    : domain_(domain), free_(domain.registering_is_free() && !settings.price) {
    if (settings.price) {
        using Stale = PricedRegistrar::Stale;
        priced_.emplace(static_cast<Registrar*>(this), *settings.price,
                        settings.check ? Stale::kAbort : Stale::kUnchecked);
    }
    using Cache = RegistrationSettings::Cache;
    if (settings.cache != Cache::kOff && (!free_ || settings.cache == Cache::kOn))
        set_up_cache(settings);
    if (!free_) set_up_copying(settings);
    ORFA_LOG(fabric, info, "memory is registered %s",
             cache_  ? "once and kept"
             : free_ ? "for nothing"
                     : "for each transfer");
}

OfiMemory::~OfiMemory() {
    if (cache_) {
        const RegistrationStatistics cache = cache_->statistics();
        ORFA_LOG(fabric, info,
                 "registration cache: %llu hits, %llu misses, %llu evicted, %llu invalidated",
                 static_cast<unsigned long long>(cache.hits),
                 static_cast<unsigned long long>(cache.misses),
                 static_cast<unsigned long long>(cache.evicted),
                 static_cast<unsigned long long>(cache.invalidated));
    }
    // In this order: what the monitor tells ends before the cache, and all before the registrars.
    monitor_.reset();
    staging_.reset();
    cache_.reset();
}

void OfiMemory::set_up_cache(const RegistrationSettings& settings) {
    if (settings.monitor == MonitorChoice::kNone) {
        ORFA_LOG(fabric, info, "no registration cache without a memory monitor");
        return;
    }
    RegistrationCacheOptions options;
    options.max_bytes = settings.cache_bytes != 0 ? settings.cache_bytes : default_cache_bytes();
    if (const std::size_t most = domain_.max_registrations(); most != 0)
        options.max_entries = std::min(options.max_entries, std::max<std::size_t>(most / 2, 1));
    cache_.emplace(registrar(), options);
    auto monitor = make_monitor(settings.monitor, *cache_);
    if (!monitor.ok()) {
        ORFA_LOG(fabric, warn, "memory is registered for each transfer: no memory monitor works");
        cache_.reset();
        return;
    }
    monitor_ = std::move(*monitor);
    cache_->set_monitor(monitor_.get());
}

void OfiMemory::set_up_copying(const RegistrationSettings& settings) {
    staging_.emplace(registrar(), kAllAccess);
    if (settings.copy_below)
        copy_below_ = *settings.copy_below;
    else
        ledger_.emplace(measure());
}

// Compares the times of registering and of copying buffers of two sizes.
CopyLedger::BreakEven OfiMemory::measure() {
    constexpr std::size_t kSmall = 4 << 10;
    constexpr std::size_t kLarge = 256 << 10;
    constexpr int kRounds = 3;
    void* at = ::mmap(nullptr, 2 * kLarge, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED) return {};
    auto* const memory = static_cast<std::byte*>(at);
    const auto best = [](auto work) {
        std::uint64_t least = UINT64_MAX;
        for (int i = 0; i < kRounds; ++i) {
            const std::uint64_t start = monotonic_ns();
            work();
            least = std::min(least, monotonic_ns() - start);
        }
        return static_cast<double>(std::max<std::uint64_t>(least, 1));
    };
    const auto registering = [&](std::size_t bytes) {
        return best([&] {
            const auto handle = registrar().register_range({memory, bytes}, kAllAccess);
            if (handle.ok()) registrar().deregister(*handle);
        });
    };
    const double small = registering(kSmall);
    const double large = registering(kLarge);
    const double copy = best([&] { std::memcpy(memory + kLarge, memory, kLarge); }) / kLarge;
    ::munmap(at, 2 * kLarge);
    const double per_byte = std::max(0.0, (large - small) / static_cast<double>(kLarge - kSmall));
    const double fixed = std::max(0.0, small - per_byte * kSmall);
    ORFA_LOG(fabric, info, "registering costs as much as copying %.0f bytes and %.2f of its length",
             fixed / copy, per_byte / copy);
    return {static_cast<std::size_t>(fixed / copy), per_byte / copy};
}

// ---- Registering ------------------------------------------------------------------------------

Result<void*> OfiMemory::register_range(std::span<std::byte> memory, std::uint64_t access) {
    const Result<OfiRegion*> region = domain_.register_memory(memory, access);
    if (!region.ok()) return region.status();
    ++registered_;
    return static_cast<void*>(*region);
}

void OfiMemory::deregister(void* handle) {
    domain_.release(static_cast<OfiRegion*>(handle));
}

OfiRegion* OfiMemory::region_of(void* handle) const {
    return static_cast<OfiRegion*>(priced_ ? PricedRegistrar::behind(handle) : handle);
}

OfiMemory::Use* OfiMemory::take_use() {
    if (free_uses_.empty()) {
        uses_.push_back(std::make_unique<Use>());
        free_uses_.reserve(uses_.size());
        return uses_.back().get();
    }
    Use* use = free_uses_.back();
    free_uses_.pop_back();
    *use = {};
    return use;
}

Result<OfiMemory::Use*> OfiMemory::acquire(std::span<std::byte> memory, std::uint64_t access) {
    if (!cache_) return acquire_anew(memory, access);
    const auto lease = cache_->acquire(memory, access);
    if (!lease.ok()) return lease.status();
    Use* use = take_use();
    use->lease = *lease;
    use->handle = (*lease).handle;
    use->region = region_of(use->handle);
    use->data = memory.data();
    use->length = memory.size();
    use->base = (*lease).base;
    if (priced_) (void)priced_->check(use->handle, memory);
    return use;
}

Result<OfiMemory::Use*> OfiMemory::acquire_anew(std::span<std::byte> memory, std::uint64_t access) {
    Use* use = take_use();
    use->data = memory.data();
    use->length = memory.size();
    use->base = reinterpret_cast<std::uintptr_t>(memory.data());
    if (priced_) {
        // Whole pages, as a driver does it.
        constexpr std::uintptr_t kPage = 4096;
        const std::uintptr_t end = (use->base + memory.size() + kPage - 1) & ~(kPage - 1);
        use->base &= ~(kPage - 1);
        const auto handle =
            priced_->register_range({pointer_to(use->base), end - use->base}, access);
        if (!handle.ok()) {
            free_uses_.push_back(use);
            return handle.status();
        }
        use->handle = *handle;
        use->region = region_of(*handle);
        return use;
    }
    const auto region = domain_.register_memory(memory, access);
    if (!region.ok()) {
        free_uses_.push_back(use);
        return region.status();
    }
    ++registered_;
    use->region = *region;
    return use;
}

void OfiMemory::release(Use* use) {
    if (forgotten_) return;
    if (use->staged.data != nullptr) {
        staging_->give_back(use->staged);
    } else {
        if (priced_) (void)priced_->check(use->handle, {use->data, use->length});
        if (use->lease.entry != nullptr)
            cache_->release(use->lease);
        else if (priced_)
            priced_->deregister(use->handle);
        else
            domain_.release(use->region);
    }
    free_uses_.push_back(use);
}

// ---- Copying ----------------------------------------------------------------------------------

bool OfiMemory::copies(std::span<const std::byte> memory) {
    if (!staging_ || memory.size() > StagingBuffers::kMaxBytes) return false;
    if (!ledger_) return memory.size() < copy_below_;
    if (!cache_) return ledger_->cheaper_once(memory.size());
    return !cache_->holds(memory, 0) && ledger_->copies(memory);
}

Result<OfiMemory::Use*> OfiMemory::stage(std::size_t bytes) {
    if (!staging_) return Status::from_errno(ENOTSUP);
    const auto buffer = staging_->take(bytes);
    if (!buffer.ok()) return buffer.status();
    staged_bytes_ += bytes;
    Use* use = take_use();
    use->staged = *buffer;
    use->handle = (*buffer).handle;
    use->region = region_of(use->handle);
    use->data = (*buffer).data;
    use->length = bytes;
    use->base = reinterpret_cast<std::uintptr_t>((*buffer).data);
    return use;
}

void OfiMemory::announce_pool(std::span<std::byte> memory, std::size_t piece) {
    if (cache_) cache_->add_pool(memory, piece);
}

RegistrationFigures OfiMemory::figures() const {
    RegistrationFigures figures;
    figures.registered = registered_;
    figures.bytes_staged = staged_bytes_;
    if (priced_) figures.checked = priced_->checks();
    if (!cache_) return figures;
    const RegistrationStatistics cache = cache_->statistics();
    figures.hits = cache.hits;
    figures.misses = cache.misses;
    figures.evicted = cache.evicted;
    figures.invalidated = cache.invalidated;
    figures.bytes = cache.bytes;
    return figures;
}

void OfiMemory::forget_after_fork() {
    forgotten_ = true;
    if (monitor_) monitor_->forget_after_fork();
    if (cache_) cache_->forget_after_fork();
    if (priced_) priced_->forget_after_fork();
    if (staging_) staging_->forget_after_fork();
}

}  // namespace orfa::fabric
