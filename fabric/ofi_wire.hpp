// SPDX-License-Identifier: MIT
// What two OfiEndpoints say to each other, apart from the protocol above: the greeting at the door
// and the prefix of each message.
#pragma once

#include "common/status.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace orfa::fabric {

// Goes before each message: the receiver's own id for the connection, and its proof. libfabric
// does not say reliably who sent a message.
struct OfiPrefix {
    std::uint64_t id;     // PeerId at the receiver
    std::uint64_t nonce;  // random, chosen by the receiver
};
static_assert(sizeof(OfiPrefix) == 16);

// Largest message: 4 KiB of payload and room for a request around it.
inline constexpr std::size_t kOfiMaxMessage = 4608;
// What libfabric sends in one go, without a rendezvous.
inline constexpr std::size_t kOfiEagerBytes = kOfiMaxMessage + sizeof(OfiPrefix);

// The one frame that each side sends at the door.
struct OfiHello {
    int error = 0;                     // of the listening side: an errno, why it refuses
    OfiPrefix prefix{};                // to be put before each message to the sender of this
    std::uint64_t eager_bytes = 0;     // must be equal on both sides, or ofi_rxm cannot connect
    std::uint32_t address_format = 0;  // FI_SOCKADDR_IN, ...
    std::string provider;              // must be equal on both sides
    std::vector<std::byte> name;       // of the endpoint, for fi_av_insert()

    [[nodiscard]] std::vector<std::byte> encode() const;
    // EPROTO: not a greeting of this transport and version.
    static Result<OfiHello> decode(std::span<const std::byte> bytes);
};

// `count` bytes that nobody can guess.
void fill_random(void* into, std::size_t count);

}  // namespace orfa::fabric
