// SPDX-License-Identifier: MIT
#include "tests/fabric/registration_storm.hpp"

#include "fabric/priced_registrar.hpp"
#include "fabric/registration_cache.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace orfa::fabric::test {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSlots = 48;
constexpr std::size_t kPlaceBytes = std::size_t{1} << 20;  // most of a mapped buffer

// A buffer that any thread may change, one at a time. From malloc(), or mapped, mostly at a place
// that is the same for the whole storm.
struct Buffer {
    std::mutex mutex;
    std::byte* place = nullptr;  // where it is mapped; nullptr: from malloc()
    std::byte* data = nullptr;
    std::size_t size = 0;
};

class Storm {
  public:
    Storm(RegistrationCache& cache, PricedRegistrar& registrar, const StormOptions& options)
        : cache_(cache), registrar_(registrar), options_(options) {
        // Only the addresses are wanted.
        void* at = mmap(nullptr, kSlots * kPlaceBytes, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED) std::abort();
        munmap(at, kSlots * kPlaceBytes);
        for (std::size_t i = 0; i < kSlots; i += 2)
            buffers_[i].place = static_cast<std::byte*>(at) + i * kPlaceBytes;
    }
    ~Storm() {
        for (Buffer& buffer : buffers_) {
            if (buffer.place == nullptr)
                std::free(buffer.data);
            else if (buffer.data != nullptr)
                munmap(buffer.data, buffer.size);
        }
    }
    Storm(const Storm&) = delete;
    Storm& operator=(const Storm&) = delete;

    void run(unsigned thread) {
        std::mt19937 random(options_.seed * 1000 + thread);
        for (std::uint64_t i = 0; i < options_.operations / options_.threads; ++i) {
            Buffer& buffer = buffers_[random() % kSlots];
            const std::lock_guard lock(buffer.mutex);
            const auto what = static_cast<unsigned>(random() % 100);
            if (buffer.data == nullptr)
                make(buffer, random);
            else if (what < 70)
                transfer(buffer, random);
            else
                change(buffer, what, random);
        }
    }

    std::atomic<std::uint64_t> transfers{0}, stale{0}, forks{0};

  private:
    using Random = std::mt19937;

    static std::size_t any_size(Random& random) {
        const std::size_t most = random() % 4 == 0 ? kPlaceBytes : 16 * kPage;
        return 1 + random() % most;
    }
    static std::size_t in_pages(std::size_t bytes) { return (bytes + kPage - 1) & ~(kPage - 1); }

