// SPDX-License-Identifier: MIT
// TCP ports for servers that all must know all ports before any of them runs.
#pragma once

#include "common/status.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace orfa::cli {

// `count` different ports of `host` that were free a moment ago. Another program may take one
// before its server does; then that server says so, and the caller picks anew. EADDRNOTAVAIL:
// `host` is not an address of this machine; EHOSTUNREACH: unknown name.
Result<std::vector<std::uint16_t>> pick_free_ports(const std::string& host, std::size_t count);

// "host:port"; an IPv6 address gets its brackets.
std::string address_text(const std::string& host, std::uint16_t port);

}  // namespace orfa::cli
