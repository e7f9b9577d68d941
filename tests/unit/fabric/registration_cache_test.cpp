// SPDX-License-Identifier: MIT
#include "fabric/registration_cache.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace orfa::fabric {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uintptr_t kBase = 1
                                 << 30;  // nothing is there: the fake registrar looks at no memory
constexpr std::uint64_t kRead = 1, kWrite = 2;

std::span<std::byte> memory(std::size_t first_page, std::size_t pages) {
    return {reinterpret_cast<std::byte*>(kBase + first_page * kPage), pages * kPage};
}

AddressRange range(std::size_t first_page, std::size_t pages) {
    return {kBase + first_page * kPage, kBase + (first_page + pages) * kPage};
}

// Hands out numbers, and remembers what is registered.
class FakeRegistrar final : public Registrar {
  public:
    struct Region {
        AddressRange range;
        std::uint64_t access;
    };

    Result<void*> register_range(std::span<std::byte> bytes, std::uint64_t access) override {
        const MutexLock lock(mutex_);
        const auto start = reinterpret_cast<std::uintptr_t>(bytes.data());
        const AddressRange wanted{start, start + bytes.size()};
        if (during != nullptr) during();
        if (refuse.overlaps(wanted)) return Status::from_errno(EFAULT);
        if (regions_.size() >= most) return Status::from_errno(ENOMEM);
        if ((access & ~allowed) != 0) return Status::from_errno(EACCES);
        pages += bytes.size() / kPage;
        regions_[++last_] = {wanted, access};
        return reinterpret_cast<void*>(last_);
    }
    void deregister(void* handle) override {
        const MutexLock lock(mutex_);
        EXPECT_EQ(regions_.erase(reinterpret_cast<std::uintptr_t>(handle)), 1U) << "twice";
    }
    Region at(void* handle) {
        const MutexLock lock(mutex_);
        const auto found = regions_.find(reinterpret_cast<std::uintptr_t>(handle));
        return found == regions_.end() ? Region{{0, 0}, 0} : found->second;
    }
    std::size_t count() {
        const MutexLock lock(mutex_);
        return regions_.size();
    }

    std::size_t most = SIZE_MAX;
    std::size_t pages = 0;  // registered in all
    std::uint64_t allowed = kRead | kWrite;
    AddressRange refuse{0, 0};
    void (*during)() = nullptr;

  private:
    Mutex mutex_;
    std::map<std::uintptr_t, Region> regions_;
    std::uintptr_t last_ = 0;
};

class RegistrationCacheTest : public ::testing::Test {
  protected:
    // Acquires, checks that all of it is covered, releases.
    AddressRange use(std::size_t first_page, std::size_t pages, std::uint64_t access = kRead) {
        const auto lease = cache.acquire(memory(first_page, pages), access);
        EXPECT_TRUE(lease.ok()) << lease.status().err();
        if (!lease.ok()) return {};
        const FakeRegistrar::Region region = registrar.at((*lease).handle);
        EXPECT_TRUE(region.range.contains(range(first_page, pages)));
        EXPECT_EQ(region.access & access, access);
        EXPECT_EQ((*lease).base, region.range.start);
        cache.release(*lease);
        return region.range;
    }
    RegistrationStatistics figures() { return cache.statistics(); }

    FakeRegistrar registrar;
    RegistrationCache cache{
        registrar, {.max_bytes = 1024 * kPage, .max_entries = 8, .merge_bytes = 4 * kPage}};
};

TEST_F(RegistrationCacheTest, TheSameMemoryAgainIsAHit) {
    use(0, 10);
    use(0, 10);
    use(3, 2);
    EXPECT_EQ(figures().misses, 1U);
    EXPECT_EQ(figures().hits, 2U);
    EXPECT_EQ(registrar.count(), 1U);
}

TEST_F(RegistrationCacheTest, BytesOfOnePageShareARegistration) {
    auto page = memory(5, 1);
    cache.release(*cache.acquire(page.subspan(10, 20), kRead));
    cache.release(*cache.acquire(page.subspan(4000, 96), kRead));
    EXPECT_EQ(figures().hits, 1U);
    cache.release(*cache.acquire(page.subspan(4090, 1), kRead));
    EXPECT_EQ(figures().misses, 1U);
}

