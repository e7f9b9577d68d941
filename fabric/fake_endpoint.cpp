// SPDX-License-Identifier: MIT
#include "fabric/fake_endpoint.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace orfa::fabric {
namespace {

// The sum of the lengths; nothing when it does not fit.
template <typename Segments>
std::optional<std::uint64_t> total(const Segments& segments) {
    std::uint64_t sum = 0;
    for (const auto& s : segments) {
        if (s.length > std::numeric_limits<std::int64_t>::max() - sum) return std::nullopt;
        sum += s.length;
    }
    return sum;
}

}  // namespace

Result<std::unique_ptr<FakeEndpoint>> FakeEndpoint::create(FakeNetwork& network,
                                                           EndpointEvents& events,
                                                           std::optional<Address> listen) {
    std::unique_ptr<FakeEndpoint> endpoint(new FakeEndpoint(network, events));
    endpoint->bell_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!endpoint->bell_) return Status::from_errno(errno);
    if (listen) {
        const MutexLock lock(network.mutex_);
        if (listen->port == 0) listen->port = network.next_port_++;
        const bool added =
            network.listeners_.emplace(std::pair(listen->host, listen->port), endpoint.get())
                .second;
        endpoint->address_ = *listen;
        if (!added) return Status::from_errno(EADDRINUSE);
    }
    return endpoint;
}

FakeEndpoint::~FakeEndpoint() {
    const MutexLock lock(network_.mutex_);
    network_.forget(*this);
    std::erase_if(network_.pair_faults_, [this](const auto& entry) {
        return entry.first.first == this || entry.first.second == this;
    });
}

Result<PeerId> FakeEndpoint::connect(const Address& address, int /*timeout_ms*/) {
    const MutexLock lock(network_.mutex_);
    const auto it = network_.listeners_.find(std::pair(address.host, address.port));
    if (it == network_.listeners_.end()) return Status::from_errno(ECONNREFUSED);
    FakeEndpoint& other = *it->second;
    auto link = std::make_shared<FakeNetwork::Link>();
    link->faults = network_.faults_between(*this, other);
    if (dead_ || link->faults.refuse) return Status::from_errno(ETIMEDOUT);
    link->sides[0] = {this, ++last_peer_};
    link->sides[1] = {&other, ++other.last_peer_};
    const std::uint64_t mine = link->sides[0].peer;
    const std::uint64_t theirs = link->sides[1].peer;
    links_.emplace(mine, link);
    other.links_.emplace(theirs, std::move(link));
    other.post(network_.step_, {Event::Kind::kUp, theirs, {}, {}, {}});
    return PeerId{mine};
}

void FakeEndpoint::disconnect(PeerId peer) {
    const MutexLock lock(network_.mutex_);
    const auto it = links_.find(static_cast<std::uint64_t>(peer));
    if (it == links_.end()) return;
    const std::shared_ptr<FakeNetwork::Link> link = it->second;
    network_.break_link(*link, Status::from_errno(ECONNABORTED));
}

// Due at `due` or, when other events wait for that step, after them.
void FakeEndpoint::post(std::uint64_t due, Event event) {
    if (dead_) return;
    waiting_.emplace(due, std::move(event));
    (void)::eventfd_write(bell_.get(), 1);
}

// Messages on their way vanish; rma under way fail, and are told before the peer's end is.
void FakeEndpoint::lose_messages(std::uint64_t peer, std::uint64_t now) {
    std::vector<Event> failed;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
        Event& event = it->second;
        const bool lost = event.peer == peer && event.kind != Event::Kind::kUp;
        if (lost && event.kind == Event::Kind::kRma) {
            event.transfer->fate = Status::from_errno(ECONNRESET);
            failed.push_back(std::move(event));
        }
        it = lost ? waiting_.erase(it) : std::next(it);
    }
    for (Event& event : failed)
        post(now + 1, std::move(event));
}

FakeNetwork::Link* FakeEndpoint::link_of(PeerId peer) {
    const auto it = links_.find(static_cast<std::uint64_t>(peer));
    return it == links_.end() ? nullptr : it->second.get();
}

Status FakeEndpoint::send(PeerId peer, std::span<const std::byte> head,
                          std::span<const std::byte> tail) {
    const MutexLock lock(network_.mutex_);
    FakeNetwork::Link* link = link_of(peer);
    if (link == nullptr) return Status::from_errno(ENOTCONN);
    if (head.size() + tail.size() > max_message()) return Status::from_errno(EMSGSIZE);
    FakeNetwork::Side& to = link->sides[link->sides[0].endpoint == this &&
                                        link->sides[0].peer == static_cast<std::uint64_t>(peer)];
    ++link->messages;
    if (!network_.chance(link->faults.drop)) {
        Event event{Event::Kind::kMessage, to.peer, {}, {}, {}};
        event.message.assign(head.begin(), head.end());
        event.message.insert(event.message.end(), tail.begin(), tail.end());
        to.last_due = std::max(to.last_due, network_.step_ + network_.delay(link->faults));
        to.endpoint->post(to.last_due, std::move(event));
    }
    if (link->faults.cut_after && link->messages >= *link->faults.cut_after) {
        const std::shared_ptr<FakeNetwork::Link> keep = links_[static_cast<std::uint64_t>(peer)];
        network_.break_link(*keep, Status::from_errno(ECONNRESET));
    }
    return {};
}

