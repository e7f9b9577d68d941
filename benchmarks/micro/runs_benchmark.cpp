// SPDX-License-Identifier: MIT
// What lists of pieces cost the collective layer: built from single pieces, told to an aggregator
// and understood there, merged with other ranks' lists, and copied by. The argument is the number
// of pieces.
#include "collective/runs.hpp"

#include <benchmark/benchmark.h>

#include <random>
#include <vector>

namespace orfa::collective {
namespace {

constexpr std::uint64_t kLength = 16;
constexpr std::uint64_t kRanks = 4;

// One rank's pieces where ranks take regular turns.
Runs regular(std::uint64_t count, std::uint64_t rank = 0) {
    Runs runs;
    for (std::uint64_t i = 0; i < count; ++i)
        runs.append((i * kRanks + rank) * kLength, kLength);
    return runs;
}

// Ranks take turns, but pieces have any length up to kLength: nothing joins.
Runs irregular(std::uint64_t count, std::uint64_t rank = 0) {
    Runs runs;
    std::mt19937 random(static_cast<unsigned>(rank + 1));
    for (std::uint64_t i = 0; i < count; ++i)
        runs.append((i * kRanks + rank) * kLength, 1 + (i * 7 + random() % 2) % (kLength - 1));
    return runs;
}

using Maker = Runs (*)(std::uint64_t, std::uint64_t);

void count_pieces(benchmark::State& state, std::int64_t lists = 1) {
    state.SetItemsProcessed(state.iterations() * state.range(0) * lists);
}

void runs_append(benchmark::State& state, Maker make) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    for (auto _ : state) {
        const Runs runs = make(count, 0);
        benchmark::DoNotOptimize(runs.items().data());
    }
    count_pieces(state);
}
BENCHMARK_CAPTURE(runs_append, regular, regular)->Arg(65536);
BENCHMARK_CAPTURE(runs_append, irregular, irregular)->Arg(65536);

void runs_encode_and_decode(benchmark::State& state, Maker make) {
    const Runs runs = make(static_cast<std::uint64_t>(state.range(0)), 0);
    std::vector<std::byte> told;
    std::vector<Run> understood;
    for (auto _ : state) {
        told.clear();
        understood.clear();
        encode(runs.items(), told);
        if (!decode(told, std::uint64_t{1} << 40, runs.bytes(), understood))
            state.SkipWithError("not understood");
        benchmark::DoNotOptimize(understood.data());
    }
    state.counters["bytes"] = static_cast<double>(told.size());
    count_pieces(state);
}
BENCHMARK_CAPTURE(runs_encode_and_decode, regular, regular)->Arg(65536);
BENCHMARK_CAPTURE(runs_encode_and_decode, irregular, irregular)->Arg(65536);

void runs_unite(benchmark::State& state, Maker make) {
    std::vector<Runs> ranks;
    std::vector<std::span<const Run>> lists;
    for (std::uint64_t rank = 0; rank < kRanks; ++rank)
        ranks.push_back(make(static_cast<std::uint64_t>(state.range(0)), rank));
    for (const Runs& runs : ranks)
        lists.push_back(runs.items());
    std::vector<Range> united;
    for (auto _ : state) {
        united.clear();
        unite(lists, united);
        benchmark::DoNotOptimize(united.data());
    }
    state.counters["ranges"] = static_cast<double>(united.size());
    count_pieces(state, kRanks);
}
BENCHMARK_CAPTURE(runs_unite, regular, regular)->Arg(65536);
BENCHMARK_CAPTURE(runs_unite, irregular, irregular)->Arg(16384);

void runs_gather(benchmark::State& state) {
    const Runs runs = regular(static_cast<std::uint64_t>(state.range(0)));
    const std::vector<std::byte> memory(runs.bytes() * kRanks, std::byte{42});
    std::vector<std::byte> packed(runs.bytes());
    for (auto _ : state) {
        gather(runs.items(), reinterpret_cast<std::uintptr_t>(memory.data()), packed);
        benchmark::DoNotOptimize(packed.data());
    }
    if (packed.back() != std::byte{42}) state.SkipWithError("not all was gathered");
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(runs.bytes()));
}
BENCHMARK(runs_gather)->Arg(65536);

}  // namespace
}  // namespace orfa::collective
