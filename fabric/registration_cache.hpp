// SPDX-License-Identifier: MIT
// Registrations that are kept for the next transfer from the same memory (pin-down cache).
//
// Registering memory with a network card pins its pages and tells the card where they are; it
// costs more than copying some pages does. Registrations are therefore kept, looked up by address
// range, and given up when room is needed (the least recently used first) or when a MemoryMonitor
// says that the memory has changed. Deregistering, dearer still, is put off to a moment outside
// all locks, and never done inside the program's own munmap().
#pragma once

#include "common/mutex.hpp"
#include "common/status.hpp"
#include "fabric/memory_monitor.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace orfa::fabric {

// What a transport does to register memory. Called without any lock of the cache, by the thread
// that calls the cache.
class Registrar {
  public:
    // `memory` is whole pages; `access` a set of bits the cache does not interpret. The handle goes
    // back by deregister(). ENOMEM and EAGAIN make the cache give up others and try again.
    virtual Result<void*> register_range(std::span<std::byte> memory, std::uint64_t access) = 0;
    virtual void deregister(void* handle) = 0;

  protected:
    ~Registrar() = default;
};

struct RegistrationCacheOptions {
    std::size_t max_bytes = std::size_t{1} << 30;  // registered at once, in use or not
    std::size_t max_entries = 1024;
    // Neighbours are registered as one up to this length, so that many small buffers that lie side
    // by side need few entries. Ranges that overlap are joined beyond it too, while that at most
    // doubles what is to be registered.
    std::size_t merge_bytes = std::size_t{256} << 10;
};

struct RegistrationStatistics {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;       // of them, each registers
    std::uint64_t merged = 0;       // registrations that took in others
    std::uint64_t evicted = 0;      // to make room
    std::uint64_t invalidated = 0;  // because their memory changed
    std::uint64_t uncached = 0;     // registered for one use: too large, no room, changed meanwhile
    std::uint64_t failed = 0;
    std::size_t bytes = 0;  // registered now, but for what waits to be deregistered
    std::size_t entries = 0;
};

// Thread-safe, if the registrar is.
class RegistrationCache final : public MemoryListener {
  public:
    struct Entry;
    // A registration in use. `base` is the first address that it covers.
    struct Lease {
        Entry* entry = nullptr;
        void* handle = nullptr;
        std::uintptr_t base = 0;
    };

    RegistrationCache(Registrar& registrar, const RegistrationCacheOptions& options);
    // Deregisters all. No lease may be out.
    ~RegistrationCache();
    RegistrationCache(const RegistrationCache&) = delete;
    RegistrationCache& operator=(const RegistrationCache&) = delete;

    // Who keeps it true; to be given once, before the first acquire(). The monitor is told to go
    // before the cache.
    void set_monitor(MemoryMonitor* monitor) { monitor_ = monitor; }
    // Requests within this memory, which lives as long as the cache, register the whole piece of
    // `piece` bytes (a multiple of the page, counted from its start) that they lie in. At most 8.
    void add_pool(std::span<std::byte> memory, std::size_t piece);

    // A registration of all of `memory` with at least `access`, held until release(). A hit takes
    // less than 100 ns and allocates nothing. The registrar's errors.
    Result<Lease> acquire(std::span<std::byte> memory, std::uint64_t access);
    void release(const Lease& lease);
    // Whether acquire() would hit.
    [[nodiscard]] bool holds(std::span<const std::byte> memory, std::uint64_t access);

    // Forgets all registrations; those in use end with their last lease.
    void flush();
    // Deregisters what waits for it. Cheap when nothing does.
    void reap();
    [[nodiscard]] bool has_dead() const { return has_dead_.load(std::memory_order_relaxed); }

    [[nodiscard]] RegistrationStatistics statistics() const;

    // In the child of a fork: the registrations are the parent's. Neither used nor deregistered;
    // only destruction is allowed afterwards.
    void forget_after_fork();

    void on_memory_changed(const AddressRange& range) noexcept override;
    void publish_bounds(MemoryBounds* bounds) override;

