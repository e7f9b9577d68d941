// SPDX-License-Identifier: MIT
// What the ring between a client and a server of one host costs, without anybody sleeping: a record
// in and out on one thread, and a round trip between two threads that spin. The argument is a
// record's bytes.
#include "fabric/ring.hpp"

#include <benchmark/benchmark.h>

#include <thread>
#include <vector>

namespace orfa::fabric {
namespace {

constexpr std::size_t kRingBytes = 1 << 16;
constexpr std::size_t kMaxRecord = 1 << 14;

struct Ring {
    RingPositions positions{};
    std::vector<std::uint64_t> words = std::vector<std::uint64_t>(kRingBytes / 8);
    RingWriter writer{positions, std::as_writable_bytes(std::span(words))};
    RingReader reader{positions, std::as_bytes(std::span(words)), kMaxRecord};

    bool put(std::span<const std::byte> record) {
        const Result<bool> done =
            writer.write(RecordKind::kMessage, record.first(8), record.subspan(8));
        return done.ok() && *done;
    }
    // The record's first byte; -1: there is none.
    int take() {
        Result<std::optional<Record>> record = reader.next();
        if (!record.ok() || !record->has_value()) return -1;
        const int first = std::to_integer<int>((*record)->bytes[0]);
        reader.publish();
        return first;
    }
};

void ring_write_and_read(benchmark::State& state) {
    Ring ring;
    const std::vector<std::byte> record(static_cast<std::size_t>(state.range(0)), std::byte{42});
    for (auto _ : state) {
        if (!ring.put(record) || ring.take() != 42) state.SkipWithError("a record was lost");
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ring_write_and_read)->Arg(64)->Arg(512)->Arg(4096);

// So many records before the reader looks at all of them.
void ring_burst(benchmark::State& state) {
    Ring ring;
    const std::vector<std::byte> record(128, std::byte{42});
    for (auto _ : state) {
        for (std::int64_t i = 0; i < state.range(0); ++i)
            if (!ring.put(record)) state.SkipWithError("no room");
        for (std::int64_t i = 0; i < state.range(0); ++i)
            if (ring.take() != 42) state.SkipWithError("a record was lost");
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ring_burst)->Arg(16)->Arg(256);

void ring_round_trip(benchmark::State& state) {
    Ring there;
    Ring back;
    const std::vector<std::byte> record(128, std::byte{42});
    const std::vector<std::byte> last(128, std::byte{1});
    std::thread echo([&] {
        for (int first = 0; first != 1;) {
            first = there.take();
            if (first < 0)
                std::this_thread::yield();
            else
                back.put(record);
        }
    });
    for (auto _ : state) {
        if (!there.put(record)) state.SkipWithError("no room");
        while (back.take() < 0)
            std::this_thread::yield();
    }
    there.put(last);
    echo.join();
}
BENCHMARK(ring_round_trip)->UseRealTime();

}  // namespace
}  // namespace orfa::fabric
