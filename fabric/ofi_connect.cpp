// SPDX-License-Identifier: MIT
// How a connection of an OfiEndpoint begins and ends: the greeting at the door, its hang-up.
#include "common/log.hpp"
#include "fabric/ofi_endpoint.hpp"
#include "fabric/ofi_memory.hpp"
#include "fabric/ofi_messages.hpp"
#include "fabric/ofi_rma.hpp"
#include "fabric/ofi_sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace orfa::fabric {
namespace {

Result<sockaddr_storage> local_address(int fd) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        return Status::from_errno(errno);
    return address;
}

std::string numeric_host(const sockaddr_storage& address) {
    char host[INET6_ADDRSTRLEN] = "";
    if (address.ss_family == AF_INET6)
        (void)::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, host,
                          sizeof host);
    else
        (void)::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, host,
                          sizeof host);
    return host;
}

bool is_loopback(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
    return (ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24) == 127;
}

std::string chosen_provider(const OfiOptions& options) {
    if (!options.provider.empty()) return options.provider;
    const char* wanted = std::getenv("ORFA_PROVIDER");
    return wanted == nullptr ? "" : wanted;
}

}  // namespace

Status OfiEndpoint::open_domain(const std::string& host) {
    RegistrationSettings registration;
    if (options_.registration) {
        registration = *options_.registration;
    } else {
        const Result<RegistrationSettings> wanted = RegistrationSettings::from_environment();
        if (!wanted.ok()) return wanted.status();
        registration = *wanted;
    }
    OfiDomainOptions options;
    options.provider = chosen_provider(options_);
    options.host = host;
    options.receives = options_.receives != 0 ? options_.receives : (options_.listen ? 256 : 64);
    options.virtual_addresses = options_.virtual_addresses;
    options.always_register_local = options_.always_register_local;
    Result<std::unique_ptr<OfiDomain>> domain = OfiDomain::open(options);
    if (!domain.ok()) return domain.status();
    OfiPeerWatch& peer_watch = *this;
    auto messages = std::make_unique<OfiMessages>(**domain, peer_watch);
    ORFA_TRY(messages->start_receiving(options.receives));
    ORFA_TRY(watch((*domain)->cq_fd(), kCompletionsTag));
    messages_ = std::move(messages);
    memory_ = std::make_unique<OfiMemory>(**domain, registration);
    rma_ = std::make_unique<OfiRma>(**domain, *memory_, peer_watch, peers_);
    domain_ = std::move(*domain);
    sockets_ = std::make_unique<OfiSockets>(libfabric_port(), [this](const sockaddr_storage& to) {
        // The addresses that libfabric knows are as long as the socket address they are.
        return std::any_of(peers_.begin(), peers_.end(), [&to](const auto& entry) {
            const std::vector<std::byte>& name = entry.second->name;
            return name.size() <= sizeof to && std::memcmp(name.data(), &to, name.size()) == 0;
        });
    });
    sockets_->tend();
    return {};
}

// libfabric listens where this host's side of the first door is: the one address that is sure to
// be reached by servers. A loopback address is not, by servers elsewhere.
Status OfiEndpoint::open_domain_for(const sockaddr_storage& local) {
    if (!domain_) {
        ORFA_TRY(open_domain(numeric_host(local)));
        loopback_only_ = is_loopback(local);
    }
    if (loopback_only_ && !is_loopback(local)) {
        ORFA_LOG(fabric, error,
                 "servers on loopback addresses and on others cannot be mixed; name all of them "
                 "by their hosts' network addresses");
        return Status::from_errno(EHOSTUNREACH);
    }
    return {};
}

Result<PeerId> OfiEndpoint::connect(const Address& address, int timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    // Before the door, which waits only so long for a greeting.
    Result<const OfiLibrary*> library = OfiLibrary::load();
    if (!library.ok()) return library.status();
    Result<DoorSocket> door = dial_tcp(address.host, address.port, timeout_ms);
    if (!door.ok()) return door.status();
    Result<PeerId> peer = greet(std::move(*door), deadline);
    // Hung up without a greeting: nobody there for us.
    if (!peer.ok() && (peer.status().err() == ECONNRESET || peer.status().err() == EPIPE))
        return Status::from_errno(ECONNREFUSED);
    return peer;
}

Result<PeerId> OfiEndpoint::greet(DoorSocket door, std::chrono::steady_clock::time_point deadline) {
    Result<sockaddr_storage> local = local_address(door.fd());
    if (!local.ok()) return local.status();
    ORFA_TRY(open_domain_for(*local));
    OfiPrefix prefix{++last_id_, 0};
    fill_random(&prefix.nonce, sizeof prefix.nonce);
    Result<OfiHello> mine = greeting(*local, prefix);
    if (!mine.ok()) return mine.status();
    ORFA_TRY(door.send_frame(mine->encode()));
    Result<Frame> frame = door.receive_frame(deadline);
    if (!frame.ok()) return frame.status();
    Result<OfiHello> theirs = OfiHello::decode(frame->bytes);
    if (!theirs.ok()) return theirs.status();
    ORFA_TRY(check_greeting(*theirs, door.peer()));
    ORFA_TRY(part_with_former(theirs->name, deadline));
    Result<OfiPeer*> peer = add_peer(std::move(door), *theirs, prefix);
    if (!peer.ok()) return peer.status();
    return (*peer)->id;
}

