// SPDX-License-Identifier: MIT
#include "fabric/registration_cache.hpp"

#include "common/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

namespace orfa::fabric {
namespace {

std::uintptr_t page_mask() {
    static const auto mask = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE)) - 1;
    return mask;
}

AddressRange pages_of(const void* data, std::size_t length) {
    const auto start = reinterpret_cast<std::uintptr_t>(data);
    return {start & ~page_mask(),
            (start + std::max<std::size_t>(length, 1) + page_mask()) & ~page_mask()};
}

AddressRange join(const AddressRange& a, const AddressRange& b) {
    return {std::min(a.start, b.start), std::max(a.end, b.end)};
}

AddressRange widened(const AddressRange& range, std::uintptr_t by) {
    return {range.start - std::min(range.start, by),
            range.end + std::min(UINTPTR_MAX - range.end, by)};
}

bool has_all(std::uint64_t access, std::uint64_t wanted) {
    return (access & wanted) == wanted;
}

}  // namespace

RegistrationCache::RegistrationCache(Registrar& registrar, const RegistrationCacheOptions& options)
    : registrar_(registrar), options_(options) {
    const MutexLock lock(mutex_);
    index_.reserve(options.max_entries + 1);
}

RegistrationCache::~RegistrationCache() {
    flush();
}

void RegistrationCache::add_pool(std::span<std::byte> memory, std::size_t piece) {
    const MutexLock lock(mutex_);
    if (pool_count_ < pools_.size())
        pools_[pool_count_++] = {pages_of(memory.data(), memory.size()), piece};
}

// ---- Looking up -------------------------------------------------------------------------------

Result<RegistrationCache::Lease> RegistrationCache::acquire(std::span<std::byte> memory,
                                                            std::uint64_t access) {
    const AddressRange own = pages_of(memory.data(), memory.size());
    if (trusted()) {
        const MutexLock lock(mutex_);
        if (Entry* entry = find(own, access); entry != nullptr) {
            ++statistics_.hits;
            ++entry->users;
            touch(entry);
            return Lease{entry, entry->handle, entry->registered.start};
        }
    }
    return miss(own, access);
}

bool RegistrationCache::holds(std::span<const std::byte> memory, std::uint64_t access) {
    if (!trusted()) return false;
    const MutexLock lock(mutex_);
    return find(pages_of(memory.data(), memory.size()), access) != nullptr;
}

void RegistrationCache::release(const Lease& lease) {
    const MutexLock lock(mutex_);
    assert(lease.entry->users > 0);
    if (--lease.entry->users == 0 && !lease.entry->indexed) bury(lease.entry);
}

// Whether the index can be believed; it is forgotten when not.
bool RegistrationCache::trusted() {
    if (lost_.load(std::memory_order_relaxed)) return false;
    if (monitor_ == nullptr) return true;
    if (monitor_->settle()) [[likely]]
        return true;
    lost_ = true;
    const MutexLock lock(mutex_);
    forget_all();
    return false;
}

RegistrationCache::Entry* RegistrationCache::find(const AddressRange& range, std::uint64_t access) {
    const auto after =
        std::upper_bound(index_.begin(), index_.end(), range.start,
                         [](std::uintptr_t start, const Slot& slot) { return start < slot.start; });
    if (after == index_.begin()) return nullptr;
    Entry* entry = std::prev(after)->entry;
    return entry->registered.contains(range) && has_all(entry->access, access) ? entry : nullptr;
}

// The index of the first slot whose range ends beyond `start`.
std::size_t RegistrationCache::first_overlap(std::uintptr_t start) const {
    auto at = std::upper_bound(
        index_.begin(), index_.end(), start,
        [](std::uintptr_t address, const Slot& slot) { return address < slot.start; });
    if (at != index_.begin() && std::prev(at)->entry->range.end > start) --at;
    return static_cast<std::size_t>(at - index_.begin());
}

// ---- Registering ------------------------------------------------------------------------------

