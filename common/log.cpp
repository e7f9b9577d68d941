// SPDX-License-Identifier: MIT
#include "common/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace orfa::log {
namespace {

constexpr std::array<const char*, 4> kLevelNames = {"error", "warn", "info", "debug"};
constexpr std::array<const char*, static_cast<unsigned>(Area::kcount)> kAreaNames = {
    "common", "protocol", "fabric", "client", "server", "collective"};

int level_named(std::string_view name) {
    for (unsigned i = 0; i < kLevelNames.size(); ++i)
        if (name == kLevelNames[i]) return static_cast<int>(i);
    return -1;
}

bool configure_word(std::string_view word) {
    const auto colon = word.find(':');
    const int level = level_named(colon == std::string_view::npos ? word : word.substr(colon + 1));
    if (level < 0) return false;
    bool known = colon == std::string_view::npos;
    for (unsigned i = 0; i < kAreaNames.size(); ++i) {
        if (colon != std::string_view::npos && word.substr(0, colon) != kAreaNames[i]) continue;
        levels[i].store(static_cast<std::uint8_t>(level), std::memory_order_relaxed);
        known = true;
    }
    return known;
}

// Reads the environment before main(), so that no call needs to.
[[gnu::constructor]] void read_environment() {
    if (const char* text = std::getenv("ORFA_LOG"); text != nullptr) configure(text);
}

}  // namespace

// Constant-initialised: usable before and after main().
constinit std::atomic<std::uint8_t> levels[static_cast<unsigned>(Area::kcount)] = {1, 1, 1,
                                                                                   1, 1, 1};

bool configure(const char* text) {
    bool all = true;
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        if (comma > 0) all = configure_word(rest.substr(0, comma)) && all;
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return all;
}

void write(Area area, Level level, const char* file, int line, const char* format, ...) {
    std::array<char, 1024> text{};
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    tm parts{};
    localtime_r(&now.tv_sec, &parts);
    const char* slash = std::strrchr(file, '/');
    const auto clip = [&](int n) {
        return static_cast<std::size_t>(std::clamp(n, 0, static_cast<int>(text.size()) - 2));
    };
    std::size_t used = clip(std::snprintf(
        text.data(), text.size(), "%02d:%02d:%02d.%03ld %d %s %s %s:%d ", parts.tm_hour,
        parts.tm_min, parts.tm_sec, now.tv_nsec / 1000000, static_cast<int>(getpid()),
        kLevelNames[static_cast<unsigned>(level)], kAreaNames[static_cast<unsigned>(area)],
        slash != nullptr ? slash + 1 : file, line));
    va_list arguments;
    va_start(arguments, format);
    used += std::min(
        clip(std::vsnprintf(text.data() + used, text.size() - used - 1, format, arguments)),
        text.size() - used - 2);
    va_end(arguments);
    text[used++] = '\n';
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), used);
}

}  // namespace orfa::log