Result<RmaState> FakeEndpoint::rma_read(PeerId peer, std::span<const LocalSegment> into,
                                        std::span<const RemoteSegment> from,
                                        RmaCompletion* completion) {
    return start(peer,
                 {false, {into.begin(), into.end()}, {from.begin(), from.end()}, completion, {}});
}

Result<RmaState> FakeEndpoint::rma_write(PeerId peer, std::span<const LocalSegment> from,
                                         std::span<const RemoteSegment> to,
                                         RmaCompletion* completion) {
    return start(peer, {true, {from.begin(), from.end()}, {to.begin(), to.end()}, completion, {}});
}

Result<RmaState> FakeEndpoint::start(PeerId peer, Transfer transfer) {
    const MutexLock lock(network_.mutex_);
    FakeNetwork::Link* link = link_of(peer);
    if (link == nullptr) return Status::from_errno(ENOTCONN);
    const std::optional<std::uint64_t> bytes = total(transfer.local);
    if (!bytes || total(transfer.remote) != bytes) return Status::from_errno(EINVAL);
    if (*bytes == 0) return RmaState::kDone;
    const bool first =
        link->sides[0].endpoint == this && link->sides[0].peer == static_cast<std::uint64_t>(peer);
    const FakeEndpoint& owner = *link->sides[first].endpoint;
    ORFA_TRY(move(transfer, owner, true));
    if (network_.chance(link->faults.rma_failure)) transfer.fate = Status::from_errno(EIO);
    if (transfer.fate.ok() && network_.chance(link->faults.rma_at_once)) {
        ORFA_TRY(move(transfer, owner, false));
        return RmaState::kDone;
    }
    post(network_.step_ + network_.delay(link->faults),
         {Event::Kind::kRma, static_cast<std::uint64_t>(peer), {}, {}, std::move(transfer)});
    return RmaState::kStarted;
}

Status FakeEndpoint::move(const Transfer& transfer, const FakeEndpoint& owner, bool only_check) {
    const Access needed = transfer.write ? Access::kRemoteWrite : Access::kRemoteRead;
    auto local = transfer.local.begin();
    std::size_t done = 0;  // of *local
    for (const RemoteSegment& segment : transfer.remote) {
        const auto it = owner.memory_.find(segment.key);
        if (segment.length == 0) continue;
        if (it == owner.memory_.end() || segment.addr > it->second.bytes.size() ||
            segment.length > it->second.bytes.size() - segment.addr ||
            (static_cast<unsigned>(it->second.access) & static_cast<unsigned>(needed)) == 0)
            return Status::from_errno(EFAULT);
        std::span<std::byte> left = it->second.bytes.subspan(segment.addr, segment.length);
        while (!only_check && !left.empty()) {
            const std::size_t n = std::min(left.size(), local->length - done);
            if (transfer.write && n > 0) std::memcpy(left.data(), local->data + done, n);
            if (!transfer.write && n > 0) std::memcpy(local->data + done, left.data(), n);
            left = left.subspan(n);
            done += n;
            if (done == local->length) {
                ++local;
                done = 0;
            }
        }
    }
    return {};
}

Result<Registration> FakeEndpoint::register_memory(std::span<std::byte> memory, Access access) {
    const MutexLock lock(network_.mutex_);
    const std::uint64_t key = network_.next_key_++;
    memory_.emplace(key, Memory{memory, access});
    return Registration{0, key, nullptr};
}

void FakeEndpoint::release_memory(const Registration& registration) {
    const MutexLock lock(network_.mutex_);
    memory_.erase(registration.key);
}

std::size_t FakeEndpoint::poll() {
    std::size_t limit = 0;
    {
        const MutexLock lock(network_.mutex_);
        network_.advance();
        limit = waiting_.size();  // what the callbacks cause comes next time
    }
    std::size_t count = 0;
    while (count < limit && handle_one())
        ++count;
    return count;
}

bool FakeEndpoint::handle_one() {
    Event event{};
    {
        const MutexLock lock(network_.mutex_);
        if (waiting_.empty() || waiting_.begin()->first > network_.step_) return false;
        event = std::move(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
        eventfd_t rings = 0;
        if (waiting_.empty()) (void)::eventfd_read(bell_.get(), &rings);
        if (event.kind == Event::Kind::kRma && event.transfer->fate.ok()) {
            const FakeNetwork::Link* link = link_of(PeerId{event.peer});
            const bool first = link->sides[0].endpoint == this && link->sides[0].peer == event.peer;
            event.transfer->fate = move(*event.transfer, *link->sides[first].endpoint, false);
        }
    }
    const PeerId peer{event.peer};
    switch (event.kind) {
        case Event::Kind::kUp: {
            PeerIdentity identity;
            identity.uid = ::getuid();
            identity.gid = ::getgid();
            identity.pid = ::getpid();
            identity.trusted = true;
            identity.address = "fake peer " + std::to_string(event.peer);
            events_.on_peer_up(peer, identity);
            break;
        }
        case Event::Kind::kMessage:
            events_.on_message(peer, event.message);
            break;
        case Event::Kind::kDown:
            events_.on_peer_down(peer, event.why);
            break;
        case Event::Kind::kRma:
            event.transfer->completion->on_rma_done(event.transfer->fate);
            break;
    }
    return true;
}

bool FakeEndpoint::arm() {
    const MutexLock lock(network_.mutex_);
    return waiting_.empty();
}

}  // namespace orfa::fabric
