// SPDX-License-Identifier: MIT
// What a data request costs in the codec: filling it on the client, parsing and checking it on the
// server. The argument is the number of extents.
#include "protocol/codec.hpp"
#include "server/access_list.hpp"

#include <benchmark/benchmark.h>

#include <vector>

namespace orfa {
namespace {

constexpr std::uint64_t kLength = 47008;

struct Request {
    protocol::IoRequest head{};
    std::vector<protocol::Extent> extents;
    protocol::MemorySegment segment{};

    explicit Request(std::size_t count) {
        for (std::uint64_t i = 0; i < count; ++i)
            extents.push_back({i * 4 * kLength, kLength});
        head.total_bytes = count * kLength;
        head.entry_count = static_cast<std::uint32_t>(count);
        head.segment_count = 1;
        segment = {std::uint64_t{1} << 32, 7, head.total_bytes};
    }

    bool put(protocol::Writer& writer) const {
        return writer.put(head) && writer.put_array(std::span(extents)) && writer.put(segment);
    }
};

std::vector<std::byte> buffer_for(const Request& request) {
    return std::vector<std::byte>(sizeof request.head +
                                  request.extents.size() * sizeof(protocol::Extent) +
                                  sizeof request.segment);
}

void count_extents(benchmark::State& state) {
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void codec_fill_request(benchmark::State& state) {
    const Request request(static_cast<std::size_t>(state.range(0)));
    std::vector<std::byte> buffer = buffer_for(request);
    for (auto _ : state) {
        protocol::Writer writer(buffer);
        if (!request.put(writer)) state.SkipWithError("it doesn't fit");
        benchmark::DoNotOptimize(buffer.data());
    }
    count_extents(state);
}
BENCHMARK(codec_fill_request)->Arg(1)->Arg(64)->Arg(4096);

void codec_parse_request(benchmark::State& state) {
    const Request request(static_cast<std::size_t>(state.range(0)));
    std::vector<std::byte> buffer = buffer_for(request);
    protocol::Writer writer(buffer);
    if (!request.put(writer)) state.SkipWithError("it doesn't fit");
    server::AccessList list;
    for (auto _ : state) {
        protocol::Reader reader(buffer);
        protocol::IoRequest head;
        if (!reader.get(head) || !server::check_bounds(head).ok() ||
            !server::parse_lists(head, reader, list).ok())
            state.SkipWithError("it isn't understood");
        benchmark::DoNotOptimize(list.pattern.data());
    }
    if (list.pattern.size() != request.extents.size()) state.SkipWithError("others came out");
    count_extents(state);
}
BENCHMARK(codec_parse_request)->Arg(1)->Arg(64)->Arg(4096);

}  // namespace
}  // namespace orfa