TEST_F(RegistrationCacheTest, SmallNeighboursAreJoined) {
    use(0, 1);
    EXPECT_EQ(use(1, 1), range(0, 2));
    EXPECT_EQ(figures().merged, 1U);
    use(0, 2);
    EXPECT_EQ(figures().hits, 1U);
}

TEST_F(RegistrationCacheTest, LargeNeighboursAreNotRegisteredAgain) {
    for (std::size_t i = 0; i < 8; ++i)
        use(i * 100, 100);
    EXPECT_EQ(registrar.pages, 800U);
    EXPECT_EQ(figures().entries, 8U);
}

TEST_F(RegistrationCacheTest, OverlapsAreJoinedWhileThatAtMostDoublesTheWork) {
    use(0, 100);
    EXPECT_EQ(use(50, 100), range(0, 150));
    EXPECT_EQ(use(140, 30), range(140, 30));  // instead of 170 pages for 30
    use(0, 140);                              // the rest of the older one still serves
    EXPECT_EQ(figures().misses, 3U);
    EXPECT_EQ(figures().hits, 1U);
}

TEST_F(RegistrationCacheTest, AWindowThatSlidesPageByPageIsNotQuadratic) {
    for (std::size_t i = 0; i < 400; ++i)
        use(i, 8);
    EXPECT_LT(registrar.pages, 400U * 16);
}

// As the stripes of a buffer that does not begin at a page do.
TEST_F(RegistrationCacheTest, RangesThatShareABorderPageDoNotDisplaceEachOtherForEver) {
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < 4; ++i)
            use(i * 100, 101);
    }
    const auto before = figures();
    for (std::size_t i = 0; i < 4; ++i)
        use(i * 100, 101);
    EXPECT_EQ(figures().misses, before.misses);
    cache.on_memory_changed(range(200, 1));  // belongs to two of them
    use(100, 101);
    use(200, 101);
    EXPECT_EQ(figures().misses, before.misses + 2);
}

TEST_F(RegistrationCacheTest, MoreAccessRegistersAnewWithBoth) {
    use(0, 10, kRead);
    use(2, 3, kWrite);
    use(0, 10, kRead | kWrite);
    EXPECT_EQ(figures().misses, 2U);
    EXPECT_EQ(figures().hits, 1U);
}

TEST_F(RegistrationCacheTest, MemoryThatMayOnlyBeReadIsRegisteredBesideWhatMayBeWritten) {
    use(0, 2, kWrite);
    registrar.allowed = kRead;
    EXPECT_EQ(use(2, 2, kRead), range(2, 2));
    EXPECT_EQ(cache.acquire(memory(8, 1), kWrite).status().err(), EACCES);
    EXPECT_EQ(figures().failed, 1U);
}

TEST_F(RegistrationCacheTest, ANeighbourThatIsGoneDoesNotSpoilARegistration) {
    use(0, 2);
    registrar.refuse = range(0, 1);
    EXPECT_EQ(use(2, 2), range(2, 2));
}

TEST_F(RegistrationCacheTest, AChangedRangeIsRegisteredAnew) {
    use(0, 10);
    cache.on_memory_changed(range(9, 1));
    use(0, 10);
    EXPECT_EQ(figures().misses, 2U);
    EXPECT_EQ(figures().invalidated, 1U);
    cache.on_memory_changed(range(10, 5));
    use(0, 10);
    EXPECT_EQ(figures().hits, 1U);
}

TEST_F(RegistrationCacheTest, ARegistrationInUseOutlivesItsMemory) {
    const auto lease = *cache.acquire(memory(0, 10), kRead);
    cache.on_memory_changed(range(0, 10));
    use(0, 10);  // another one
    EXPECT_EQ(registrar.count(), 2U);
    EXPECT_EQ(registrar.at(lease.handle).range, range(0, 10));
    cache.release(lease);
    cache.reap();
    EXPECT_EQ(registrar.count(), 1U);
    EXPECT_EQ(figures().bytes, 10 * kPage);
}

