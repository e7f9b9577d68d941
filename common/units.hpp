// SPDX-License-Identifier: MIT
// Sizes, rates and times as people write and read them.
#pragma once

#include "common/status.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace orfa {

// "4096", "64K", "64KiB", "2G" -> bytes. K, M, G, T, P and E (either case, with or without "iB")
// are powers of 1024; KB, MB, ... are powers of 1000; "B" alone is bytes. EINVAL: anything else, a
// sign, blanks or a fraction among it, and what does not fit in 64 bits.
Result<std::uint64_t> parse_size(std::string_view text);

// "512 B", "1.5 KiB", "2 GiB": three or four digits.
std::string format_bytes(std::uint64_t bytes);
// "1.2 GiB/s"; "- B/s" when no time has passed.
std::string format_rate(std::uint64_t bytes, double seconds);
// "950 ns", "12.3 us", "4.56 ms", "7.8 s", "2 min 05 s", "3 h 10 min", "4 d 2 h".
std::string format_duration(double seconds);

}  // namespace orfa
