// SPDX-License-Identifier: MIT
// What the memory store costs a request, without the transport: blocks found or made, and the bytes
// copied into and out of them as a transfer would. The argument is the bytes of a request.
#include "server/memory_store.hpp"

#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

namespace orfa::server {
namespace {

constexpr std::uint64_t kObject = 1;
constexpr std::uint64_t kObjectBytes = 64ULL << 20;  // then from the start again

std::unique_ptr<MemoryStore> make_store(benchmark::State& state) {
    auto store = MemoryStore::create(512ULL << 20, 0);
    if (!store.ok()) state.SkipWithError("no memory for a store");
    return store.ok() ? std::move(*store) : nullptr;
}

// What a request does before and after its transfer; `move` is called with each piece of memory.
template <typename Move>
bool write(MemoryStore& store, std::uint64_t offset, std::uint64_t length,
           std::vector<fabric::LocalSegment>& memory, Move move) {
    const auto pin = store.pin(kObject, true);
    if (!pin.ok()) return false;
    memory.clear();
    const auto write = store.begin_write(*pin, false);
    const bool prepared = store.prepare_write(write, offset, length, memory).ok();
    if (prepared) {
        for (const auto& segment : memory)
            move(segment);
        store.finish_write(write, offset, length, true);
    }
    store.unpin(*pin);
    return prepared;
}

template <typename Move>
bool read(MemoryStore& store, std::uint64_t offset, std::uint64_t length,
          std::vector<fabric::LocalSegment>& memory, Move move) {
    const auto pin = store.pin(kObject, false);
    if (!pin.ok()) return false;
    memory.clear();
    const bool prepared = store.prepare_read(*pin, offset, length, memory).ok();
    for (const auto& segment : memory)
        move(segment);
    store.unpin(*pin);
    return prepared;
}

void fill(MemoryStore& store) {
    std::vector<fabric::LocalSegment> memory;
    write(store, 0, kObjectBytes, memory, [](const fabric::LocalSegment& segment) {
        std::memset(segment.data, 42, segment.length);
    });
}

// The next request's offset, through the object again and again.
std::uint64_t next(std::uint64_t offset, std::uint64_t length) {
    return offset + 2 * length > kObjectBytes ? 0 : offset + length;
}

void store_overwrite(benchmark::State& state) {
    const auto store = make_store(state);
    if (!store) return;
    fill(*store);
    const auto length = static_cast<std::uint64_t>(state.range(0));
    const std::vector<std::byte> data(length, std::byte{1});
    std::vector<fabric::LocalSegment> memory;
    std::uint64_t offset = 0;
    for (auto _ : state) {
        const std::byte* from = data.data();
        if (!write(*store, offset, length, memory, [&](const fabric::LocalSegment& segment) {
                std::memcpy(segment.data, from, segment.length);
                from += segment.length;
            }))
            state.SkipWithError("not written");
        offset = next(offset, length);
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(store_overwrite)->Arg(4096)->Arg(47008)->Arg(1 << 20);

void store_read(benchmark::State& state) {
    const auto store = make_store(state);
    if (!store) return;
    fill(*store);
    const auto length = static_cast<std::uint64_t>(state.range(0));
    std::vector<std::byte> data(length);
    std::vector<fabric::LocalSegment> memory;
    std::uint64_t offset = 0;
    for (auto _ : state) {
        std::byte* to = data.data();
        if (!read(*store, offset, length, memory, [&](const fabric::LocalSegment& segment) {
                std::memcpy(to, segment.data, segment.length);
                to += segment.length;
            }))
            state.SkipWithError("not read");
        offset = next(offset, length);
    }
    if (data[length - 1] != std::byte{42}) state.SkipWithError("other bytes came out");
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(store_read)->Arg(4096)->Arg(47008)->Arg(1 << 20);

// The store's own share: no byte is moved.
void store_find_blocks(benchmark::State& state) {
    const auto store = make_store(state);
    if (!store) return;
    fill(*store);
    const auto length = static_cast<std::uint64_t>(state.range(0));
    std::vector<fabric::LocalSegment> memory;
    std::uint64_t offset = 0;
    for (auto _ : state) {
        if (!write(*store, offset, length, memory, [](const fabric::LocalSegment& segment) {
                benchmark::DoNotOptimize(segment.data);
            }))
            state.SkipWithError("not written");
        offset = next(offset, length);
    }
}
BENCHMARK(store_find_blocks)->Arg(4096)->Arg(47008)->Arg(1 << 20);

// A write of many pieces with holes between them to new memory, as a network brings them: all are
// on their way before the first ends. The argument is the number of pieces.
void store_scattered_write(benchmark::State& state) {
    constexpr std::uint64_t kPiece = 8192;
    const auto store = make_store(state);
    if (!store) return;
    std::vector<fabric::LocalSegment> memory;
    const auto pieces = static_cast<std::uint64_t>(state.range(0));
    for (auto _ : state) {
        const auto pin = store->pin(kObject, true);
        if (!pin.ok()) return state.SkipWithError("not pinned");
        const auto write = store->begin_write(*pin, true);
        memory.clear();
        for (std::uint64_t i = 0; i < pieces; ++i)
            if (!store->prepare_write(write, 4 * i * kPiece, kPiece, memory).ok())
                state.SkipWithError("no room");
        for (std::uint64_t i = 0; i < pieces; ++i)
            store->finish_write(write, 4 * i * kPiece, kPiece, true);
        store->unpin(*pin);
        store->remove(kObject);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(store_scattered_write)->Arg(16)->Arg(256)->Arg(4096);

// A small file's life: made, one block, removed.
void store_create_and_remove(benchmark::State& state) {
    const auto store = make_store(state);
    if (!store) return;
    std::vector<fabric::LocalSegment> memory;
    for (auto _ : state) {
        write(*store, 0, 100, memory, [](const fabric::LocalSegment& segment) {
            std::memset(segment.data, 42, segment.length);
        });
        store->remove(kObject);
    }
    if (store->usage().used != 0) state.SkipWithError("something was left");
}
BENCHMARK(store_create_and_remove);

}  // namespace
}  // namespace orfa::server
