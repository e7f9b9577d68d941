// SPDX-License-Identifier: MIT
#include "collective/exchange.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace orfa::collective {

namespace {

bool is_one_piece(std::span<const Run> runs) {
    return runs.size() == 1 && runs[0].count == 1;
}

}  // namespace

Exchange::Exchange(Ranks& ranks, FileAccess& file, Buffers& buffers, const Domains& domains)
    : ranks_(ranks),
      file_(file),
      buffers_(buffers),
      domains_(domains),
      my_index_(domains.aggregators) {
    static_assert(sizeof(Header) == 64 && std::is_trivially_copyable_v<Header>);
    for (std::uint32_t index = 0; index < domains.aggregators; ++index)
        if (domains.rank_of(index, ranks.size()) == ranks.rank()) my_index_ = index;
}

Status Exchange::run(bool writing, Source& source, Status mine, std::uint64_t& moved) {
    writing_ = writing;
    source_ = &source;
    status_ = mine;
    moved_ = 0;
    try {
        parcels_.resize(domains_.aggregators);
        outgoing_.resize(domains_.aggregators);
        told_.resize(ranks_.size());
        heard_.resize(ranks_.size());
        if (is_aggregator()) {
            window_ = buffers_.window.get(domains_.buffer_bytes());
            staging_ = buffers_.staging.get(domains_.buffer_bytes());
        }
        if (status_.ok()) status_ = source.start();
    } catch (const std::bad_alloc&) {
        status_ = Status::from_errno(ENOMEM);
    }
    // The earliest offset is the largest negative one.
    constexpr std::uint64_t kNowhere = std::numeric_limits<std::int64_t>::max();
    const auto first = static_cast<std::int64_t>(std::min(source.offset(), kNowhere));
    std::array<std::int64_t, 2> known = {status_.ok() ? 0 : 1, -first};
    ranks_.maximum(known);
    auto at = known[0] != 0 ? kNowhere : static_cast<std::uint64_t>(-known[1]);
    while (at < kNowhere)
        at = round(Window(domains_, at));
    moved = moved_;
    return status_;
}

// Deals out this rank's bytes of the window.
Status Exchange::prepare(const Window& window) {
    for (auto& parcel : parcels_)
        parcel.clear();
    ORFA_TRY(source_->deal(window, parcels_));
    std::uint64_t packed = 0;
    for (const auto& parcel : parcels_)
        if (!parcel.memory.is_one_piece()) packed += parcel.memory.bytes();
    std::byte* to = buffers_.packed.get(packed);
    for (std::size_t i = 0; i < parcels_.size(); ++i) {
        const Runs& memory = parcels_[i].memory;
        Outgoing& out = outgoing_[i];
        out.description.clear();
        encode(parcels_[i].places.items(), out.description);
        if (memory.is_one_piece()) {
            // Runs of memory are numbers: their strides go either way.
            // NOLINTNEXTLINE(performance-no-int-to-ptr)
            out.data = {reinterpret_cast<std::byte*>(memory.items()[0].start), memory.bytes()};
            continue;
        }
        out.data = {to, memory.bytes()};
        if (writing_) gather(memory.items(), 0, out.data);
        to += memory.bytes();
    }
    return {};
}

// Fills the headers of this round.
void Exchange::tell() {
    Header header;
    header.next = source_->offset();
    header.failed = status_.ok() ? 0 : 1;
    std::fill(told_.begin(), told_.end(), header);
    if (!status_.ok()) return;
    for (std::uint32_t i = 0; i < domains_.aggregators; ++i) {
        Header& mine = told_[domains_.rank_of(i, ranks_.size())];
        const auto& description = outgoing_[i].description;
        mine.bytes = outgoing_[i].data.size();
        mine.described = static_cast<std::uint32_t>(description.size());
        if (mine.fits())
            std::copy(description.begin(), description.end(), mine.description.begin());
    }
}

