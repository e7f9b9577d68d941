// SPDX-License-Identifier: MIT
#include "benchmarks/hooks_price.hpp"

#include "fabric/code_patch.hpp"
#include "fabric/memory_listeners.hpp"
#include "fabric/monitor_hooks.hpp"

#include <dlfcn.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "benchmarks/harness.hpp"

namespace orfa::benchmarks {
namespace {

// Holds a range that no one unmaps, as a cache whose buffers lie elsewhere does.
class Holder final : public fabric::MemoryListener {
  public:
    void on_memory_changed(const fabric::AddressRange&) noexcept override {}
    void publish_bounds(fabric::MemoryBounds* bounds) override {
        if (bounds != nullptr) bounds->set({1 << 20, 2 << 20});
    }
};

// The first instruction of a function as the C library has it, and as the hooks have it.
class Patch {
  public:
    explicit Patch(const char* function) : entry_(dlsym(RTLD_DEFAULT, function)) {
        if (entry_ == nullptr) throw std::runtime_error("the C library lacks a function");
        plain_ = fabric::first_bytes(entry_);
    }
    // When the hooks are in.
    void note_hooked() {
        hooked_ = fabric::first_bytes(entry_);
        if (hooked_ == plain_) throw std::runtime_error("the hooks here are somebody else's");
    }
    // Stores either, also what is there already: both kinds of turns begin with the same work.
    void put(bool hooked) const {
        const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
        const auto address = reinterpret_cast<std::uintptr_t>(entry_);
        auto* const start = static_cast<char*>(entry_) - address % page;
        if (mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
            throw std::runtime_error("the C library's code may not be changed");
        std::atomic_ref<std::uint64_t>(*static_cast<std::uint64_t*>(entry_))
            .store(hooked ? hooked_ : plain_);
        mprotect(start, page, PROT_READ | PROT_EXEC);
    }

  private:
    void* entry_;
    std::uint64_t plain_ = 0;
    std::uint64_t hooked_ = 0;
};

// Processor time of this thread: other programs do not count.
double processor_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

constexpr int kCalls = 25;  // of a turn: many short turns, so that neighbours meet the same machine
constexpr std::size_t kPage = 4096;

void touch(void* memory, std::size_t bytes, std::size_t step) {
    for (std::size_t at = 0; at < bytes; at += step)
        static_cast<volatile char*>(memory)[at] = 1;
}

double unmapping() {
    constexpr std::size_t kBytes = 64 << 10;
    void* places[kCalls];
    for (void*& place : places) {
        place = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (place == MAP_FAILED) throw std::runtime_error("no memory");
        touch(place, kBytes, kPage);
    }
    const double start = processor_time();
    for (void* place : places)
        munmap(place, kBytes);
    return (processor_time() - start) / kCalls;
}

template <std::size_t kBytes, std::size_t kStep>
double freeing() {
    void* places[kCalls];
    for (void*& place : places) {
        place = std::malloc(kBytes);
        if (place == nullptr) throw std::runtime_error("no memory");
        touch(place, kBytes, kStep);
    }
    const double start = processor_time();
    for (void* place : places)
        std::free(place);
    return (processor_time() - start) / kCalls;
}

struct Case {
    const char* name;
    double (*run)();
};
constexpr Case kCases[] = {
    {"munmap 64 KiB", unmapping},
    {"free 1 MiB", freeing<1 << 20, 16 * kPage>},  // unmapped
    {"free 1 KiB", freeing<1 << 10, 1 << 10>}};    // mostly without a system call

// How much slower each turn was than its neighbour: the median, where the true median lies with a
// probability of 95 % (by order, whatever the distribution), and the quartiles.
Json slower(const std::vector<double>& ratios) {
    const auto count = static_cast<double>(ratios.size());
    const double half_width = 0.98 / std::sqrt(count);
    return {{"median", median(ratios) - 1},
            {"low", percentile(ratios, 0.5 - half_width) - 1},
            {"high", percentile(ratios, 0.5 + half_width) - 1},
            {"quartiles", {percentile(ratios, 0.25) - 1, percentile(ratios, 0.75) - 1}}};
}

void measure_case(const Case& what, const std::vector<Patch>& patches, unsigned rounds) {
    const auto turn = [&](bool hooked) {
        for (const Patch& patch : patches)
            patch.put(hooked);
        what.run();  // warms up
        return what.run();
    };
    std::vector<double> plain;
    std::vector<double> with_hooks;
    std::vector<double> ratios;
    std::vector<double> noise;
    for (unsigned round = 0; round < rounds; ++round) {
        // Each kind comes first as often as the other; twice plain shows what chance does.
        const bool hooked_first = round % 2 == 0;
        const double first = turn(hooked_first);
        const double second = turn(!hooked_first);
        const double before = hooked_first ? second : first;
        const double after = hooked_first ? first : second;
        plain.push_back(before);
        with_hooks.push_back(after);
        ratios.push_back(after / before);
        if (round % 4 != 0) continue;
        const double again[2] = {turn(false), turn(false)};
        noise.push_back(round % 8 == 0 ? again[1] / again[0] : again[0] / again[1]);
    }
    print_result(true,
                 {{"benchmark", "registration_hooks"},
                  {"call", what.name},
                  {"rounds", rounds},
                  {"seconds", median(plain)},
                  {"seconds_hooked", median(with_hooks)},
                  {"slower", slower(ratios)},
                  {"by_chance", slower(noise)}},
                 "");
}

}  // namespace

void measure_hooks(unsigned rounds) {
    mallopt(M_MMAP_THRESHOLD, 256 << 10);  // 1 MiB: mapped and unmapped
    std::vector<Patch> patches;
    for (const char* function : {"munmap", "mremap", "madvise", "brk", "shmdt", "shmat", "mmap"})
        patches.emplace_back(function);
    Holder holder;
    const auto monitor = fabric::HooksMonitor::create(holder);
    if (!monitor.ok()) throw std::runtime_error("no hooks here");
    for (Patch& patch : patches)
        patch.note_hooked();
    for (const Case& what : kCases)
        measure_case(what, patches, rounds);
    for (const Patch& patch : patches)
        patch.put(true);
}

}  // namespace orfa::benchmarks
