// SPDX-License-Identifier: MIT
// What folding extents into nested strided patterns costs the client, and walking over them the
// server. The argument is the number of extents.
#include "protocol/pattern.hpp"
#include "protocol/walk.hpp"

#include <benchmark/benchmark.h>

#include <random>
#include <vector>

namespace orfa::protocol {
namespace {

std::vector<Extent> vector_of(std::size_t count) {
    std::vector<Extent> extents;
    for (std::uint64_t i = 0; i < count; ++i)
        extents.push_back({i * 1024, 256});
    return extents;
}

// Rows of 64 pieces, in planes that are further apart: folds into two loops.
std::vector<Extent> subarray_of(std::size_t count) {
    std::vector<Extent> extents;
    for (std::uint64_t i = 0; i < count; ++i)
        extents.push_back({i / 64 * (1 << 20) + i % 64 * 1024, 256});
    return extents;
}

// Nothing repeats: the worst that can come.
std::vector<Extent> irregular(std::size_t count) {
    std::vector<Extent> extents;
    std::mt19937 random(count == 0 ? 1 : static_cast<unsigned>(count));
    std::uint64_t offset = 0;
    for (std::size_t i = 0; i < count; ++i) {
        offset += 1000 + random() % 1000;
        extents.push_back({offset, 1 + random() % 900});
    }
    return extents;
}

using Maker = std::vector<Extent> (*)(std::size_t);

void pattern_fold(benchmark::State& state, Maker make) {
    const std::vector<Extent> extents = make(static_cast<std::size_t>(state.range(0)));
    std::vector<Strided> folded;
    for (auto _ : state) {
        fold(extents, folded);
        benchmark::DoNotOptimize(folded.data());
    }
    state.counters["entries"] = static_cast<double>(folded.size());
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(pattern_fold, vector, vector_of)->Arg(64)->Arg(16384);
BENCHMARK_CAPTURE(pattern_fold, subarray, subarray_of)->Arg(16384);
BENCHMARK_CAPTURE(pattern_fold, irregular, irregular)->Arg(64)->Arg(16384);

// As one of four servers walks over the pattern.
void pattern_walk(benchmark::State& state, Maker make) {
    const std::vector<Extent> extents = make(static_cast<std::size_t>(state.range(0)));
    std::vector<Strided> folded;
    fold(extents, folded);
    std::uint64_t bytes = 0;
    for (auto _ : state) {
        bytes = bytes_of(folded, {65536, 4, 0});
        benchmark::DoNotOptimize(bytes);
    }
    if (bytes == 0) state.SkipWithError("nothing came out");
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(pattern_walk, vector, vector_of)->Arg(64)->Arg(16384);
BENCHMARK_CAPTURE(pattern_walk, irregular, irregular)->Arg(16384);

}  // namespace
}  // namespace orfa::protocol