// libfabric knows one connection between two endpoints. What is left of a former one must be gone
// before the next begins, or it would fail the new one's first messages.
Status OfiEndpoint::part_with_former(const std::vector<std::byte>& name,
                                     std::chrono::steady_clock::time_point deadline) {
    (void)look_at_descriptors();
    const auto left = [&] {
        return std::any_of(closing_.begin(), closing_.end(),
                           [&](const OfiPeer* peer) { return peer->name == name; });
    };
    while (left()) {
        (void)read_completions();
        (void)bury();
        if (!left()) break;
        if (std::chrono::steady_clock::now() > deadline) return Status::from_errno(ETIMEDOUT);
        (void)::usleep(1000);
    }
    return {};
}

Result<OfiHello> OfiEndpoint::greeting(const sockaddr_storage& local,
                                       const OfiPrefix& prefix) const {
    OfiHello hello;
    hello.prefix = prefix;
    hello.eager_bytes = domain_->eager_bytes();
    hello.address_format = domain_->address_format();
    hello.provider = domain_->provider();
    Result<std::vector<std::byte>> name = domain_->name(local);
    if (!name.ok()) return name.status();
    hello.name = std::move(*name);
    return hello;
}

// EPROTONOSUPPORT: libfabric here and there could not talk.
Status OfiEndpoint::check_greeting(const OfiHello& hello, const std::string& peer) const {
    if (hello.provider != domain_->provider() ||
        hello.address_format != domain_->address_format()) {
        ORFA_LOG(fabric, error,
                 "%s uses libfabric's provider \"%s\", this process \"%s\": set ORFA_PROVIDER",
                 peer.c_str(), hello.provider.c_str(), domain_->provider().c_str());
        return Status::from_errno(EPROTONOSUPPORT);
    }
    if (hello.eager_bytes != domain_->eager_bytes()) {
        ORFA_LOG(
            fabric, error,
            "%s has libfabric's buffers of %llu bytes, this process of %llu: set "
            "FI_OFI_RXM_BUFFER_SIZE for both (something else may have started libfabric first)",
            peer.c_str(), static_cast<unsigned long long>(hello.eager_bytes),
            static_cast<unsigned long long>(domain_->eager_bytes()));
        return Status::from_errno(EPROTONOSUPPORT);
    }
    return Status::from_errno(hello.error);
}

Result<OfiPeer*> OfiEndpoint::add_peer(DoorSocket door, const OfiHello& hello,
                                       const OfiPrefix& prefix) {
    Result<fi_addr_t> address = domain_->insert(hello.name);
    if (!address.ok()) return address.status();
    if (Status watched = watch(door.fd(), kFirstPeerTag + prefix.id); !watched.ok()) {
        domain_->remove(*address);
        return watched;
    }
    auto peer = std::make_unique<OfiPeer>();
    peer->id = PeerId{prefix.id};
    peer->to_peer = hello.prefix;
    peer->nonce = prefix.nonce;
    peer->address = *address;
    peer->name = hello.name;
    peer->door = std::move(door);
    OfiPeer* raw = peer.get();
    peers_.emplace(prefix.id, std::move(peer));
    return raw;
}

// A peer at the door: lets it in, or tells it why not.
void OfiEndpoint::admit(Arrival arrival) {
    const std::string name = arrival.socket.peer();
    OfiPrefix prefix{++last_id_, 0};
    fill_random(&prefix.nonce, sizeof prefix.nonce);
    Result<OfiPeer*> peer = welcome(arrival, prefix);
    if (!peer.ok()) {
        ORFA_LOG(fabric, warn, "%s is refused: %s", name.c_str(), strerror(peer.status().err()));
        return;
    }
    PeerIdentity identity;
    identity.address = name;
    events_.on_peer_up((*peer)->id, identity);
}

Result<OfiPeer*> OfiEndpoint::welcome(Arrival& arrival, const OfiPrefix& prefix) {
    Result<OfiHello> theirs = OfiHello::decode(arrival.hello.bytes);
    if (!theirs.ok()) return theirs.status();
    Result<sockaddr_storage> local = local_address(arrival.socket.fd());
    if (!local.ok()) return local.status();
    Result<OfiHello> mine = greeting(*local, prefix);
    if (!mine.ok()) return mine.status();
    theirs->error = 0;
    mine->error = check_greeting(*theirs, arrival.socket.peer()).err();
    if (Status sent = arrival.socket.send_frame(mine->encode()); !sent.ok()) return sent;
    if (mine->error != 0) return Status::from_errno(mine->error);
    return add_peer(std::move(arrival.socket), *theirs, prefix);
}

void OfiEndpoint::on_peer_lost(OfiPeer& peer, Status why) {
    if (peer.closing) return;
    peer.closing = true;
    peer.why = why;
    peer.closing_since = coarse_ms();
    // Explicitly both: a forked child may hold the socket too, then closing would not do.
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, peer.door.fd(), nullptr);
    (void)::shutdown(peer.door.fd(), SHUT_RDWR);
    messages_->abandon(peer);
    rma_->abandon(peer);
    closing_.push_back(&peer);
    ORFA_LOG(fabric, debug, "%s is gone: %s, %zu operations under way", peer.door.peer().c_str(),
             domain_->explain(why.err()), peer.in_flight);
    peer.door = DoorSocket();
}

}  // namespace orfa::fabric
