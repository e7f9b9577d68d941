// SPDX-License-Identifier: MIT
// Log lines on standard error, switched by ORFA_LOG ("warn", "info,fabric:debug").
//
//   ORFA_LOG(fabric, debug, "posted %zu bytes to %s", n, peer);
//
// A line that is switched off costs one relaxed load. Each line is one write(2), so lines of
// several processes do not mix: "12:03:04.567 4711 warn fabric local_endpoint.cpp:88 text".
#pragma once

#include <atomic>
#include <cstdint>

namespace orfa::log {

// NOLINTBEGIN(readability-identifier-naming): ORFA_LOG makes these names out of its words
enum class Level : std::uint8_t { kerror, kwarn, kinfo, kdebug };
// One per folder that logs.
enum class Area : std::uint8_t {
    kcommon,
    kprotocol,
    kfabric,
    kclient,
    kserver,
    kcollective,
    kcount
};
// NOLINTEND(readability-identifier-naming)

// The level of each area; read ORFA_LOG once, at load.
extern std::atomic<std::uint8_t> levels[static_cast<unsigned>(Area::kcount)];

inline bool enabled(Area area, Level level) {
    return static_cast<std::uint8_t>(level) <=
           levels[static_cast<unsigned>(area)].load(std::memory_order_relaxed);
}

// Sets the levels from text of ORFA_LOG's form; words it does not know are ignored. False if any.
bool configure(const char* text);

[[gnu::format(printf, 5, 6)]] void write(Area area, Level level, const char* file, int line,
                                         const char* format, ...);

}  // namespace orfa::log

#define ORFA_LOG(area, level, ...)                                                                 \
    do {                                                                                           \
        if (::orfa::log::enabled(::orfa::log::Area::k##area, ::orfa::log::Level::k##level))        \
            ::orfa::log::write(::orfa::log::Area::k##area, ::orfa::log::Level::k##level, __FILE__, \
                               __LINE__, __VA_ARGS__);                                             \
    } while (false)