// Returns where the next round begins; kEnd: there is none.
std::uint64_t Exchange::round(const Window& window) {
    if (status_.ok()) {
        try {
            status_ = prepare(window);
        } catch (const std::bad_alloc&) {
            status_ = Status::from_errno(ENOMEM);
        }
    }
    tell();
    ranks_.all_to_all(std::as_bytes(std::span(told_)), std::as_writable_bytes(std::span(heard_)));
    std::uint64_t next = Source::kEnd;
    for (const Header& header : heard_) {
        if (header.failed != 0) return Source::kEnd;
        next = std::min(next, header.next);
    }
    send_descriptions();
    if (writing_)
        write_round(window);
    else
        read_round(window);
    ranks_.wait_sent();
    return next;
}

void Exchange::send_descriptions() {
    for (std::uint32_t i = 0; i < domains_.aggregators; ++i) {
        const std::uint32_t to = domains_.rank_of(i, ranks_.size());
        if (to == ranks_.rank() || told_[to].fits()) continue;
        ranks_.send(to, Ranks::Tag::kDescription, outgoing_[i].description);
    }
}

// An aggregator's part: the parcels' descriptions go to the assembly. EPROTO.
Status Exchange::receive_descriptions() {
    std::vector<std::vector<std::byte>> long_ones(ranks_.size());
    assembly_.reset(ranks_.size());
    for (std::uint32_t from = 0; from < ranks_.size(); ++from) {
        if (from == ranks_.rank() || heard_[from].fits()) continue;
        long_ones[from].resize(heard_[from].described);
        ranks_.receive(from, Ranks::Tag::kDescription, long_ones[from]);
    }
    ranks_.wait_received();
    Status status;
    for (std::uint32_t from = 0; from < ranks_.size(); ++from) {
        const Header& header = heard_[from];
        std::span<const std::byte> description = long_ones[from];
        if (from == ranks_.rank())
            description = outgoing_[my_index_].description;
        else if (header.fits())
            description = std::span(header.description).first(header.described);
        const Status sound =
            assembly_.describe(from, description, domains_.buffer_bytes(), header.bytes);
        if (!sound.ok()) status = sound;
    }
    return status;
}

void Exchange::write_round(const Window& window) {
    for (const Outgoing& out : outgoing_)
        moved_ += out.data.size();
    for (std::uint32_t i = 0; i < domains_.aggregators; ++i)
        if (i != my_index_ && !outgoing_[i].data.empty())
            ranks_.send(domains_.rank_of(i, ranks_.size()), Ranks::Tag::kData, outgoing_[i].data);
    if (!is_aggregator()) return;
    const Status sound = receive_descriptions();
    collect_parcels();
    if (sound.ok()) {
        const orfa_access access = assembly_.access(window, my_index_, window_);
        status_ = access.extent_count > 0 ? file_.write(access) : Status();
    } else {
        status_ = sound;
    }
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

void Exchange::read_round(const Window& window) {
    const Status sound = is_aggregator() ? receive_descriptions() : Status();
    for (std::uint32_t i = 0; i < domains_.aggregators; ++i)
        if (i != my_index_ && !outgoing_[i].data.empty())
            ranks_.receive(domains_.rank_of(i, ranks_.size()), Ranks::Tag::kData,
                           outgoing_[i].data);
    if (is_aggregator()) hand_out(sound.ok() ? read_domain(window) : sound);
    accept();
}

// Reads what the ranks named of this aggregator's domain; the place that the file ends at.
Result<std::uint64_t> Exchange::read_domain(const Window& window) {
    const orfa_access access = assembly_.access(window, my_index_, window_);
    if (access.extent_count == 0) return 0;
    const auto got = file_.read(access);
    if (!got.ok()) return got.status();
    return assembly_.place_behind(*got);
}

// Sends all ranks their bytes below place `*limit`, as many at a time as the staging buffer holds.
void Exchange::hand_out(Result<std::uint64_t> limit) {
    if (!limit.ok()) status_ = limit.status();
    const auto base = reinterpret_cast<std::uintptr_t>(window_);
    std::uint64_t used = 0;
    for (std::uint32_t to = 0; to < ranks_.size(); ++to) {
        if (heard_[to].bytes == 0) continue;
        const auto places = assembly_.places(to);
        const std::uint64_t bytes = limit.ok() ? bytes_below(places, *limit) : 0;
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
