// SPDX-License-Identifier: MIT
// The TCP sockets that libfabric opens for an endpoint, on which it neither sets what tells a dead
// host from a silent one, nor close-on-exec. It does not hand them out: they are found by port.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>

namespace orfa::fabric {

// A TCP socket belongs to the endpoint when it is bound to the port where libfabric listens, or is
// connected to where a peer's does.
class OfiSockets {
  public:
    // `listening_port`: 0 when the provider does not use TCP; then nothing below does anything.
    // `is_peer` says whether an address is a peer's libfabric address.
    OfiSockets(std::uint16_t listening_port, std::function<bool(const sockaddr_storage&)> is_peer)
        : port_(listening_port), is_peer_(std::move(is_peer)) {}

    // To be called when a connection has been made: a lost host is noticed, and programs that are
    // started do not inherit the sockets. Looks at all descriptors of the process (0.4 us each).
    void tend() const;
    // In the child of a fork: closes the child's copies, which would keep the connections open
    // after the parent's end. The parent's are not touched.
    void close_copies() const;

  private:
    [[nodiscard]] bool is_ours(int fd) const;

    std::uint16_t port_;
    std::function<bool(const sockaddr_storage&)> is_peer_;
};

}  // namespace orfa::fabric