Result<RegistrationCache::Lease> RegistrationCache::miss(const AddressRange& own,
                                                         std::uint64_t access) {
    Entry* entry = begin_pending(own, access);
    if (entry == nullptr) return Status::from_errno(ENOMEM);
    reap();
    // From here on a change of the range marks the entry. A range that can't be watched is
    // registered for one use.
    const bool watched = !lost_ && (monitor_ == nullptr || monitor_->watch(entry->range).ok());
    const Result<void*> handle = register_pending(*entry, own, access);
    log_miss(*entry);

    const MutexLock lock(mutex_);
    end_pending(entry);
    if (!handle.ok()) {
        ++statistics_.failed;
        statistics_.bytes -= entry->range.length();
        entry->next = std::exchange(free_, entry);
        return handle.status();
    }
    entry->handle = *handle;
    entry->registered = entry->range;
    entry->users = 1;
    if (!watched || entry->dirty || statistics_.bytes > options_.max_bytes || !put(entry))
        ++statistics_.uncached;
    return Lease{entry, entry->handle, entry->registered.start};
}

void RegistrationCache::log_miss(const Entry& entry) const {
    if (!log::enabled(log::Area::kfabric, log::Level::kdebug)) return;
    const RegistrationStatistics now = statistics();
    ORFA_LOG(fabric, debug, "registered %zu bytes: %llu hits, %llu misses so far",
             static_cast<std::size_t>(entry.range.length()),
             static_cast<unsigned long long>(now.hits),
             static_cast<unsigned long long>(now.misses));
}

RegistrationCache::Entry* RegistrationCache::begin_pending(const AddressRange& own,
                                                           std::uint64_t access) {
    AddressRange range = own;
    for (;;) {
        {
            const MutexLock lock(mutex_);
            if (free_ != nullptr) {
                ++statistics_.misses;
                plan_merge(range, access);
                make_room(range.length());
                statistics_.bytes += range.length();
                Entry* entry = free_;
                free_ = entry->next;
                *entry = {};
                entry->range = range;
                entry->access = access;
                entry->next = std::exchange(pending_, entry);
                update_bounds();
                return entry;
            }
        }
        if (!add_entries()) return nullptr;
    }
}

bool RegistrationCache::add_entries() {
    constexpr std::size_t kSlab = 64;
    std::unique_ptr<Entry[]> slab(new (std::nothrow) Entry[kSlab]);
    if (slab == nullptr) return false;
    Entry* const entries = slab.get();
    {
        const MutexLock lock(slabs_mutex_);
        slabs_.push_back(std::move(slab));
    }
    const MutexLock lock(mutex_);
    for (std::size_t i = 0; i < kSlab; ++i)
        entries[i].next = std::exchange(free_, &entries[i]);
    return true;
}

AddressRange RegistrationCache::widen(const AddressRange& range) const {
    for (std::size_t i = 0; i < pool_count_; ++i) {
        const Pool& pool = pools_[i];
        if (!pool.range.contains(range)) continue;
        const std::uintptr_t first = (range.start - pool.range.start) / pool.piece;
        const std::uintptr_t last = (range.end - 1 - pool.range.start) / pool.piece;
        return {pool.range.start + first * pool.piece,
                std::min(pool.range.end, pool.range.start + (last + 1) * pool.piece)};
    }
    return range;
}

// What to register for a request of `range`: also what touches it, when that is cheap.
void RegistrationCache::plan_merge(AddressRange& range, std::uint64_t& access) const {
    range = widen(range);
    const std::uintptr_t limit = std::max<std::uintptr_t>(2 * range.length(), options_.merge_bytes);
    const AddressRange asked = range;
    for (std::size_t i = first_overlap(asked.start == 0 ? 0 : asked.start - 1);
         i < index_.size() && index_[i].start <= asked.end; ++i) {
        const Entry& other = *index_[i].entry;
        const AddressRange joined = join(range, other.range);
        const bool touching = !other.range.overlaps(asked);
        const bool cheap = joined.length() <= (touching ? options_.merge_bytes : limit);
        if (!cheap && !other.range.contains(asked)) continue;
        range = joined;
        access |= other.access;
    }
}

