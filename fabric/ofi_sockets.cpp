// SPDX-License-Identifier: MIT
#include "fabric/ofi_sockets.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace orfa::fabric {
namespace {

std::vector<int> open_descriptors() {
    std::vector<int> fds;
    DIR* directory = ::opendir("/proc/self/fd");
    if (directory == nullptr) return fds;
    while (const dirent* entry = ::readdir(directory))
        if (entry->d_name[0] != '.') fds.push_back(std::atoi(entry->d_name));
    (void)::closedir(directory);
    return fds;
}

std::uint16_t port_of(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET)
        return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    return 0;
}

// No TCP_USER_TIMEOUT: it would also cut off a client that computes, and takes no data meanwhile.
void keep_alive(int fd) {
    const auto set = [fd](int level, int option, int value) {
        (void)::setsockopt(fd, level, option, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 5);   // seconds
    set(IPPROTO_TCP, TCP_KEEPINTVL, 2);  // seconds
    set(IPPROTO_TCP, TCP_KEEPCNT, 2);
}

}  // namespace

bool OfiSockets::is_ours(int fd) const {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    int type = 0;
    socklen_t type_length = sizeof type;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
    if (port_of(address) == 0 || ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0 ||
        type != SOCK_STREAM)
        return false;
    if (port_of(address) == port_) return true;
    length = sizeof address;
    return ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
           is_peer_(address);
}

void OfiSockets::tend() const {
    if (port_ == 0) return;
    for (const int fd : open_descriptors()) {
        if (!is_ours(fd)) continue;
        keep_alive(fd);
        (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

void OfiSockets::close_copies() const {
    if (port_ == 0) return;
    for (const int fd : open_descriptors())
        if (is_ours(fd)) (void)::close(fd);
}

}  // namespace orfa::fabric