RegistrationCache* changing = nullptr;

TEST_F(RegistrationCacheTest, AChangeDuringRegistrationMakesItServeOnce) {
    changing = &cache;
    registrar.during = [] { changing->on_memory_changed(range(4, 1)); };
    use(0, 10);
    registrar.during = nullptr;
    EXPECT_EQ(figures().uncached, 1U);
    EXPECT_EQ(figures().entries, 0U);
    use(0, 10);
    EXPECT_EQ(figures().misses, 2U);
}

TEST_F(RegistrationCacheTest, TheLeastRecentlyUsedGoesFirst) {
    for (std::size_t i = 0; i < 8; ++i)
        use(i * 20, 10);
    use(0, 10);
    use(8 * 20, 10);  // a ninth
    use(0, 10);
    EXPECT_EQ(figures().hits, 2U);
    EXPECT_EQ(figures().evicted, 1U);
    use(20, 10);
    EXPECT_EQ(figures().misses, 10U);
}

TEST_F(RegistrationCacheTest, BytesAreLimited) {
    for (std::size_t i = 0; i < 7; ++i)
        use(i * 1000, 300);
    EXPECT_LE(figures().bytes, 1024 * kPage);
    EXPECT_EQ(figures().entries, 3U);
    use(0, 2000);  // more than the limit: for once
    EXPECT_EQ(figures().uncached, 1U);
    cache.reap();
    EXPECT_EQ(figures().entries, 0U);
    EXPECT_EQ(registrar.count(), 0U);
}

TEST_F(RegistrationCacheTest, WhatIsInUseIsNotEvicted) {
    std::vector<RegistrationCache::Lease> held;
    for (std::size_t i = 0; i < 10; ++i)
        held.push_back(*cache.acquire(memory(i * 20, 10), kRead));
    EXPECT_EQ(figures().uncached, 2U);
    for (const auto& lease : held) {
        EXPECT_NE(registrar.at(lease.handle).access, 0U);
        cache.release(lease);
    }
    cache.flush();
    EXPECT_EQ(registrar.count(), 0U);
    EXPECT_EQ(figures().bytes, 0U);
}

TEST_F(RegistrationCacheTest, AProviderWithoutRoomGetsOthersGivenUp) {
    registrar.most = 4;
    for (std::size_t i = 0; i < 20; ++i)
        use(i * 20, 10);
    EXPECT_EQ(figures().failed, 0U);
    registrar.most = 0;
    EXPECT_EQ(cache.acquire(memory(5000, 1), kRead).status().err(), ENOMEM);
}

TEST_F(RegistrationCacheTest, APoolIsRegisteredByThePiece) {
    cache.add_pool(memory(0, 100), 16 * kPage);
    EXPECT_EQ(use(17, 1), range(16, 16));
    use(30, 2);
    EXPECT_EQ(figures().hits, 1U);
    EXPECT_EQ(use(99, 1), range(96, 4));
}

// A monitor whose answer a test sets.
class FakeMonitor final : public MemoryMonitor {
  public:
    [[nodiscard]] const char* name() const override { return "fake"; }
    [[nodiscard]] std::string description() const override { return "fake"; }
    Status watch(const AddressRange&) override { return Status::from_errno(watch_error); }
    bool settle() override { return watching; }
    void forget_after_fork() override {}
    bool watching = true;
    int watch_error = 0;
};

TEST_F(RegistrationCacheTest, WithoutAMonitorThatWorksNothingIsKept) {
    FakeMonitor monitor;
    cache.set_monitor(&monitor);
    use(0, 10);
    use(0, 10);
    EXPECT_EQ(figures().hits, 1U);
    monitor.watching = false;
    use(0, 10);
    use(0, 10);
    EXPECT_EQ(figures().misses, 3U);
    EXPECT_EQ(figures().entries, 0U);
}

TEST_F(RegistrationCacheTest, WhatCannotBeWatchedIsNotKept) {
    FakeMonitor monitor;
    monitor.watch_error = ENOTSUP;
    cache.set_monitor(&monitor);
    use(0, 10);
    use(0, 10);
    EXPECT_EQ(figures().misses, 2U);
    EXPECT_EQ(figures().uncached, 2U);
}