// Registers entry.range with entry.access, or, when that can't be done, only what was asked for.
Result<void*> RegistrationCache::register_pending(Entry& entry, const AddressRange& own,
                                                  std::uint64_t access) {
    for (;;) {
        const AddressRange range = entry.range;
        const Result<void*> handle =
            registrar_.register_range({pointer_to(range.start), range.length()}, entry.access);
        if (handle.ok()) return handle;
        const int error = handle.status().err();
        if ((error == ENOMEM || error == EAGAIN || error == ENOSPC) && give_up_half()) continue;
        if (range == own && entry.access == access) return handle;
        // Neighbours may be gone, or may not be written to.
        const MutexLock lock(mutex_);
        statistics_.bytes -= entry.range.length() - own.length();
        entry.range = own;
        entry.access = access;
    }
}

// False: nothing could be given up.
bool RegistrationCache::give_up_half() {
    {
        const MutexLock lock(mutex_);
        const std::size_t before = index_.size();
        while (index_.size() > before / 2 && evict_one()) {
        }
    }
    const bool some = has_dead();
    reap();
    return some;
}

void RegistrationCache::end_pending(Entry* entry) {
    Entry** link = &pending_;
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    entry->next = nullptr;
}

// False: the index has no place for the entry, or no use.
bool RegistrationCache::put(Entry* entry) {
    if (!displace(*entry)) return false;
    while (index_.size() >= options_.max_entries) {
        if (!evict_one()) return false;
    }
    const auto at =
        std::upper_bound(index_.begin(), index_.end(), entry->range.start,
                         [](std::uintptr_t start, const Slot& slot) { return start < slot.start; });
    index_.insert(at, {entry->range.start, entry});  // has been reserved
    entry->indexed = true;
    touch(entry);
    update_bounds();
    return true;
}

// Makes the place of the entry free: others end where it begins. False: another one serves as well.
bool RegistrationCache::displace(const Entry& entry) {
    const AddressRange& range = entry.range;
    std::size_t i = first_overlap(range.start);
    bool took_in = false;
    while (i < index_.size() && index_[i].start < range.end) {
        Entry* other = index_[i].entry;
        const bool covers = other->range.contains(range);
        if (covers && has_all(other->access, entry.access)) return false;
        if (covers || range.contains(other->range)) {
            took_in = true;
            erase_slot(i);
            retire(other);
        } else if (other->range.start < range.start) {
            other->range.end = range.start;
            longest_cut_ = std::max(longest_cut_, other->registered.end - range.start);
            ++i;
        } else {
            other->range.start = range.end;
            longest_cut_ = std::max(longest_cut_, range.end - other->registered.start);
            index_[i].start = range.end;
            ++i;
        }
    }
    if (took_in) ++statistics_.merged;
    return true;
}

// ---- Giving up --------------------------------------------------------------------------------

void RegistrationCache::make_room(std::size_t bytes) {
    while (statistics_.bytes + bytes > options_.max_bytes && evict_one()) {
    }
}

bool RegistrationCache::evict_one() {
    Entry* entry = oldest_;
    while (entry != nullptr && entry->users > 0)
        entry = entry->newer;
    if (entry == nullptr) return false;
    erase_slot(first_overlap(entry->range.start));
    retire(entry);
    ++statistics_.evicted;
    return true;
}

void RegistrationCache::erase_slot(std::size_t index) {
    index_.erase(index_.begin() + static_cast<std::ptrdiff_t>(index));
}

void RegistrationCache::retire(Entry* entry) {
    entry->indexed = false;
    unlink(entry);
    if (entry->users == 0) bury(entry);
}

void RegistrationCache::bury(Entry* entry) {
    statistics_.bytes -= entry->registered.length();
    entry->next = std::exchange(dead_, entry);
    has_dead_.store(true, std::memory_order_relaxed);
}