    // At its place, if no one else has taken it meanwhile.
    static void map(Buffer& buffer, std::size_t size) {
        buffer.size = in_pages(size);
        void* at = mmap(buffer.place, buffer.size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (at == MAP_FAILED)
            at = mmap(nullptr, buffer.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);
        if (at == MAP_FAILED) std::abort();
        buffer.data = static_cast<std::byte*>(at);
    }

    static void map_over(const Buffer& buffer) {
        if (mmap(buffer.data, buffer.size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != buffer.data)
            std::abort();
    }

    void make(Buffer& buffer, Random& random) {
        if (buffer.place != nullptr) {
            map(buffer, any_size(random));
        } else {
            buffer.size = any_size(random);
            buffer.data = static_cast<std::byte*>(std::malloc(buffer.size));
            if (buffer.data == nullptr) std::abort();
        }
    }

    // What a transfer does: writes to the buffer, registers it, and lets the card at it.
    void transfer(Buffer& buffer, Random& random) {
        const std::size_t from = random() % 3 == 0 ? random() % buffer.size : 0;
        const std::size_t length = buffer.size - from;
        const std::span<std::byte> memory(buffer.data + from, length);
        for (std::size_t at = 0; at < length; at += kPage)
            memory[at] = static_cast<std::byte>(random());
        memory[length - 1] = std::byte{1};
        const auto lease = cache_.acquire(memory, 1);
        if (!lease.ok()) {
            std::fprintf(stderr, "registering failed: %d\n", lease.status().err());
            std::abort();
        }
        transfers.fetch_add(1, std::memory_order_relaxed);
        if (!registrar_.check((*lease).handle, memory)) stale.fetch_add(1);
        cache_.release(*lease);
    }

    void change(Buffer& buffer, unsigned what, Random& random) {
        if (what == 99 && random() % 20 == 0)
            fork_child(buffer);
        else if (buffer.place != nullptr)
            change_mapped(buffer, what, random);
        else if (what < 85)
            drop(buffer);
        else
            grow(buffer, random);
    }

    static void drop(Buffer& buffer) {
        std::free(buffer.data);
        buffer.data = nullptr;
    }

    static void grow(Buffer& buffer, Random& random) {
        const std::size_t size = any_size(random);
        void* at = std::realloc(buffer.data, size);
        if (at == nullptr) std::abort();
        buffer.data = static_cast<std::byte*>(at);
        buffer.size = size;
    }

    void change_mapped(Buffer& buffer, unsigned what, Random& random) {
        if (what < 76) {
            munmap(buffer.data, buffer.size);
            buffer.data = nullptr;
        } else if (what < 82) {
            map_over(buffer);
        } else if (what < 88) {
            madvise(buffer.data, buffer.size, MADV_DONTNEED);
        } else if (what < 91) {
            const std::size_t half = in_pages(buffer.size / 2);
            madvise(buffer.data + half, buffer.size - half, MADV_DONTNEED);
        } else if (what < 95) {
            const std::size_t size = std::max(kPage, in_pages(buffer.size / 2));
            if (mremap(buffer.data, buffer.size, size, 0) == buffer.data) buffer.size = size;
        } else if (options_.moves_onto) {
            move_onto(buffer, random);
        } else {
            move(buffer);
        }
    }

    // Away, and where it then is.
    static void move(Buffer& buffer) {
        void* at = mremap(buffer.data, buffer.size, buffer.size + kPlaceBytes, MREMAP_MAYMOVE);
        // The kernel moves no mapping of which only a part is watched by userfaultfd.
        if (at == MAP_FAILED) return;
        buffer.data = static_cast<std::byte*>(at);
        if (mremap(at, buffer.size + kPlaceBytes, buffer.size, 0) != at) std::abort();
    }

    // Onto memory that was registered itself.
    void move_onto(Buffer& buffer, Random& random) {
        Buffer other;
        other.size = buffer.size;
        void* at =
            mmap(nullptr, other.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) std::abort();
        other.data = static_cast<std::byte*>(at);
        transfer(other, random);
        if (mremap(buffer.data, buffer.size, buffer.size, MREMAP_MAYMOVE | MREMAP_FIXED,
                   other.data) != other.data)
            std::abort();
        buffer.data = other.data;
    }

    // The child writes to its copy; the parent's pages must stay where they are registered.
    void fork_child(Buffer& buffer) {
        const pid_t child = fork();
        if (child == 0) {
            std::memset(buffer.data, 0, buffer.size);
            if (buffer.place != nullptr) munmap(buffer.data, buffer.size);
            _exit(0);
        }
        std::memset(buffer.data, 1, buffer.size);
        if (child > 0) waitpid(child, nullptr, 0);
        forks.fetch_add(1);
    }

    RegistrationCache& cache_;
    PricedRegistrar& registrar_;
    const StormOptions& options_;
    std::array<Buffer, kSlots> buffers_;
};

const char* name_of(const StormOptions& options) {
    if (!options.watched) return "no monitor";
    if (options.monitor == MonitorChoice::kAuto) return "auto";
    return options.monitor == MonitorChoice::kHooks ? "hooks" : "userfaultfd";
}

}  // namespace

StormResult run_storm(const StormOptions& options) {
    StormResult result;
    PricedRegistrar registrar(nullptr, {}, PricedRegistrar::Stale::kCount);
    RegistrationCache cache(registrar, {.max_bytes = std::size_t{24} << 20, .max_entries = 40});
    std::unique_ptr<MemoryMonitor> monitor;
    if (options.watched) {
        auto made = make_monitor(options.monitor, cache);
        if (!made.ok()) return result;
        monitor = std::move(*made);
        cache.set_monitor(monitor.get());
    }
    if (!registrar.checks_pages()) return result;
    {
        Storm storm(cache, registrar, options);
        std::vector<std::thread> threads;
        for (unsigned t = 0; t < options.threads; ++t)
            threads.emplace_back([&storm, t] { storm.run(t); });
        for (std::thread& thread : threads)
            thread.join();
        result.transfers = storm.transfers;
        result.stale = storm.stale;
        result.forks = storm.forks;
    }
    result.possible = true;
    result.hits = cache.statistics().hits;
    result.invalidated = cache.statistics().invalidated;
    cache.set_monitor(nullptr);
    return result;
}

int report_storm(const StormOptions& options, const StormResult& result, bool expect_stale) {
    if (!result.possible) {
        std::printf("%s: not possible here\n", name_of(options));
        return 77;
    }
    std::printf(
        "%s, seed %u: %llu transfers, %llu hits, %llu invalidated, %llu forks, %llu stale\n",
        name_of(options), options.seed, static_cast<unsigned long long>(result.transfers),
        static_cast<unsigned long long>(result.hits),
        static_cast<unsigned long long>(result.invalidated),
        static_cast<unsigned long long>(result.forks),
        static_cast<unsigned long long>(result.stale));
    return (result.stale > 0) == expect_stale && result.hits > 0 ? 0 : 1;
}

std::uint64_t storm_operations() {
    const char* wanted = std::getenv("ORFA_STORM_OPERATIONS");
    const std::uint64_t count = wanted == nullptr ? 0 : std::strtoull(wanted, nullptr, 10);
    return count != 0 ? count : 40'000;
}

}  // namespace orfa::fabric::test
