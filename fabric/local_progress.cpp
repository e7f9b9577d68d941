// SPDX-License-Identifier: MIT
// What LocalEndpoint does in poll(): looks at rings each time, at descriptors only when woken or
// when the coarse clock has moved on (some milliseconds); and how it goes to sleep.
#include "fabric/local_endpoint.hpp"
#include "fabric/processors.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

namespace orfa::fabric {
namespace {

constexpr std::size_t kAlwaysHot = 32;     // with fewer peers than this, all are looked at
constexpr std::uint32_t kIdleScans = 512;  // then a peer is cold
constexpr std::size_t kColdPerPoll = 8;
constexpr std::size_t kRecordsPerScan = 64;  // of one peer, so that none starves the others

}  // namespace

std::int64_t LocalEndpoint::coarse_now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

std::size_t LocalEndpoint::poll() {
    std::size_t events = 0;
    if (look_at_descriptors_ || coarse_now() != last_look_) events += check_descriptors();
    events += scan();
    if (!down_.empty()) events += bury();
    return events;
}

std::size_t LocalEndpoint::scan() {
    std::size_t events = 0;
    // Backwards: a peer that turns cold is swapped with the last hot one, already looked at.
    for (std::size_t i = hot_; i > 0; --i) {
        Peer& peer = *scan_[i - 1];
        const std::size_t n = serve(peer);
        events += n;
        if (n > 0)
            peer.idle_scans = 0;
        else if (++peer.idle_scans > kIdleScans && scan_.size() > kAlwaysHot)
            make_cold(peer);
    }
    const std::size_t cold = scan_.size() - hot_;
    for (std::size_t i = 0; i < std::min(cold, kColdPerPoll); ++i) {
        if (next_cold_ < hot_ || next_cold_ >= scan_.size()) next_cold_ = hot_;
        if (next_cold_ >= scan_.size()) break;
        Peer& peer = *scan_[next_cold_++];
        const std::size_t n = serve(peer);
        events += n;
        if (n > 0) make_hot(peer);
    }
    return events;
}

std::size_t LocalEndpoint::serve(Peer& peer) {
    if (peer.down) return 0;
    LocalConnection& connection = peer.connection;
    std::size_t events = 0;
    if (connection.has_records()) {
        if (connection.is_listener()) connection.tell_place(busy_);
        while (events < kRecordsPerScan && !peer.down) {
            Result<std::optional<Record>> got = connection.receive();
            if (got.ok() && !got->has_value()) break;
            const Status handled = got.ok() ? on_record(peer, **got) : got.status();
            ++events;
            if (!handled.ok()) take_down(peer, handled);
        }
        connection.release();
    }
    if (connection.has_queue() && !peer.down) {
        const Status flushed = connection.flush();
        if (!flushed.ok()) take_down(peer, flushed);
    }
    return events;
}

Status LocalEndpoint::on_record(Peer& peer, const Record& record) {
    std::span<const std::byte> bytes = record.bytes;
    if (!peer.trusted || record.kind != RecordKind::kMessage) {
        // It could change under the eyes of who checks and then uses it.
        private_copy_.assign(bytes.begin(), bytes.end());
        bytes = private_copy_;
    }
    switch (record.kind) {
        case RecordKind::kMessage:
            if (bytes.size() > peer.connection.geometry().max_message) break;
            events_.on_message(peer.id, bytes);
            return {};
        case RecordKind::kCopyAsk:
            if (peer.connection.is_listener()) break;
            peer.process_vm = false;
            return serve_copy(peer.connection, bytes, registrations_);
        case RecordKind::kCopyDone:
            if (!peer.bounce) break;
            return peer.bounce->on_done(bytes);
        case RecordKind::kSkip:
            break;
    }
    return Status::from_errno(EPROTO);
}

void LocalEndpoint::swap_positions(std::size_t a, std::size_t b) {
    std::swap(scan_[a], scan_[b]);
    scan_[a]->position = a;
    scan_[b]->position = b;
}

void LocalEndpoint::make_hot(Peer& peer) {
    peer.idle_scans = 0;
    if (peer.position < hot_) return;
    swap_positions(peer.position, hot_++);
}

void LocalEndpoint::make_cold(Peer& peer) {
    swap_positions(peer.position, --hot_);
}

std::size_t LocalEndpoint::check_descriptors() {
    last_look_ = coarse_now();
    look_at_descriptors_ = false;
    epoll_event ready[64];
    const int n = ::epoll_wait(epoll_.get(), ready, std::size(ready), 0);
    std::size_t events = 0;
    for (int i = 0; i < n; ++i) {
        const std::uint64_t tag = ready[i].data.u64;
        if (tag == kDoorTag) {
            std::vector<Arrival> arrivals;
            door_->poll(arrivals);
            events += arrivals.size();
            for (Arrival& arrival : arrivals)
                admit(std::move(arrival));
        } else if (Peer* peer = find(PeerId{tag / 2})) {
            on_descriptor(*peer, tag % 2 != 0);
        }
    }
    if (n == static_cast<int>(std::size(ready))) look_at_descriptors_ = true;
    return events;
}

void LocalEndpoint::on_descriptor(Peer& peer, bool is_pidfd) {
    if (peer.down) return;
    const Status alive = is_pidfd ? Status::from_errno(ECONNRESET) : peer.connection.drain_bell();
    if (alive.ok()) {
        make_hot(peer);
        return;
    }
    // What it said before its end still counts; there is no more than a ring of it.
    const std::size_t limit = peer.connection.geometry().ring_bytes / record_bytes(0);
    for (std::size_t n = 0; n <= limit && peer.connection.has_records() && !peer.down;)
        n += serve(peer);
    take_down(peer, Status::from_errno(ECONNRESET));
}

void LocalEndpoint::make_way() {
    if (!makes_way_) return;
    const Peer* peer = find(asked_);
    if (peer == nullptr || peer->down) return;
    const int processor = peer->connection.busy_processor();
    if (processor >= 0) leave_processor(processor);
}

bool LocalEndpoint::arm() {
    if (!down_.empty() || look_at_descriptors_) return false;
    for (Peer* peer : scan_) {
        if (!peer->connection.arm()) {
            stop_bells();
            return false;
        }
    }
    armed_ = true;
    return true;
}

void LocalEndpoint::disarm() {
    if (!armed_) return;
    armed_ = false;
    look_at_descriptors_ = true;
    stop_bells();
}

void LocalEndpoint::stop_bells() {
    // The cold ones may go on ringing: they are seldom looked at otherwise.
    for (std::size_t i = 0; i < hot_; ++i)
        scan_[i]->connection.disarm();
}

}  // namespace orfa::fabric
