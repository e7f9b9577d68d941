// SPDX-License-Identifier: MIT
#include "server/zero_memory.hpp"

#include <cstdint>
#include <cstring>

#ifdef __x86_64__
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace orfa::server {
namespace {

#ifdef __x86_64__
constexpr std::size_t kLine = 64;
constexpr std::size_t kWorthwhile = 4096;  // less is likely to be in a cache

bool has_clzero() {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(0x80000008, &a, &b, &c, &d) != 0 && (b & 1U) != 0;
}

__attribute__((target("clzero"))) void zero_lines(std::byte* data, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += kLine)
        _mm_clzero(data + at);
    _mm_sfence();  // its stores are weakly ordered
}
#endif

}  // namespace

void zero_memory(std::byte* data, std::size_t bytes) {
#ifdef __x86_64__
    static const bool lines = has_clzero();
    if (lines && bytes >= kWorthwhile) {
        const std::size_t before = -reinterpret_cast<std::uintptr_t>(data) % kLine;
        const std::size_t whole = (bytes - before) / kLine * kLine;
        std::memset(data, 0, before);
        zero_lines(data + before, whole);
        data += before + whole;
        bytes -= before + whole;
    }
#endif
    std::memset(data, 0, bytes);
}

}  // namespace orfa::server
