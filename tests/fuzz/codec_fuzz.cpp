// SPDX-License-Identifier: MIT
// What reads the variable parts of messages, and the lists of data requests.
#include "protocol/codec.hpp"
#include "server/access_list.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <cstdlib>

namespace orfa::fuzz {
namespace {

void check(bool condition) {
    if (!condition) std::abort();
}

// Reads on as the input says; nothing may come from outside of it.
void read_all(std::span<const std::byte> input) {
    protocol::Reader reader(input);
    std::uint8_t what = 0;
    while (reader.get(what)) {
        std::string_view string;
        std::vector<std::uint64_t> numbers;
        switch (what % 4) {
            case 0:
                if (reader.get_string(string, 300)) {
                    check(string.size() <= 300);
                    check(reinterpret_cast<const std::byte*>(string.data()) >= input.data());
                }
                break;
            case 1: {
                std::uint64_t count = 0;
                if (reader.get(count) && reader.get_array(count, numbers))
                    check(numbers.size() == count);
                break;
            }
            case 2: {
                protocol::Extent extent{};
                if (!reader.get(extent)) check(reader.failed());
                break;
            }
            default:
                check(reader.rest().size() <= input.size());
        }
    }
    check(reader.failed() && !reader.finished());
}

// What passes the checks must be safe to compute with.
void parse_request(std::span<const std::byte> input) {
    protocol::Reader reader(input);
    protocol::IoRequest request{};
    if (!reader.get(request) || !server::check_bounds(request).ok()) return;
    server::AccessList list;
    if (!server::parse_lists(request, reader, list).ok()) return;
    std::uint64_t bytes = 0;
    protocol::Walk walk = list.walk();
    for (auto run = walk.next(); run.count > 0; run = walk.next()) {
        check(run.length > 0 && run.offset + run.length > run.offset);
        check(run.position + run.length * run.count <= protocol::bytes_of(list.pattern));
        bytes += run.length * run.count;
    }
    check(bytes == request.total_bytes && bytes <= protocol::kMaxRequestBytes);
    if (list.segments.empty()) return;
    server::SegmentCursor cursor(list.segments);
    std::vector<fabric::RemoteSegment> out;
    cursor.move_to(bytes / 3);
    cursor.take(bytes - bytes / 3, out);
    std::uint64_t taken = 0;
    for (const auto& segment : out)
        taken += segment.length;
    check(taken == bytes - bytes / 3);
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
    read_all(input);
    parse_request(input);
}

std::vector<Bytes> seeds() {
    protocol::IoRequest request{};
    request.total_bytes = 300;
    request.entry_count = 2;
    request.segment_count = 2;
    Bytes lists;
    append(lists, request, protocol::Extent{0, 100}, protocol::Extent{5000, 200},
           protocol::MemorySegment{4096, 1, 250}, protocol::MemorySegment{9000, 1, 50});
    request.total_bytes = 60;
    request.entry_count = 1;
    request.segment_count = 0;
    request.pattern = protocol::Pattern::kStrided;
    Bytes strided;
    append(strided, request, protocol::Strided{100, 10, 20, 100, 3, 2});
    Bytes striped;
    request.total_bytes = 3072;
    request.striping = {4096, 2, 0};
    append(striped, request, protocol::Strided{0, 1024, 3072, 0, 4, 1});
    Bytes parts;
    append(parts, std::uint8_t{0}, std::uint32_t{3}, 'a', 'b', 'c', std::uint8_t{1},
           std::uint64_t{1}, std::uint64_t{7}, std::uint8_t{2}, protocol::Extent{1, 2});
    return {lists, strided, striped, parts};
}

}  // namespace orfa::fuzz
