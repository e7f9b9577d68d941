// SPDX-License-Identifier: MIT
#include "fabric/local_peer.hpp"

#include "fabric/processors.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>

namespace orfa::fabric {
namespace {

// The longest record: a message, or a list of pieces to copy.
std::size_t longest_record(const LocalGeometry& g) {
    return std::max(g.max_message, sizeof(CopyAsk) + kMaxAskPieces * sizeof(RemoteSegment));
}

}  // namespace

Status LocalGeometry::check() const {
    constexpr std::size_t kLimit = 1 << 30;
    const bool good = std::has_single_bit(ring_bytes) && ring_bytes <= kLimit && slot_count >= 1 &&
                      slot_count <= 1024 && slot_bytes >= 64 && slot_bytes % 64 == 0 &&
                      slot_bytes <= kLimit && stage_count <= 1024 && stage_bytes >= 64 &&
                      stage_bytes % 64 == 0 && stage_bytes <= kLimit && max_message >= 4096 &&
                      max_message <= kLimit &&
                      record_bytes(longest_record(*this)) <= ring_bytes / 2;
    return Status::from_errno(good ? 0 : EPROTO);
}

LocalConnection::LocalConnection(DoorSocket socket, UniqueFd pidfd, SharedMemory memory,
                                 const LocalGeometry& geometry, bool listener)
    : socket_(std::move(socket)),
      pidfd_(std::move(pidfd)),
      memory_(std::move(memory)),
      geometry_(geometry),
      listener_(listener) {
    const std::span<std::byte> all = memory_.bytes();
    // Atomics whose value is zero in zeroed memory: nothing to construct.
    auto* shared = reinterpret_cast<LocalShared*>(all.data());
    const auto to_listener = all.subspan(kLocalSharedBytes, geometry.ring_bytes);
    const auto to_dialer =
        all.subspan(kLocalSharedBytes + geometry.ring_bytes, geometry.ring_bytes);
    const std::size_t slot_bytes = geometry.slot_count * geometry.slot_bytes;
    slots_ = all.subspan(kLocalSharedBytes + 2 * geometry.ring_bytes, slot_bytes);
    stages_ =
        LocalStages(all.last(geometry.stage_count * geometry.stage_bytes), geometry.stage_bytes);
    LocalLane& in = listener ? shared->to_listener : shared->to_dialer;
    LocalLane& out = listener ? shared->to_dialer : shared->to_listener;
    my_wants_ = &in.reader_wants;
    their_wants_ = &out.reader_wants;
    my_place_ = &in.reader_place;
    their_place_ = &out.reader_place;
    use_ = &shared->use;
    reader_ = RingReader(in.ring, listener ? to_listener : to_dialer, longest_record(geometry));
    writer_ = RingWriter(out.ring, listener ? to_dialer : to_listener);
}

void LocalConnection::ring_bell_if(std::uint32_t wanted) {
    if ((their_wants_->load(std::memory_order_seq_cst) & wanted) == 0) return;
    if ((their_wants_->fetch_and(~wanted, std::memory_order_seq_cst) & wanted) == 0) return;
    // No room means that it rings already; a dead peer is noticed elsewhere.
    const char byte = 0;
    (void)::send(socket_.fd(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

Status LocalConnection::send(RecordKind kind, std::span<const std::byte> head,
                             std::span<const std::byte> tail) {
    if (queue_.empty()) {
        Result<bool> sent = writer_.write(kind, head, tail);
        if (!sent.ok()) return sent.status();
        if (*sent) {
            ring_bell_if(kWantsRecords);
            return {};
        }
    }
    std::vector<std::byte> copy;
    copy.reserve(head.size() + tail.size());
    copy.insert(copy.end(), head.begin(), head.end());
    copy.insert(copy.end(), tail.begin(), tail.end());
    queue_.push_back({kind, std::move(copy)});
    return {};
}

Status LocalConnection::flush() {
    bool any = false;
    while (!queue_.empty()) {
        Result<bool> sent = writer_.write(queue_.front().kind, queue_.front().bytes, {});
        if (!sent.ok()) return sent.status();
        if (!*sent) break;
        queue_.pop_front();
        any = true;
    }
    if (any) ring_bell_if(kWantsRecords);
    return {};
}

void LocalConnection::release() {
    if (reader_.publish()) ring_bell_if(kWantsRoom);
}

void LocalConnection::tell_place(bool busy) {
    const auto place = busy ? static_cast<std::uint32_t>(current_processor() + 1) : 0U;
    // Not stored again when it still stands: the other side looks at it all the time.
    if (my_place_->load(std::memory_order_relaxed) != place)
        my_place_->store(place, std::memory_order_relaxed);
}

int LocalConnection::busy_processor() const {
    return static_cast<int>(their_place_->load(std::memory_order_relaxed)) - 1;
}

bool LocalConnection::arm() {
    const std::uint32_t wants = kWantsRecords | (queue_.empty() ? 0U : std::uint32_t{kWantsRoom});
    // Not stored again when it still stands: with many idle peers their cache lines stay shared.
    if (my_wants_->load(std::memory_order_relaxed) != wants)
        my_wants_->store(wants, std::memory_order_seq_cst);
    // Only now: what comes after this look finds the wish.
    if (reader_.has_more()) return false;
    if (queue_.empty()) return true;
    Result<bool> room = writer_.has_room(queue_.front().bytes.size());
    return room.ok() && !*room;
}

void LocalConnection::disarm() {
    if (my_wants_->load(std::memory_order_relaxed) != 0)
        my_wants_->store(0, std::memory_order_relaxed);
}

Status LocalConnection::drain_bell() {
    char bytes[256];
    const ssize_t n = ::recv(socket_.fd(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0) return Status::from_errno(ECONNRESET);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return Status::from_errno(errno);
    return {};
}

bool LocalConnection::has_exited() const {
    if (!pidfd_) return false;
    pollfd p{pidfd_.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) > 0;
}

void LocalConnection::hang_up() {
    (void)::shutdown(socket_.fd(), SHUT_RDWR);
}

}  // namespace orfa::fabric
