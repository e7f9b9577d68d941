// SPDX-License-Identifier: MIT
// The shared-memory ring as a hostile writer leaves it, and the frames of the door.
#include "fabric/door.hpp"
#include "fabric/ring.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace orfa::fuzz {
namespace {

constexpr std::size_t kRing = 1024;
constexpr std::size_t kMaxLength = 300;

void check(bool condition) {
    if (!condition) std::abort();
}

// The writer puts bytes anywhere and moves its position as it likes, between reads.
void read_ring(std::span<const std::byte> bytes) {
    fabric::RingPositions positions{};
    alignas(8) std::array<std::byte, kRing> memory{};
    fabric::RingReader reader(positions, memory, kMaxLength);
    Input input(bytes);
    while (!input.empty()) {
        const auto position = input.take<std::uint16_t>();
        const auto chunk = input.take_bytes(input.take<std::uint8_t>());
        for (std::size_t i = 0; i < chunk.size(); ++i)
            memory[(position + i) % kRing] = chunk[i];
        positions.written.store(positions.written.load() +
                                static_cast<std::uint64_t>(input.take<std::int16_t>()));
        for (int records = 0; records < 200; ++records) {
            const auto next = reader.next();
            if (!next.ok()) return;  // the connection would be dropped
            if (!(*next).has_value()) break;
            const auto record = (**next).bytes;
            check(record.size() <= kMaxLength);
            check(record.empty() || (record.data() >= memory.data() &&
                                     record.data() + record.size() <= memory.data() + kRing));
        }
        reader.publish();
    }
}

// The reader frees what it likes.
void write_ring(std::span<const std::byte> bytes) {
    fabric::RingPositions positions{};
    alignas(8) std::array<std::byte, kRing + 64> memory{};
    fabric::RingWriter writer(positions, std::span(memory).first(kRing));
    Input input(bytes);
    while (!input.empty()) {
        const std::array<std::byte, kMaxLength> data{};
        const std::size_t length = input.take<std::uint8_t>();
        const auto written =
            writer.write(fabric::RecordKind::kMessage, std::span(data).first(length / 2),
                         std::span(data).first(length - length / 2));
        if (!written.ok()) return;
        positions.freed.store(positions.freed.load() +
                              static_cast<std::uint64_t>(input.take<std::int16_t>()));
    }
    check(std::all_of(memory.begin() + kRing, memory.end(),
                      [](std::byte byte) { return byte == std::byte{0}; }));
}

void receive_frames(std::span<const std::byte> bytes) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return;
    fabric::DoorSocket door(UniqueFd(ends[0]), "fuzz");
    const UniqueFd other(ends[1]);
    if (!bytes.empty()) [[maybe_unused]]
        const auto sent = ::send(other.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(other.get(), SHUT_WR);
    for (int frames = 0; frames < 20; ++frames) {
        const auto frame = door.try_receive_frame();
        if (!frame.ok()) return;
        if (!(*frame).has_value()) continue;
        check((**frame).bytes.size() <= fabric::kMaxFrame);
    }
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
    read_ring(input);
    write_ring(input);
    receive_frames(input);
}

std::vector<Bytes> seeds() {
    Bytes ring;
    // 8 bytes of header (length 16, kind 1) and 16 of record at the start
    append(ring, std::uint16_t{0}, std::uint8_t{24}, std::uint32_t{16}, std::uint32_t{1},
           std::uint64_t{1}, std::uint64_t{2}, std::int16_t{24});
    append(ring, std::uint16_t{24}, std::uint8_t{8}, std::uint32_t{0}, std::uint32_t{3},
           std::int16_t{8});
    Bytes frame;
    append(frame, std::uint64_t{0}, std::uint64_t{5});
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0) {
        fabric::DoorSocket door(UniqueFd(ends[0]), "seed");
        const UniqueFd other(ends[1]);
        const std::array<std::byte, 40> body{};
        std::array<std::byte, 200> sent{};
        if (door.send_frame(body).ok()) {
            const auto n = ::recv(other.get(), sent.data(), sent.size(), 0);
            if (n > 0) frame.assign(sent.begin(), sent.begin() + n);
        }
    }
    return {ring, frame};
}

}  // namespace orfa::fuzz
