// SPDX-License-Identifier: MIT
#include "client/cli/ports.hpp"

#include "common/unique_fd.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace orfa::cli {
namespace {

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// Binds a socket to a port of the kernel's choice.
Result<std::uint16_t> bind_any(const addrinfo& address, UniqueFd& socket_out) {
    UniqueFd fd(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
        return Status::from_errno(errno);
    }
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
        return Status::from_errno(errno);
    }
    in_port_t port = 0;  // at the same place for both families
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    std::memcpy(&port, reinterpret_cast<const char*>(&bound) + offsetof(sockaddr_in, sin_port),
                sizeof port);
    socket_out = std::move(fd);
    return ntohs(port);
}

}  // namespace

Result<std::vector<std::uint16_t>> pick_free_ports(const std::string& host, std::size_t count) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), "0", &hints, &found) != 0) {
        return Status::from_errno(EHOSTUNREACH);
    }
    const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
    std::vector<std::uint16_t> ports;
    std::vector<UniqueFd> sockets(count);  // open until all ports are known: so they differ
    for (auto& held : sockets) {
        auto port = bind_any(*addresses, held);
        if (!port.ok()) return port.status();
        ports.push_back(*port);
    }
    return ports;
}

std::string address_text(const std::string& host, std::uint16_t port) {
    const bool v6 = host.find(':') != std::string::npos && host[0] != '[';
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace orfa::cli