TEST_F(RegistrationCacheTest, AForkedChildDeregistersNothing) {
    use(0, 10);
    const auto lease = *cache.acquire(memory(50, 1), kRead);
    (void)lease;
    cache.forget_after_fork();
    cache.flush();
    EXPECT_EQ(registrar.count(), 2U);
}

// The rules, without any cleverness: a page that changed since it was registered must not be given
// out under that registration.
TEST(RegistrationCacheModel, AgreesWithPagesThatHaveVersions) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        constexpr std::size_t kPages = 200;
        std::mt19937 random(seed);
        const auto pick = [&](std::size_t below) {
            return static_cast<std::size_t>(random() % below);
        };
        FakeRegistrar registrar;
        RegistrationCache cache(
            registrar,
            {.max_bytes = 250 * kPage, .max_entries = 12, .merge_bytes = pick(20) * kPage});
        std::vector<unsigned> version(kPages, 0);
        std::map<void*, std::vector<unsigned>> seen;  // versions at registration, by handle
        std::vector<std::pair<RegistrationCache::Lease, AddressRange>> held;
        for (int step = 0; step < 5000; ++step) {
            const std::size_t first = pick(kPages - 1);
            const std::size_t count = 1 + pick(std::min<std::size_t>(kPages - first, 40));
            const std::size_t what = pick(3) == 0 ? pick(10) : pick(8);
            if (what < 6) {
                const std::uint64_t access = 1 + pick(3);
                const auto lease = cache.acquire(memory(first, count), access);
                ASSERT_TRUE(lease.ok());
                const FakeRegistrar::Region region = registrar.at((*lease).handle);
                ASSERT_EQ(region.access & access, access) << seed << ' ' << step;
                ASSERT_TRUE(region.range.contains(range(first, count))) << seed << ' ' << step;
                auto [entry, fresh] = seen.try_emplace((*lease).handle, version);
                for (std::size_t p = first; p < first + count; ++p)
                    ASSERT_EQ(entry->second[p], version[p])
                        << "stale page " << p << ", seed " << seed << ", step " << step;
                held.emplace_back(*lease, range(first, count));
            } else if (what < 8 && !held.empty()) {
                const std::size_t i = pick(held.size());
                cache.release(held[i].first);
                held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
            } else if (what == 8) {
                for (std::size_t p = first; p < first + count; ++p)
                    ++version[p];
                cache.on_memory_changed(range(first, count));
            } else if (pick(50) == 0) {
                cache.flush();
            }
            if (held.size() > 10) {
                cache.release(held.front().first);
                held.erase(held.begin());
            }
        }
        for (const auto& [lease, where] : held)
            cache.release(lease);
        EXPECT_GT(cache.statistics().hits, 20U);
        EXPECT_GT(cache.statistics().invalidated, 20U);
        EXPECT_LE(cache.statistics().entries, 12U);
        cache.flush();
        EXPECT_EQ(registrar.count(), 0U);
        EXPECT_EQ(cache.statistics().bytes, 0U);
    }
}

TEST(RegistrationCacheThreads, ShareItWhileMemoryChanges) {
    FakeRegistrar registrar;
    RegistrationCache cache(registrar, {.max_bytes = 500 * kPage, .max_entries = 32});
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&cache, &registrar, t] {
            std::mt19937 random(t);
            for (int i = 0; i < 20000; ++i) {
                const std::size_t first = random() % 300;
                const std::size_t count = 1 + random() % 20;
                if (t == 3) {
                    cache.on_memory_changed(range(first, count));
                    continue;
                }
                const auto lease = cache.acquire(memory(first, count), kRead);
                ASSERT_TRUE(lease.ok());
                ASSERT_TRUE(registrar.at((*lease).handle).range.contains(range(first, count)));
                cache.release(*lease);
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    cache.flush();
    EXPECT_EQ(registrar.count(), 0U);
}

}  // namespace
}  // namespace orfa::fabric
