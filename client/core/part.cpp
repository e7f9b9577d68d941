// SPDX-License-Identifier: MIT
#include "client/core/part.hpp"

#include "client/core/file.hpp"
#include "client/core/pieces.hpp"
#include "client/core/session.hpp"
#include "client/core/transfer.hpp"
#include "protocol/codec.hpp"
#include "protocol/pattern.hpp"
#include "protocol/walk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace orfa::client {
namespace {

template <typename T>
std::size_t bytes_of(const std::vector<T>& items) {
    return items.size() * sizeof(T);
}

}  // namespace

// The caller holds the mesh's lock, by a name the analysis can't follow.
Status Part::start(Share& share, Direction direction,
                   const protocol::Together* together) ORFA_NO_ANALYSIS {
    share_ = &share;
    together_.reset();
    if (together != nullptr) together_ = *together;
    direction_ = direction;
    reply_ = {};
    remote_.clear();
    const std::uint32_t server = transfer_.file().server_of(share.column);
    const auto route = transfer_.file().session().mesh().route(server);
    if (!route.ok()) return route.status();
    endpoint_ = (*route).endpoint;
    peer_ = (*route).peer;
    choose_pattern();
    way_ = choose_way();
    Status status;
    if (way_ != Way::kInline) status = register_segments();
    if (status.ok()) status = send(server);
    if (!status.ok()) release();
    return status;
}

// Makes the pattern that is sent, unless the list of extents can be sent and is shorter.
void Part::choose_pattern() {
    constexpr std::size_t kShortList = 4;
    folded_ = share_->pattern;
    if (share_->is_pattern()) return;
    if (share_->extents.size() < kShortList) return;
    protocol::fold(share_->extents, folded_);
    const bool fits = share_->extents.size() + share_->segments.size() <= protocol::kMaxListEntries;
    if (fits && bytes_of(folded_) >= bytes_of(share_->extents)) folded_.clear();
}

std::size_t Part::head_bytes() const {
    return sizeof(protocol::IoRequest) + (together_ ? sizeof(protocol::Together) : 0);
}

std::size_t Part::pattern_bytes() const {
    return folded_.empty() ? bytes_of(share_->extents) : bytes_of(folded_);
}

void Part::put_lists(protocol::Writer& writer) const {
    if (folded_.empty())
        writer.put_array(std::span<const protocol::Extent>(share_->extents));
    else
        writer.put_array(std::span<const protocol::Strided>(folded_));
    writer.put_array(std::span<const protocol::MemorySegment>(remote_));
}

Part::Way Part::choose_way() const {
    const std::uint64_t overhead = sizeof(protocol::RequestHeader) + head_bytes() + pattern_bytes();
    const std::uint64_t inline_max = transfer_.file().session().inline_max();
    if (share_->bytes <= inline_max && share_->bytes + overhead <= endpoint_->max_message())
        return Way::kInline;
    const std::size_t pieces = share_->segments.size();
    const std::uint64_t in_memory =
        share_->is_pattern() ? protocol::bytes_of(share_->pattern) : share_->bytes;
    if (pieces > 1 && in_memory / pieces < endpoint_->packs_below()) return Way::kPacked;
    if (pieces + folded_.size() > protocol::kMaxListEntries) return Way::kPacked;
    // What is read while the program computes goes where it belongs without the program's help.
    const bool alone = direction_ == Direction::kRead && transfer_.in_background() &&
                       endpoint_->moves_alone(peer_);
    if (!alone && endpoint_->copies(peer_, share_->segments, share_->bytes)) return Way::kPacked;
    return Way::kDirect;
}

Status Part::register_memory(std::span<std::byte> memory, fabric::Access access,
                             std::vector<protocol::MemorySegment>& out) {
    const auto registration = endpoint_->register_memory(memory, access);
    if (!registration.ok()) return registration.status();
    registrations_.push_back(*registration);
    out.push_back({(*registration).addr, (*registration).key, memory.size()});
    return {};
}

// Room for the payload in one piece, registered already where that saves time.
Status Part::register_packed(fabric::Access access) {
    const auto staged = endpoint_->stage(peer_, share_->bytes);
    if (!staged.ok()) {
        packed_store_.resize(share_->bytes);
        packed_ = packed_store_;
        return register_memory(packed_, access, remote_);
    }
    packed_ = (*staged).memory;
    registrations_.push_back((*staged).registration);
    remote_.push_back({(*staged).registration.addr, (*staged).registration.key, share_->bytes});
    return {};
}

Status Part::register_segments() {
    const auto access = direction_ == Direction::kWrite ? fabric::Access::kRemoteRead
                                                        : fabric::Access::kRemoteWrite;
    if (way_ == Way::kPacked) {
        ORFA_TRY(register_packed(access));
        if (direction_ == Direction::kWrite) gather(packed_);
        return {};
    }
    for (const auto& segment : share_->segments)
        ORFA_TRY(register_memory({segment.data, segment.length}, access, remote_));
    return {};
}

