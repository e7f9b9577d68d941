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

// A mapped store, and where its blocks are: all can be read and written.
struct Setting {
    Setting() : mapping(fabric::GuardedMapping::make(protocol::MappedStore::bytes_for(kBlocks))) {
        if (!mapping.ok()) return;
        exposed = {mapping->bytes(), &use};
        std::array<protocol::BlockLocation, kBlocks> told{};
        for (std::uint32_t i = 0; i < kBlocks; ++i)
            told[i] = {0, i, 0, protocol::kStoreBlockBytes, protocol::kStoreBlockBytes};
        locations.learn(0, {0, 0, 1}, 0, told);
    }
    bool sound(benchmark::State& state) const {
        if (!mapping.ok()) state.SkipWithError("no memory");
        return mapping.ok();
    }

    Result<fabric::GuardedMapping> mapping;
    fabric::ExposedUse use{};
    fabric::ExposedMemory exposed;
    Locations locations;
};

void in_place_copy(benchmark::State& state) {
    Setting setting;
    if (!setting.sound(state)) return;
    const auto length = static_cast<std::uint64_t>(state.range(0));
    const auto direction = state.range(1) != 0 ? Direction::kWrite : Direction::kRead;
    std::vector<std::byte> memory(length);
    std::uint64_t offset = 0;
    for (auto _ : state) {
        InPlaceCopy copy(setting.exposed, setting.locations, 0, direction);
        if (!copy.copy({offset, 0, memory.data(), length, 1}, 0))
            state.SkipWithError("not in place");
        offset += length;
        if (offset + length > kBytes) offset = 0;
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(in_place_copy)->ArgsProduct({{24, 4096, 47008}, {0, 1}});

// What each piece costs beside that: 1024 of them, one in four of the object's; the arguments are a
// piece's bytes and whether they are written.
void in_place_pieces(benchmark::State& state) {
    constexpr std::uint64_t kPieces = 1024;
    Setting setting;
    if (!setting.sound(state)) return;
    const auto length = static_cast<std::uint64_t>(state.range(0));
    const auto direction = state.range(1) != 0 ? Direction::kWrite : Direction::kRead;
    std::vector<std::byte> memory(length * kPieces);
    std::uint64_t offset = 0;
    for (auto _ : state) {
        InPlaceCopy copy(setting.exposed, setting.locations, 0, direction);
        if (!copy.copy({offset, 4 * length, memory.data(), length, kPieces}, 0))
            state.SkipWithError("not in place");
        offset += 4 * length * kPieces;
        if (offset + 4 * length * kPieces > kBytes) offset = 0;
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPieces));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(memory.size()));
}
BENCHMARK(in_place_pieces)->ArgsProduct({{4, 8, 16, 24, 64, 100, 512}, {0, 1}});

}  // namespace
}  // namespace orfa::client
