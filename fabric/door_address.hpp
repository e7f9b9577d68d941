// SPDX-License-Identifier: MIT
// Addresses and options of door sockets; private to the door.
#pragma once

#include "common/status.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <memory>
#include <string>

namespace orfa::fabric {

// The abstract Unix address of a port.
class LocalAddress {
  public:
    explicit LocalAddress(std::uint16_t port);
    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&address_);
    }
    [[nodiscard]] socklen_t length() const { return length_; }

  private:
    sockaddr_un address_{};
    socklen_t length_ = 0;
};

// What a host name and port stand for.
class TcpAddresses {
  public:
    // EHOSTUNREACH: unknown name; ENOMEM; EAGAIN: the name service did not answer.
    static Result<TcpAddresses> look_up(const std::string& host, std::uint16_t port, bool listen);
    [[nodiscard]] const addrinfo* first() const { return list_.get(); }

  private:
    struct Free {
        void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
    };
    std::unique_ptr<addrinfo, Free> list_;
};

// No delay, and the death of the other host noticed within about ten seconds. Errors are ignored.
void set_tcp_options(int fd);

// "192.0.2.1:40312"
std::string tcp_name(const sockaddr* address, socklen_t length);

}  // namespace orfa::fabric
