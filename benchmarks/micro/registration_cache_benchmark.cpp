// SPDX-License-Identifier: MIT
// What the registration cache costs where it saves: a hit, among few and many registrations, and a
// change of memory that it does not hold.
#include "fabric/registration_cache.hpp"

#include <benchmark/benchmark.h>

#include <memory>

namespace orfa::fabric {
namespace {

constexpr std::uintptr_t kBase = std::uintptr_t{1} << 32;  // no memory is touched
constexpr std::size_t kLength = 1 << 20;

class FreeRegistrar final : public Registrar {
  public:
    Result<void*> register_range(std::span<std::byte>, std::uint64_t) override { return nullptr; }
    void deregister(void*) override {}
};

std::span<std::byte> buffer(std::size_t index) {
    return {reinterpret_cast<std::byte*>(kBase + 2 * index * kLength), kLength};
}

void fill(RegistrationCache& cache, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        cache.release(*cache.acquire(buffer(i), 1));
}

RegistrationCacheOptions roomy() {
    return {.max_bytes = std::size_t{1} << 40, .max_entries = 8192};
}

void registration_cache_hit(benchmark::State& state) {
    FreeRegistrar registrar;
    RegistrationCache cache(registrar, roomy());
    const auto count = static_cast<std::size_t>(state.range(0));
    fill(cache, count);
    std::size_t i = 0;
    for (auto _ : state) {
        const auto lease = cache.acquire(buffer(i), 1);
        benchmark::DoNotOptimize(lease);
        cache.release(*lease);
        i = (i + 7) % count;
    }
    if (cache.statistics().misses != count) state.SkipWithError("not all were hits");
}
BENCHMARK(registration_cache_hit)->Arg(1)->Arg(64)->Arg(1024)->Arg(8192);

void registration_cache_unrelated_change(benchmark::State& state) {
    FreeRegistrar registrar;
    RegistrationCache cache(registrar, roomy());
    fill(cache, 1024);
    const AddressRange gap{kBase + kLength, kBase + 2 * kLength};  // between two registrations
    for (auto _ : state) {
        cache.on_memory_changed(gap);
    }
    if (cache.statistics().invalidated != 0) state.SkipWithError("it was related");
}
BENCHMARK(registration_cache_unrelated_change);

}  // namespace
}  // namespace orfa::fabric
