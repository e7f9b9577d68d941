// SPDX-License-Identifier: MIT
// How parcels travel between ranks that have no memory in common.
#include "collective/exchange.hpp"

#include <utility>

namespace orfa::collective {
namespace {

bool is_one_piece(std::span<const Run> runs) {
    return runs.size() == 1 && runs[0].count == 1;
}

}  // namespace

void Exchange::send_parcels() {
    for (std::uint32_t i = 0; i < domains_.aggregators; ++i)
        if (i != my_index_ && !outgoing_[i].data.empty())
            ranks_.send(domains_.rank_of(i, ranks_.size()), Ranks::Tag::kData, outgoing_[i].data);
}

// Receives all ranks' bytes into their places, as many at a time as the staging buffer holds.
void Exchange::collect_parcels() {
    const auto base = reinterpret_cast<std::uintptr_t>(window_);
    std::vector<std::pair<std::uint32_t, std::span<std::byte>>> staged;
    std::uint64_t used = 0;
    const auto place_staged = [&] {
        ranks_.wait_received();
        for (const auto& [from, data] : staged)
            scatter(assembly_.places(from), base, data);
        staged.clear();
        used = 0;
    };
    for (std::uint32_t from = 0; from < ranks_.size(); ++from) {
        const std::uint64_t bytes = heard_[from].bytes;
        const auto places = assembly_.places(from);
        if (bytes == 0 || from == ranks_.rank()) continue;
        if (is_one_piece(places)) {
            ranks_.receive(from, Ranks::Tag::kData, {window_ + places[0].start, bytes});
            continue;
        }
        if (used + bytes > domains_.buffer_bytes()) place_staged();
        staged.emplace_back(from, std::span(staging_ + used, bytes));
        ranks_.receive(from, Ranks::Tag::kData, staged.back().second);
        used += bytes;
    }
    scatter(assembly_.places(ranks_.rank()), base, outgoing_[my_index_].data);
    place_staged();
}

void Exchange::expect_parcels() {
    for (std::uint32_t i = 0; i < domains_.aggregators; ++i)
        if (i != my_index_ && !outgoing_[i].data.empty())
            ranks_.receive(domains_.rank_of(i, ranks_.size()), Ranks::Tag::kData,
                           outgoing_[i].data);
}

// Sends all ranks their bytes below place `limit`, as many at a time as the staging buffer holds.
void Exchange::hand_out(std::uint64_t limit) {
    const auto base = reinterpret_cast<std::uintptr_t>(window_);
    std::uint64_t used = 0;
    for (std::uint32_t to = 0; to < ranks_.size(); ++to) {
        if (heard_[to].bytes == 0) continue;
        const auto places = assembly_.places(to);
        const std::uint64_t bytes = bytes_below(places, limit);
        if (to == ranks_.rank()) {
            gather(places, base, outgoing_[my_index_].data.first(bytes));
            own_bytes_ = bytes;
            continue;
        }
        if (is_one_piece(places)) {
            ranks_.send(to, Ranks::Tag::kData, {window_ + places[0].start, bytes});
            continue;
        }
        if (used + bytes > domains_.buffer_bytes()) {
            ranks_.wait_sent();
            used = 0;
        }
        const std::span<std::byte> packed(staging_ + used, bytes);
        gather(places, base, packed);
        ranks_.send(to, Ranks::Tag::kData, packed);
        used += bytes;
    }
}

// Takes what the aggregators sent; brings it where the program wants it.
void Exchange::accept() {
    const std::vector<std::uint64_t> received = ranks_.wait_received();
    std::size_t message = 0;
    for (std::uint32_t i = 0; i < domains_.aggregators; ++i) {
        const Runs& memory = parcels_[i].memory;
        if (memory.bytes() == 0) continue;
        const std::uint64_t bytes = i == my_index_ ? own_bytes_ : received[message++];
        if (!memory.is_one_piece()) scatter(memory.items(), 0, outgoing_[i].data.first(bytes));
        moved_ += bytes;
    }
}

}  // namespace orfa::collective