Status Part::send(std::uint32_t server) ORFA_NO_ANALYSIS {
    const File& file = transfer_.file();
    const std::size_t list_bytes = pattern_bytes() + bytes_of(remote_);
    protocol::IoRequest request{};
    request.capability = file.capability();
    request.total_bytes = share_->bytes;
    const std::size_t entries = folded_.empty() ? share_->extents.size() : folded_.size();
    request.entry_count = static_cast<std::uint32_t>(entries);
    request.pattern = folded_.empty() ? protocol::Pattern::kExtents : protocol::Pattern::kStrided;
    request.segment_count = static_cast<std::uint32_t>(remote_.size());
    const bool apart =
        sizeof(protocol::RequestHeader) + head_bytes() + list_bytes > endpoint_->max_message();
    if (together_) request.flags |= protocol::kTogether;
    if (share_->is_pattern() && way_ == Way::kDirect) request.flags |= protocol::kWholeMemory;
    request.striping = share_->striping;
    if (apart) {
        lists_.resize(list_bytes);
        protocol::Writer writer(lists_);
        put_lists(writer);
        std::vector<protocol::MemorySegment> where;
        ORFA_TRY(register_memory(lists_, fabric::Access::kRemoteRead, where));
        request.flags |= protocol::kListsInMemory;
        request.lists = where.front();
    }
    const bool write_inline = direction_ == Direction::kWrite && way_ == Way::kInline;
    std::span<const std::byte> tail;
    std::size_t payload = 0;
    if (write_inline && share_->segments.size() == 1 && !share_->is_pattern())
        tail = {share_->segments.front().data, share_->bytes};
    else if (write_inline)
        payload = share_->bytes;
    head_.resize(head_bytes() + (apart ? 0 : list_bytes) + payload);
    protocol::Writer writer(head_);
    writer.put(request);
    if (together_) writer.put(*together_);
    if (!apart) put_lists(writer);
    if (payload > 0) gather(writer.reserve(payload));
    const auto op = direction_ == Direction::kWrite ? protocol::Op::kWrite : protocol::Op::kRead;
    return file.session().mesh().start(server, op, head_, tail, *this);
}

void Part::on_reply(Status status, std::span<const std::byte> body) {
    transfer_.part_replied();
    if (status.ok()) {
        protocol::Reader reader(body);
        if (!reader.get(reply_) || reply_.bytes > share_->bytes)
            status = Status::from_errno(EPROTO);
        else if (direction_ == Direction::kRead && way_ == Way::kInline) {
            if (reader.rest().size() == share_->bytes)
                scatter(reader.rest());
            else
                status = Status::from_errno(EPROTO);
        } else if (direction_ == Direction::kRead && way_ == Way::kPacked) {
            scatter(packed_);
        }
    }
    release();  // after scatter(): staged memory goes to others
    transfer_.part_ended(transfer_.file().server_of(share_->column), status);
}

void Part::release() {
    for (const auto& registration : registrations_)
        endpoint_->release_memory(registration);
    registrations_.clear();
}

// The share's memory, in order.
void Part::gather(std::span<std::byte> out) const {
    if (way_ == Way::kPacked)
        transfer_.file().session().counters.bytes_packed.fetch_add(share_->bytes,
                                                                   std::memory_order_relaxed);
    const auto put = [&](const std::byte* memory, std::uint64_t length) {
        std::memcpy(out.data(), memory, length);
        out = out.subspan(length);
    };
    if (share_->is_pattern()) {
        visit_pieces(*share_, [&](std::uint64_t, const std::byte* memory, std::uint64_t length) {
            put(memory, length);
        });
        return;
    }
    for (const auto& segment : share_->segments)
        put(segment.data, segment.length);
}

// Puts what was read into the program's memory, but for what the object does not have.
void Part::scatter(std::span<const std::byte> in) {
    if (way_ == Way::kPacked)
        transfer_.file().session().counters.bytes_packed.fetch_add(share_->bytes,
                                                                   std::memory_order_relaxed);
    visit_pieces(*share_, [&](std::uint64_t offset, std::byte* memory, std::uint64_t length) {
        const std::uint64_t there = protocol::bytes_below(offset, length, reply_.object_size);
        std::memcpy(memory, in.data(), there);
        in = in.subspan(length);
    });
}

void Part::zero_holes(const protocol::Layout& layout, std::uint64_t file_size) {
    if (reply_.bytes == share_->bytes) return;
    visit_pieces(*share_, [&](std::uint64_t offset, std::byte* memory, std::uint64_t length) {
        while (length > 0) {
            // Within one stripe, object and file run side by side.
            const std::uint64_t part =
                std::min(length, layout.stripe_size - offset % layout.stripe_size);
            const std::uint64_t at = protocol::file_offset(layout, share_->column, offset);
            const std::uint64_t from =
                std::clamp(reply_.object_size, offset, offset + part) - offset;
            const std::uint64_t to = at < file_size ? std::min(part, file_size - at) : 0;
            if (from < to) std::memset(memory + from, 0, to - from);
            offset += part;
            memory += part;
            length -= part;
        }
    });
}

}  // namespace orfa::client