    // Public for the lists of the implementation only.
    struct Entry {
        AddressRange range;       // its part of the index
        AddressRange registered;  // what it serves; newer entries may have cut its range
        std::uint64_t access = 0;
        void* handle = nullptr;
        std::uint32_t users = 0;
        bool indexed = false;  // can be found
        bool dirty = false;    // changed while being registered
        Entry* newer = nullptr;
        Entry* older = nullptr;
        Entry* next = nullptr;  // in the list of free, dead or pending ones
    };

  private:
    struct Slot {
        std::uintptr_t start;
        Entry* entry;
    };
    struct Pool {
        AddressRange range;
        std::size_t piece;
    };

    [[nodiscard]] Entry* find(const AddressRange& range, std::uint64_t access)
        ORFA_REQUIRES(mutex_);
    [[nodiscard]] std::size_t first_overlap(std::uintptr_t start) const ORFA_REQUIRES(mutex_);
    [[nodiscard]] AddressRange widen(const AddressRange& range) const ORFA_REQUIRES(mutex_);
    void plan_merge(AddressRange& range, std::uint64_t& access) const ORFA_REQUIRES(mutex_);
    Result<Lease> miss(const AddressRange& own, std::uint64_t access);
    Result<void*> register_pending(Entry& entry, const AddressRange& own, std::uint64_t access);
    Entry* begin_pending(const AddressRange& own, std::uint64_t access);
    void log_miss(const Entry& entry) const;
    void end_pending(Entry* entry) ORFA_REQUIRES(mutex_);
    bool put(Entry* entry) ORFA_REQUIRES(mutex_);
    bool displace(const Entry& entry) ORFA_REQUIRES(mutex_);
    bool add_entries();
    void make_room(std::size_t bytes) ORFA_REQUIRES(mutex_);
    bool give_up_half();
    bool evict_one() ORFA_REQUIRES(mutex_);
    void erase_slot(std::size_t index) ORFA_REQUIRES(mutex_);
    void retire(Entry* entry) ORFA_REQUIRES(mutex_);
    void bury(Entry* entry) ORFA_REQUIRES(mutex_);
    void touch(Entry* entry) ORFA_REQUIRES(mutex_);
    void unlink(Entry* entry) ORFA_REQUIRES(mutex_);
    void update_bounds() ORFA_REQUIRES(mutex_);
    void forget_all() ORFA_REQUIRES(mutex_);
    bool trusted();

    Registrar& registrar_;
    const RegistrationCacheOptions options_;
    MemoryMonitor* monitor_ = nullptr;
    std::atomic<bool> lost_{false};      // no monitor any more: nothing is kept
    std::atomic<bool> has_dead_{false};  // dead_ is not empty

    mutable Mutex mutex_;  // protects all below; nothing is allocated, freed or mapped under it
    std::vector<Slot> index_ ORFA_GUARDED_BY(mutex_);         // by address; ranges do not overlap
    std::uintptr_t longest_cut_ ORFA_GUARDED_BY(mutex_) = 0;  // bytes between registered and range
    Entry* newest_ ORFA_GUARDED_BY(mutex_) = nullptr;         // of those in the index
    Entry* oldest_ ORFA_GUARDED_BY(mutex_) = nullptr;
    Entry* pending_ ORFA_GUARDED_BY(mutex_) = nullptr;  // being registered
    Entry* dead_ ORFA_GUARDED_BY(mutex_) = nullptr;     // to be deregistered
    Entry* free_ ORFA_GUARDED_BY(mutex_) = nullptr;
    MemoryBounds* bounds_ ORFA_GUARDED_BY(mutex_) = nullptr;  // the monitor's
    std::array<Pool, 8> pools_ ORFA_GUARDED_BY(mutex_){};
    std::size_t pool_count_ ORFA_GUARDED_BY(mutex_) = 0;
    RegistrationStatistics statistics_ ORFA_GUARDED_BY(mutex_);
    std::vector<std::unique_ptr<Entry[]>> slabs_ ORFA_GUARDED_BY(slabs_mutex_);
    Mutex slabs_mutex_;
};

}  // namespace orfa::fabric
