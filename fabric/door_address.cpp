// SPDX-License-Identifier: MIT
#include "fabric/door_address.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace orfa::fabric {

LocalAddress::LocalAddress(std::uint16_t port) {
    address_.sun_family = AF_UNIX;
    // The leading zero makes it abstract: no file, gone with its last socket.
    const std::string name = "orfa/" + std::to_string(port);
    std::memcpy(address_.sun_path + 1, name.data(), name.size());
    length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

Result<TcpAddresses> TcpAddresses::look_up(const std::string& host, std::uint16_t port,
                                           bool listen) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (listen ? AI_PASSIVE : 0);
    const std::string service = std::to_string(port);
    addrinfo* list = nullptr;
    const int rc =
        ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &list);
    if (rc == EAI_SYSTEM) return Status::from_errno(errno);
    if (rc == EAI_AGAIN) return Status::from_errno(EAGAIN);
    if (rc == EAI_MEMORY) return Status::from_errno(ENOMEM);
    if (rc != 0) return Status::from_errno(EHOSTUNREACH);
    TcpAddresses result;
    result.list_.reset(list);
    return result;
}

void set_tcp_options(int fd) {
    const auto set = [fd](int level, int option, int value) {
        (void)::setsockopt(fd, level, option, &value, sizeof value);
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 5);   // seconds
    set(IPPROTO_TCP, TCP_KEEPINTVL, 2);  // seconds
    set(IPPROTO_TCP, TCP_KEEPCNT, 2);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 9000);  // ms, as long as the keepalive takes
}

std::string tcp_name(const sockaddr* address, socklen_t length) {
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (::getnameinfo(address, length, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "unknown address";
    const bool v6 = address->sa_family == AF_INET6;
    return (v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + port;
}

}  // namespace orfa::fabric
