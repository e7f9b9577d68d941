// SPDX-License-Identifier: MIT
// What every benchmark shares: the clock, medians with their spread, results as one line of JSON.
#pragma once

#include "common/units.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace orfa::benchmarks {

using Json = nlohmann::ordered_json;

// Seconds of a clock that all processes of a host share.
inline double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The value below which `share` (0 to 1) of the samples lie; 0 without samples.
inline double percentile(std::vector<double> samples, double share) {
    if (samples.empty()) return 0;
    std::sort(samples.begin(), samples.end());
    const auto last = static_cast<double>(samples.size() - 1);
    const auto low = static_cast<std::size_t>(share * last);
    const std::size_t high = std::min(low + 1, samples.size() - 1);
    const double part = share * last - static_cast<double>(low);
    return samples[low] + (samples[high] - samples[low]) * part;
}

inline double median(const std::vector<double>& samples) {
    return percentile(samples, 0.5);
}

inline double mib_per_second(std::uint64_t bytes, double seconds) {
    return seconds > 0 ? static_cast<double>(bytes) / seconds / (1024.0 * 1024.0) : 0;
}

// {"median": m, "min": a, "max": b, "all": [...]}
inline Json summary(const std::vector<double>& samples) {
    const auto [low, high] = std::minmax_element(samples.begin(), samples.end());
    if (samples.empty()) return nullptr;
    return {{"median", median(samples)}, {"min", *low}, {"max", *high}, {"all", samples}};
}

// One result: a line of JSON for programs, `text` for people.
inline void print_result(bool as_json, const Json& result, const std::string& text) {
    std::printf("%s\n", as_json ? result.dump().c_str() : text.c_str());
    std::fflush(stdout);
}

template <typename... Arguments>
std::string text_of(const char* format, Arguments... arguments) {
    char line[512];
    std::snprintf(line, sizeof line, format, arguments...);
    return line;
}

// The exit code of `body`, which may throw: 1 then.
template <typename Body>
int guarded(Body body) noexcept {
    try {
        return body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

}  // namespace orfa::benchmarks
