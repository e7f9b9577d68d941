// SPDX-License-Identifier: MIT
#include "fabric/ofi_wire.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace orfa::fabric {
namespace {

constexpr std::uint32_t kMagic = 0x3149464f;  // "OFI1"
constexpr std::size_t kMaxName = 512;

struct WireHello {
    std::uint32_t magic;
    std::int32_t error;
    OfiPrefix prefix;
    std::uint64_t eager_bytes;
    std::uint32_t address_format;
    std::uint32_t name_bytes;  // they follow
    char provider[64];         // ends with a zero
};
static_assert(sizeof(WireHello) == 104);

}  // namespace

std::vector<std::byte> OfiHello::encode() const {
    WireHello wire{};
    wire.magic = kMagic;
    wire.error = error;
    wire.prefix = prefix;
    wire.eager_bytes = eager_bytes;
    wire.address_format = address_format;
    wire.name_bytes = static_cast<std::uint32_t>(name.size());
    std::memcpy(wire.provider, provider.data(),
                std::min(provider.size(), sizeof wire.provider - 1));
    std::vector<std::byte> bytes(sizeof wire + name.size());
    std::memcpy(bytes.data(), &wire, sizeof wire);
    std::copy(name.begin(), name.end(), bytes.begin() + sizeof wire);
    return bytes;
}

Result<OfiHello> OfiHello::decode(std::span<const std::byte> bytes) {
    WireHello wire;
    if (bytes.size() < sizeof wire) return Status::from_errno(EPROTO);
    std::memcpy(&wire, bytes.data(), sizeof wire);
    if (wire.magic != kMagic || wire.error < 0 || wire.name_bytes > kMaxName ||
        bytes.size() != sizeof wire + wire.name_bytes ||
        std::memchr(wire.provider, 0, sizeof wire.provider) == nullptr)
        return Status::from_errno(EPROTO);
    OfiHello hello;
    hello.error = wire.error;
    hello.prefix = wire.prefix;
    hello.eager_bytes = wire.eager_bytes;
    hello.address_format = wire.address_format;
    hello.provider = wire.provider;
    const std::span<const std::byte> name = bytes.subspan(sizeof wire);
    hello.name.assign(name.begin(), name.end());
    return hello;
}

void fill_random(void* into, std::size_t count) {
    auto* bytes = static_cast<std::byte*>(into);
    while (count > 0) {
        const ssize_t n = ::getrandom(bytes, count, 0);
        if (n < 0 && errno != EINTR) std::abort();  // kernels since 3.17 have it
        if (n <= 0) continue;
        bytes += n;
        count -= static_cast<std::size_t>(n);
    }
}

}  // namespace orfa::fabric
