// SPDX-License-Identifier: MIT
#include "fabric/registration_settings.hpp"

#include "common/log.hpp"
#include "common/units.hpp"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace orfa::fabric {
namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view() : value;
}

Status wrong(const char* name, const char* possible) {
    ORFA_LOG(fabric, error, "%s is \"%s\"; it must be %s", name, std::getenv(name), possible);
    return Status::from_errno(EINVAL);
}

Status read_cache(RegistrationSettings& settings) {
    using Cache = RegistrationSettings::Cache;
    const std::string_view value = variable("ORFA_REGISTRATION_CACHE");
    if (value.empty() || value == "auto") return {};
    if (value == "on" || value == "off") {
        settings.cache = value == "on" ? Cache::kOn : Cache::kOff;
        return {};
    }
    const auto bytes = parse_size(value);
    if (!bytes.ok() || *bytes == 0)
        return wrong("ORFA_REGISTRATION_CACHE", "auto, on, off or a size");
    settings.cache_bytes = *bytes;
    return {};
}

bool may_lock_all() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) != 0) return false;
    return (data[0].effective & (1U << CAP_IPC_LOCK)) != 0;
}

}  // namespace

Result<RegistrationSettings> RegistrationSettings::from_environment() {
    RegistrationSettings settings;
    ORFA_TRY(read_cache(settings));
    const auto monitor = parse_monitor(std::string(variable("ORFA_MEMORY_MONITOR")));
    if (!monitor.ok()) return wrong("ORFA_MEMORY_MONITOR", "auto, hooks, userfaultfd or none");
    settings.monitor = *monitor;
    if (const auto copy = variable("ORFA_REGISTRATION_COPY"); !copy.empty() && copy != "auto") {
        const auto bytes = parse_size(copy);
        if (!bytes.ok()) return wrong("ORFA_REGISTRATION_COPY", "auto or a size");
        settings.copy_below = *bytes;
    }
    if (const auto text = variable("ORFA_REGISTRATION_PRICE"); !text.empty()) {
        const auto price = parse_price(std::string(text));
        if (!price.ok())
            return wrong("ORFA_REGISTRATION_PRICE",
                         "gm2004, verbs or PAGE_NS:DEREGISTER_NS[:DEREGISTER_PAGE_NS]");
        settings.price = *price;
    }
    if (const auto check = variable("ORFA_REGISTRATION_CHECK"); !check.empty()) {
        if (check != "on" && check != "off") return wrong("ORFA_REGISTRATION_CHECK", "on or off");
        settings.check = check == "on";
    }
    return settings;
}

std::size_t lockable_bytes() {
    rlimit limit{};
    if (may_lock_all() || ::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
        limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return limit.rlim_cur;
}

std::size_t default_cache_bytes() {
    const std::size_t limit = lockable_bytes();
    if (limit != SIZE_MAX) return limit / 4 * 3;
    const auto pages = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES));
    return pages / 4 * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace orfa::fabric
