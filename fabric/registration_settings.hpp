// SPDX-License-Identifier: MIT
// How memory is registered, as the environment says.
#pragma once

#include "common/status.hpp"
#include "fabric/memory_monitor.hpp"
#include "fabric/registration_price.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace orfa::fabric {

struct RegistrationSettings {
    enum class Cache : std::uint8_t { kAuto, kOn, kOff };

    // ORFA_REGISTRATION_CACHE: auto (default): where registering costs something; on; off: each
    // transfer registers its memory; a size: auto, and so much is kept registered at most.
    Cache cache = Cache::kAuto;
    std::size_t cache_bytes = 0;  // 0: what default_cache_bytes() says
    // ORFA_MEMORY_MONITOR: auto, hooks, userfaultfd, none (which switches the cache off).
    MonitorChoice monitor = MonitorChoice::kAuto;
    // ORFA_REGISTRATION_COPY: auto (default): transfers are copied through registered buffers until
    // registering their memory would have been cheaper, as measured at the start; a size: smaller
    // ones always and larger ones never.
    std::optional<std::size_t> copy_below = {};
    // ORFA_REGISTRATION_PRICE, see parse_price(): pretends that registering costs so much.
    std::optional<RegistrationPrice> price = {};
    // ORFA_REGISTRATION_CHECK: on (default, with a price): transfers through stale registrations
    // end the process; off.
    bool check = true;

    // EINVAL: a value that can't be (logged).
    static Result<RegistrationSettings> from_environment();
};

// What the cache may keep registered: three quarters of RLIMIT_MEMLOCK, or, where that does not
// apply, a quarter of the machine's memory.
std::size_t default_cache_bytes();
// RLIMIT_MEMLOCK in bytes; SIZE_MAX: no limit, or none for this process (CAP_IPC_LOCK).
std::size_t lockable_bytes();

}  // namespace orfa::fabric
