// SPDX-License-Identifier: MIT
// How a same-host connection begins: hello from the dialer, welcome from the listener.
#include "common/log.hpp"
#include "fabric/door_address.hpp"
#include "fabric/local_endpoint.hpp"
#include "fabric/process_memory.hpp"
#include "fabric/shared_memory.hpp"

#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace orfa::fabric {
namespace {

// EPROTONOSUPPORT: it is a greeting, of another version.
template <LocalWire T>
Result<T> decode(const Frame& frame) {
    struct {
        std::uint64_t magic;
        std::uint32_t version;
    } head{};
    if (frame.bytes.size() >= sizeof head) std::memcpy(&head, frame.bytes.data(), sizeof head);
    if (head.magic != kLocalMagic) return Status::from_errno(EPROTO);
    if (head.version != kLocalVersion) return Status::from_errno(EPROTONOSUPPORT);
    T value;
    if (frame.bytes.size() != sizeof value) return Status::from_errno(EPROTO);
    std::memcpy(&value, frame.bytes.data(), sizeof value);
    return value;
}

template <LocalWire T>
Status send_struct(DoorSocket& socket, const T& value, std::span<const int> fds = {}) {
    return socket.send_frame(std::as_bytes(std::span(&value, 1)), fds);
}

// Directly: glibc 2.36 declares its wrapper without C linkage.
UniqueFd open_pidfd(pid_t pid) {
    return UniqueFd(pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1);
}

// Does the process hold the nonce where its hello says? Then `pidfd`, opened before, is that very
// process's, and we may reach its memory.
bool reaches_memory(pid_t pid, int pidfd, const LocalHello& hello) {
    if (pidfd < 0) return false;
    std::uint64_t found[2] = {};
    const LocalSegment into{reinterpret_cast<std::byte*>(found), sizeof found};
    const RemoteSegment from{hello.nonce_address, 0, sizeof found};
    return copy_with_process(pid, Direction::kFromPeer, {&into, 1}, {&from, 1}).ok() &&
           std::memcmp(found, hello.nonce, sizeof found) == 0;
}

// A listener this user may trust: it will be told where the user's data is.
bool trusts_server(uid_t uid) {
    if (uid == ::geteuid() || uid == 0) return true;
    const char* other = std::getenv("ORFA_SERVER_UID");
    if (other == nullptr || *other == '\0') return false;
    char* end = nullptr;
    const unsigned long value = std::strtoul(other, &end, 10);
    return *end == '\0' && value == uid;
}

// An address is this host's when a socket can be bound to it.
bool is_this_host(const std::string& host) {
    if (host.empty() || host == "localhost") return true;
    Result<TcpAddresses> addresses = TcpAddresses::look_up(host, 0, false);
    if (!addresses.ok()) return false;
    for (const addrinfo* a = addresses->first(); a != nullptr; a = a->ai_next) {
        const UniqueFd fd(::socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (fd && ::bind(fd.get(), a->ai_addr, a->ai_addrlen) == 0) return true;
    }
    return false;
}

LocalWelcome make_welcome(const LocalGeometry& g, std::uint32_t flags, Status status) {
    return {kLocalMagic,
            kLocalVersion,
            flags,
            status.err(),
            static_cast<std::uint32_t>(g.ring_bytes),
            static_cast<std::uint32_t>(g.max_message),
            static_cast<std::uint32_t>(g.slot_bytes),
            static_cast<std::uint32_t>(g.slot_count),
            static_cast<std::uint32_t>(g.stage_bytes),
            static_cast<std::uint32_t>(g.stage_count),
            0,
            0};
}

}  // namespace

// A peer at the door: lets it in or logs why not.
void LocalEndpoint::admit(Arrival arrival) {
    const std::string name = arrival.socket.peer();
    Result<ucred> who = arrival.socket.credentials();
    Result<std::vector<gid_t>> groups = arrival.socket.groups();
    if (!groups.ok()) groups = std::vector<gid_t>();
    Result<Peer*> peer = who.ok() ? welcome(arrival, *who) : Result<Peer*>(who.status());
    if (!peer.ok()) {
        ORFA_LOG(fabric, warn, "%s is refused: %s", name.c_str(), strerror(peer.status().err()));
        return;
    }
    const PeerIdentity identity{who->uid, who->gid, *groups, who->pid, true, name};
    ORFA_LOG(fabric, debug, "%s is in, its memory %s", name.c_str(),
             (*peer)->process_vm ? "in reach" : "through shared memory");
    events_.on_peer_up((*peer)->id, identity);
}

Result<LocalEndpoint::Peer*> LocalEndpoint::welcome(Arrival& arrival, const ucred& who) {
    Result<LocalHello> hello = decode<LocalHello>(arrival.hello);
    if (hello.status().err() == EPROTONOSUPPORT)
        (void)send_struct(arrival.socket, make_welcome(geometry_, 0, hello.status()));
    if (!hello.ok()) return hello.status();

    // Where there is no pidfd (other pid name space, old kernel) the hang-up has to do.
    UniqueFd pidfd = open_pidfd(who.pid);
    const bool process_vm = allow_process_vm_ && (hello->flags & kProcessMemory) != 0 &&
                            who.uid == ::geteuid() && reaches_memory(who.pid, pidfd.get(), *hello);
    UniqueFd memory_fd;
    Result<SharedMemory> memory = SharedMemory::create(geometry_.total_bytes(), memory_fd);
    if (!memory.ok()) {
        (void)send_struct(arrival.socket, make_welcome(geometry_, 0, memory.status()));
        return memory.status();
    }
    // To a process of this user, who may do as he likes with what is in this one.
    const bool exposes = allow_exposed_ && exposed_fd_ >= 0 && (hello->flags & kExposed) != 0 &&
                         who.uid == ::geteuid();
    const std::uint32_t flags = (process_vm ? kProcessMemory : 0U) |
                                (owner_ == ::getpid() ? std::uint32_t{kOwnerServes} : 0U) |
                                (exposes ? std::uint32_t{kExposed} : 0U);
    LocalWelcome answer = make_welcome(geometry_, flags, {});
    if (exposes) answer.exposed_bytes = exposed_bytes_;
    const int fds[2] = {memory_fd.get(), exposed_fd_};
    ORFA_TRY(send_struct(arrival.socket, answer, {fds, exposes ? 2U : 1U}));
    return add_peer(LocalConnection(std::move(arrival.socket), std::move(pidfd), std::move(*memory),
                                    geometry_, true),
                    who.pid, process_vm, who.uid == ::geteuid() || who.uid == 0);
}

Result<PeerId> LocalEndpoint::connect(const Address& address, int timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    if (!is_this_host(address.host)) return Status::from_errno(EHOSTUNREACH);
    Result<DoorSocket> socket = dial_local(address.port, timeout_ms);
    if (!socket.ok()) return socket.status();
    Result<PeerId> peer = greet(std::move(*socket), deadline);
    // Hung up without a welcome: it is dying, or can't take us; nobody there for us either way.
    if (!peer.ok() && (peer.status().err() == ECONNRESET || peer.status().err() == EPIPE))
        return Status::from_errno(ECONNREFUSED);
    return peer;
}

Result<PeerId> LocalEndpoint::greet(DoorSocket socket,
                                    std::chrono::steady_clock::time_point deadline) {
    Result<ucred> who = socket.credentials();
    if (!who.ok()) return who.status();
    if (!trusts_server(who->uid)) {
        ORFA_LOG(fabric, warn, "%s belongs to user %u, who is not trusted: see ORFA_SERVER_UID",
                 socket.peer().c_str(), who->uid);
        return Status::from_errno(ECONNREFUSED);
    }
    std::uint64_t nonce[2] = {};
    if (::getrandom(nonce, sizeof nonce, 0) != sizeof nonce) return Status::from_errno(EIO);
    const LocalHello hello{kLocalMagic,
                           kLocalVersion,
                           (allow_process_vm_ ? std::uint32_t{kProcessMemory} : 0U) |
                               (allow_exposed_ ? std::uint32_t{kExposed} : 0U),
                           reinterpret_cast<std::uint64_t>(nonce),
                           {nonce[0], nonce[1]}};
    ORFA_TRY(send_struct(socket, hello));
    Result<Frame> frame = socket.receive_frame(deadline);
    if (!frame.ok()) return frame.status();
    Result<LocalWelcome> answer = decode<LocalWelcome>(*frame);
    if (!answer.ok()) return answer.status();
    if (answer->error != 0) return Status::from_errno(answer->error > 0 ? answer->error : EPROTO);

    const LocalGeometry geometry{answer->ring_bytes, answer->max_message, answer->slot_bytes,
                                 answer->slot_count, answer->stage_bytes, answer->stage_count};
    ORFA_TRY(geometry.check());
    const bool exposes = (answer->flags & kExposed) != 0;
    if (frame->fds.size() != (exposes ? 2U : 1U) || geometry.max_message < geometry_.max_message)
        return Status::from_errno(EPROTO);
    Result<SharedMemory> memory = SharedMemory::map(frame->fds[0], geometry.total_bytes());
    if (!memory.ok()) return memory.status();
    const bool owner_serves = (answer->flags & kOwnerServes) != 0;
    UniqueFd pidfd = open_pidfd(owner_serves ? who->pid : 0);
    Result<Peer*> peer = add_peer(
        LocalConnection(std::move(socket), std::move(pidfd), std::move(*memory), geometry, false),
        who->pid, (answer->flags & kProcessMemory) != 0, true);
    if (!peer.ok()) return peer.status();
    if (exposes) {
        // Without address space for it, everything goes by requests.
        Result<GuardedMapping> mapped =
            GuardedMapping::map(frame->fds[1].get(), answer->exposed_bytes);
        if (mapped.ok()) (*peer)->exposed = std::move(*mapped);
    }
    return (*peer)->id;
}

}  // namespace orfa::fabric
