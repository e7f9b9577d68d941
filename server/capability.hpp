// SPDX-License-Identifier: MIT
// Proofs that a client may read or write a file, made by the file's home server and checked by
// every server that holds data of it, without asking anybody.
#pragma once

#include "protocol/messages.hpp"

#include <array>
#include <cstdint>

namespace orfa::server {

// Thread-safe: immutable. The proof is SipHash-2-4 (libsodium) under a key from the cluster's
// secret.
class Capabilities {
  public:
    explicit Capabilities(std::uint64_t cluster_secret);

    [[nodiscard]] protocol::Capability make(std::uint64_t ino, std::uint32_t rights) const;
    // Whether it is genuine and gives all of `rights`.
    [[nodiscard]] bool allows(const protocol::Capability& capability, std::uint32_t rights) const;

  private:
    [[nodiscard]] std::uint64_t mac(const protocol::Capability& capability) const;
    std::array<unsigned char, 16> key_{};
};

}  // namespace orfa::server
