// SPDX-License-Identifier: MIT
// The clock that intervals are measured with.
#pragma once

#include <cstdint>
#include <ctime>

namespace orfa::server {

// CLOCK_MONOTONIC, nanoseconds.
inline std::int64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}
inline std::int64_t monotonic_ms() {
    return monotonic_ns() / 1'000'000;
}

}  // namespace orfa::server
