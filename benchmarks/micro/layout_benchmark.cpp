// SPDX-License-Identifier: MIT
// What cutting an access by server costs: the pure functions of the layout, and a client's whole
// cut of a vectored access into shares.
#include "client/core/access.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace orfa::client {
namespace {

constexpr protocol::Layout kLayout{.stripe_size = 1 << 20, .stripe_count = 4, .first_server = 1};

// A range of so many MiB, piece by piece.
void layout_pieces(benchmark::State& state) {
    const std::uint64_t length = static_cast<std::uint64_t>(state.range(0)) << 20;
    const std::uint64_t start = 12345;
    for (auto _ : state) {
        std::uint64_t done = 0;
        while (done < length) {
            const protocol::Piece piece =
                protocol::first_piece(kLayout, start + done, length - done);
            benchmark::DoNotOptimize(piece);
            done += piece.length;
        }
    }
    state.SetItemsProcessed(state.iterations() * (state.range(0) + 1));
}
BENCHMARK(layout_pieces)->Arg(1)->Arg(64);

void cut(benchmark::State& state, const std::vector<orfa_segment>& segments,
         const std::vector<orfa_extent>& extents) {
    const orfa_access access{segments.data(), segments.size(), extents.data(),
                             extents.size(),  nullptr,         0};
    Shares shares;
    for (auto _ : state) {
        if (!shares.cut(kLayout, access).ok()) state.SkipWithError("not cut");
        benchmark::DoNotOptimize(shares);
    }
    state.counters["shares"] = static_cast<double>(shares.size());
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(extents.size()));
}

// One contiguous call of so many KiB.
void layout_cut_contiguous(benchmark::State& state) {
    const std::uint64_t length = static_cast<std::uint64_t>(state.range(0)) << 10;
    std::vector<std::byte> memory(length);
    cut(state, {{memory.data(), length}}, {{777, length}});
}
BENCHMARK(layout_cut_contiguous)->Arg(4)->Arg(1024)->Arg(16384);

// So many pieces of 256 bytes, each fourth of the file.
void layout_cut_strided(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    std::vector<std::byte> memory(count * 256);
    std::vector<orfa_extent> extents;
    for (std::uint64_t i = 0; i < count; ++i)
        extents.push_back({i * 1024, 256});
    cut(state, {{memory.data(), memory.size()}}, extents);
}
BENCHMARK(layout_cut_strided)->Arg(64)->Arg(4096)->Arg(65536);

}  // namespace
}  // namespace orfa::client