void RegistrationCache::reap() {
    if (!has_dead()) return;
    Entry* dead = nullptr;
    {
        const MutexLock lock(mutex_);
        dead = std::exchange(dead_, nullptr);
        has_dead_.store(false, std::memory_order_relaxed);
    }
    while (dead != nullptr) {
        Entry* const entry = dead;
        dead = entry->next;
        registrar_.deregister(entry->handle);
        const MutexLock lock(mutex_);
        entry->next = std::exchange(free_, entry);
    }
}

void RegistrationCache::forget_all() {
    for (const Slot& slot : index_)
        retire(slot.entry);
    index_.clear();
    longest_cut_ = 0;
    for (Entry* entry = pending_; entry != nullptr; entry = entry->next)
        entry->dirty = true;
    update_bounds();
}

void RegistrationCache::flush() {
    {
        const MutexLock lock(mutex_);
        forget_all();
    }
    reap();
}

void RegistrationCache::touch(Entry* entry) {
    if (newest_ == entry) return;
    if (entry->newer != nullptr) unlink(entry);
    entry->older = newest_;
    entry->newer = nullptr;
    (newest_ != nullptr ? newest_->newer : oldest_) = entry;
    newest_ = entry;
}

void RegistrationCache::unlink(Entry* entry) {
    (entry->newer != nullptr ? entry->newer->older : newest_) = entry->older;
    (entry->older != nullptr ? entry->older->newer : oldest_) = entry->newer;
    entry->newer = entry->older = nullptr;
}

// ---- Being told -------------------------------------------------------------------------------

void RegistrationCache::on_memory_changed(const AddressRange& range) noexcept {
    const MutexLock lock(mutex_);
    for (Entry* entry = pending_; entry != nullptr; entry = entry->next)
        entry->dirty = entry->dirty || entry->range.overlaps(range);
    // Entries whose range was cut still serve all that they have registered.
    const AddressRange near = widened(range, longest_cut_);
    const std::size_t first = first_overlap(near.start);
    std::size_t kept = first;
    std::size_t i = first;
    for (; i < index_.size() && index_[i].start < near.end; ++i) {
        Entry* entry = index_[i].entry;
        if (entry->registered.overlaps(range)) {
            retire(entry);
            ++statistics_.invalidated;
        } else {
            index_[kept++] = index_[i];
        }
    }
    if (kept == i) return;
    index_.erase(index_.begin() + static_cast<std::ptrdiff_t>(kept),
                 index_.begin() + static_cast<std::ptrdiff_t>(i));
    if (index_.empty()) longest_cut_ = 0;
    update_bounds();
}

void RegistrationCache::publish_bounds(MemoryBounds* bounds) {
    const MutexLock lock(mutex_);
    bounds_ = bounds;
    update_bounds();
}

void RegistrationCache::update_bounds() {
    if (bounds_ == nullptr) return;
    std::uintptr_t low = UINTPTR_MAX;
    std::uintptr_t high = 0;
    if (!index_.empty()) {
        const AddressRange all =
            widened({index_.front().start, index_.back().entry->range.end}, longest_cut_);
        low = all.start;
        high = all.end;
    }
    for (const Entry* entry = pending_; entry != nullptr; entry = entry->next) {
        low = std::min(low, entry->range.start);
        high = std::max(high, entry->range.end);
    }
    bounds_->set({low, high});
}

RegistrationStatistics RegistrationCache::statistics() const {
    const MutexLock lock(mutex_);
    RegistrationStatistics now = statistics_;
    now.entries = index_.size();
    return now;
}

void RegistrationCache::forget_after_fork() {
    // Other threads of the parent may have held the locks.
    new (&mutex_) Mutex();
    new (&slabs_mutex_) Mutex();
    const MutexLock lock(mutex_);
    index_.clear();
    newest_ = oldest_ = pending_ = dead_ = free_ = nullptr;
    has_dead_ = false;
    lost_ = true;
    monitor_ = nullptr;
    bounds_ = nullptr;
}

}  // namespace orfa::fabric
