// SPDX-License-Identifier: MIT
// What the tests of golden bytes share.
#pragma once

#include "protocol/messages.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace orfa::protocol {

// Lower-case hexadecimal digits, two a byte.
inline std::string hex(std::span<const std::byte> bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : bytes) {
        text += kDigits[static_cast<unsigned>(byte) >> 4];
        text += kDigits[static_cast<unsigned>(byte) & 15];
    }
    return text;
}

inline constexpr Capability kCapability{make_ino(2, 0x345), kMayRead | kMayWrite, 0,
                                        0x1122334455667788};
inline const std::string kCapabilityBytes =
    "4503000000000200"
    "03000000"
    "00000000"
    "8877665544332211";

}  // namespace orfa::protocol
