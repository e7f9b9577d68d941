// SPDX-License-Identifier: MIT
// What an access in place costs the client beside the copy: finding the block, saying that it is
// used, looking at its stamp. Contiguous accesses one after the other in 8 MiB; the arguments are
// an access's bytes and whether it writes.
#include "client/core/in_place.hpp"
#include "client/core/transfer.hpp"
#include "fabric/guarded_mapping.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <vector>

namespace orfa::client {
namespace {

constexpr std::uint64_t kBlocks = Locations::kRegionBlocks;
constexpr std::uint64_t kBytes = kBlocks * protocol::kStoreBlockBytes;

void in_place_copy(benchmark::State& state) {
    auto mapping = fabric::GuardedMapping::make(protocol::MappedStore::bytes_for(kBlocks));
    if (!mapping.ok()) {
        state.SkipWithError("no memory");
        return;
    }
    fabric::ExposedUse use{};
    const fabric::ExposedMemory exposed{mapping->bytes(), &use};
    std::array<protocol::BlockLocation, kBlocks> told{};
    for (std::uint32_t i = 0; i < kBlocks; ++i)
        told[i] = {0, i, 0, protocol::kStoreBlockBytes, protocol::kStoreBlockBytes};
    Locations locations;
    locations.learn(0, {0, 0, 1}, 0, told);
    const auto length = static_cast<std::uint64_t>(state.range(0));
    const auto direction = state.range(1) != 0 ? Direction::kWrite : Direction::kRead;
    std::vector<std::byte> memory(length);
    std::uint64_t offset = 0;
    for (auto _ : state) {
        InPlaceCopy copy(exposed, locations, 0, direction);
        if (!copy.copy(offset, memory.data(), length)) state.SkipWithError("not in place");
        offset += length;
        if (offset + length > kBytes) offset = 0;
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(in_place_copy)->ArgsProduct({{24, 4096, 47008}, {0, 1}});

}  // namespace
}  // namespace orfa::client
