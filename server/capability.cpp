// SPDX-License-Identifier: MIT
#include "server/capability.hpp"

#include <sodium.h>

#include <cstring>

namespace orfa::server {

Capabilities::Capabilities(std::uint64_t cluster_secret) {
    static_assert(crypto_shorthash_KEYBYTES == 16);
    static constexpr char kContext[] = "orfa capability";
    std::array<unsigned char, sizeof(kContext) + sizeof(cluster_secret)> text{};
    std::memcpy(text.data(), kContext, sizeof(kContext));
    std::memcpy(text.data() + sizeof(kContext), &cluster_secret, sizeof(cluster_secret));
    crypto_generichash(key_.data(), key_.size(), text.data(), text.size(), nullptr, 0);
}

std::uint64_t Capabilities::mac(const protocol::Capability& capability) const {
    std::array<unsigned char, 16> text{};
    std::memcpy(text.data(), &capability.ino, 8);
    std::memcpy(text.data() + 8, &capability.rights, 4);
    std::uint64_t value = 0;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&value), text.data(), text.size(),
                     key_.data());
    return value;
}

protocol::Capability Capabilities::make(std::uint64_t ino, std::uint32_t rights) const {
    protocol::Capability capability{ino, rights, 0, 0};
    capability.mac = mac(capability);
    return capability;
}

bool Capabilities::allows(const protocol::Capability& capability, std::uint32_t rights) const {
    return (capability.rights & rights) == rights && capability.mac == mac(capability);
}

}  // namespace orfa::server
