// SPDX-License-Identifier: MIT
#include "common/units.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace orfa {
namespace {

constexpr std::string_view kPrefixes = "KMGTPE";

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// "", "B", "K", "KB", "KiB" -> what one of it is in bytes; 0: no such suffix.
std::uint64_t suffix_factor(std::string_view suffix) {
    if (suffix.empty() || (suffix.size() == 1 && upper(suffix[0]) == 'B')) return 1;
    const auto power = kPrefixes.find(upper(suffix[0]));
    if (power == std::string_view::npos) return 0;
    const std::string_view rest = suffix.substr(1);
    const bool binary =
        rest.empty() || (rest.size() == 2 && upper(rest[0]) == 'I' && upper(rest[1]) == 'B');
    const bool decimal = rest.size() == 1 && upper(rest[0]) == 'B';
    if (!binary && !decimal) return 0;
    std::uint64_t factor = 1;
    for (std::size_t i = 0; i <= power; ++i)
        factor *= binary ? 1024U : 1000U;
    return factor;
}

// `value` with about three significant digits, without ".0".
std::string short_number(double value) {
    std::array<char, 32> text{};
    const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    const int length = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    std::string out(text.data(), static_cast<std::size_t>(length));
    if (out.find('.') != std::string::npos) {
        while (out.back() == '0')
            out.pop_back();
        if (out.back() == '.') out.pop_back();
    }
    return out;
}

std::string two_parts(long long large, const char* large_unit, long long small,
                      const char* small_unit) {
    std::array<char, 64> text{};
    const int length = std::snprintf(text.data(), text.size(), "%lld %s %02lld %s", large,
                                     large_unit, small, small_unit);
    return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc()) return Status::from_errno(EINVAL);
    const std::uint64_t factor =
        suffix_factor(std::string_view(rest, static_cast<std::size_t>(end - rest)));
    std::uint64_t bytes = 0;
    if (factor == 0 || __builtin_mul_overflow(number, factor, &bytes)) {
        return Status::from_errno(EINVAL);
    }
    return bytes;
}

std::string format_bytes(std::uint64_t bytes) {
    if (bytes < 1024) return std::to_string(bytes) + " B";
    auto value = static_cast<double>(bytes) / 1024;
    std::size_t power = 0;
    // 1023.5 would be printed as 1024.
    for (; value >= 1023.5 && power + 1 < kPrefixes.size(); ++power)
        value /= 1024;
    return short_number(value) + " " + kPrefixes[power] + "iB";
}

std::string format_rate(std::uint64_t bytes, double seconds) {
    if (!(seconds > 0)) return "- B/s";
    const double rate = static_cast<double>(bytes) / seconds;
    constexpr double kTooLarge = 18e18;  // near 2^64: a clock that hardly moved
    return (rate < kTooLarge ? format_bytes(static_cast<std::uint64_t>(rate)) : "- B") + "/s";
}

std::string format_duration(double seconds) {
    if (!(seconds >= 0)) return "-";
    if (seconds == 0) return "0 s";
    if (seconds < 1e-6) return short_number(seconds * 1e9) + " ns";
    if (seconds < 1e-3) return short_number(seconds * 1e6) + " us";
    if (seconds < 1) return short_number(seconds * 1e3) + " ms";
    if (seconds < 60) return short_number(seconds) + " s";
    const auto whole = static_cast<long long>(std::min(seconds, 1e15));
    if (whole < 3600) return two_parts(whole / 60, "min", whole % 60, "s");
    if (whole < 86400) return two_parts(whole / 3600, "h", whole % 3600 / 60, "min");
    return std::to_string(whole / 86400) + " d " + std::to_string(whole % 86400 / 3600) + " h";
}

}  // namespace orfa
