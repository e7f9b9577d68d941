// SPDX-License-Identifier: MIT
#include "collective/exchange.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <new>
#include <type_traits>

namespace orfa::collective {

Exchange::Exchange(Ranks& ranks, FileAccess& file, Buffers& buffers, const Domains& domains,
                   const Windows* common)
    : ranks_(ranks),
      file_(file),
      buffers_(buffers),
      domains_(domains),
      common_(common),
      my_index_(domains.aggregators) {
    static_assert(sizeof(Header) == Windows::kNoteBytes && std::is_trivially_copyable_v<Header>);
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
        if (is_aggregator() && common_ != nullptr) window_ = common_->window(my_index_);
        if (is_aggregator() && common_ == nullptr) {
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
    for (std::size_t i = 0; i < parcels_.size(); ++i) {
        outgoing_[i].description.clear();
        encode(parcels_[i].places.items(), outgoing_[i].description);
    }
    if (common_ == nullptr) pack();
    return {};
}

// Makes each parcel one range of memory.
void Exchange::pack() {
    std::uint64_t packed = 0;
    for (const auto& parcel : parcels_)
        if (!parcel.memory.is_one_piece()) packed += parcel.memory.bytes();
    std::byte* to = buffers_.packed.get(packed);
    for (std::size_t i = 0; i < parcels_.size(); ++i) {
        const Runs& memory = parcels_[i].memory;
        Outgoing& out = outgoing_[i];
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
        mine.bytes = parcels_[i].memory.bytes();
        mine.described = static_cast<std::uint32_t>(description.size());
        if (mine.fits())
            std::copy(description.begin(), description.end(), mine.description.begin());
    }
}

void Exchange::swap_headers() {
    const auto told = std::as_bytes(std::span(told_));
    const auto heard = std::as_writable_bytes(std::span(heard_));
    if (common_ == nullptr) return ranks_.all_to_all(told, heard);
    std::ranges::copy(told, common_->notes_of(ranks_.rank()).begin());
    ranks_.meet();
    const std::size_t mine = ranks_.rank() * sizeof(Header);
    for (std::uint32_t from = 0; from < ranks_.size(); ++from) {
        const auto note = common_->notes_of(from).subspan(mine, sizeof(Header));
        std::ranges::copy(note, heard.subspan(from * sizeof(Header)).begin());
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
    swap_headers();
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
    if (common_ != nullptr)
        put_parcels();
    else
        send_parcels();
    for (const Parcel& parcel : parcels_)
        moved_ += parcel.memory.bytes();
    Status sound;
    if (is_aggregator()) sound = receive_descriptions();
    if (common_ != nullptr)
        ranks_.meet();
    else if (is_aggregator())
        collect_parcels();
    if (is_aggregator()) status_ = sound.ok() ? write_domain(window) : sound;
}

void Exchange::read_round(const Window& window) {
    const Status sound = is_aggregator() ? receive_descriptions() : Status();
    if (common_ == nullptr) expect_parcels();
    if (is_aggregator()) {
        const Result<std::uint64_t> limit = sound.ok() ? read_domain(window) : sound;
        status_ = limit.status();
        const std::uint64_t there = limit.ok() ? *limit : 0;
        if (common_ != nullptr)
            common_->limit(my_index_) = there;
        else
            hand_out(there);
    }
    if (common_ == nullptr) return accept();
    ranks_.meet();
    take_parcels();
}

Status Exchange::write_domain(const Window& window) {
    const orfa_access access = assembly_.access(window, my_index_, window_);
    return access.extent_count > 0 ? file_.write(access) : Status();
}

// Reads what the ranks named of this aggregator's domain; the place that the file ends at.
Result<std::uint64_t> Exchange::read_domain(const Window& window) {
    const orfa_access access = assembly_.access(window, my_index_, window_);
    if (access.extent_count == 0) return 0;
    const auto got = file_.read(access);
    if (!got.ok()) return got.status();
    return assembly_.place_behind(*got);
}

// The n-th window that this rank turns to: ranks begin at different ones, as pieces of several
// share cache lines.
std::uint32_t Exchange::turn(std::uint32_t n) const {
    const std::uint64_t first = std::uint64_t{ranks_.rank()} * domains_.aggregators / ranks_.size();
    return static_cast<std::uint32_t>((first + n) % domains_.aggregators);
}

// Copies this rank's bytes to where the aggregators will write them from.
void Exchange::put_parcels() {
    for (std::uint32_t n = 0; n < domains_.aggregators; ++n) {
        const std::uint32_t i = turn(n);
        const Parcel& parcel = parcels_[i];
        const auto window = reinterpret_cast<std::uintptr_t>(common_->window(i));
        copy_pieces(parcel.memory.items(), 0, parcel.places.items(), window, parcel.memory.bytes());
    }
}

// Copies what the aggregators have read to where the program wants it.
void Exchange::take_parcels() {
    for (std::uint32_t n = 0; n < domains_.aggregators; ++n) {
        const std::uint32_t i = turn(n);
        const Parcel& parcel = parcels_[i];
        const auto window = reinterpret_cast<std::uintptr_t>(common_->window(i));
        const std::uint64_t bytes = bytes_below(parcel.places.items(), common_->limit(i));
        copy_pieces(parcel.places.items(), window, parcel.memory.items(), 0, bytes);
        moved_ += bytes;
    }
}

}  // namespace orfa::collective
