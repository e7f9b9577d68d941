// SPDX-License-Identifier: MIT
#include "collective/domains.hpp"

#include <algorithm>

namespace orfa::collective {
namespace {

std::uint32_t even_share(std::uint32_t most, std::uint32_t stripe_count) {
    if (most >= stripe_count) return most / stripe_count * stripe_count;
    std::uint32_t count = most;
    while (stripe_count % count != 0)
        --count;
    return count;
}

}  // namespace

Domains make_domains(const Limits& limits) {
    Domains domains;
    const std::uint32_t most = std::min(limits.aggregators, limits.ranks);
    domains.aggregators = even_share(std::max(most, 1U), std::max(limits.stripe_count, 1U));
    domains.unit = std::min(limits.stripe_size, limits.buffer_size) / kSmallestUnit * kSmallestUnit;
    domains.unit = std::max(domains.unit, kSmallestUnit);
    domains.rows = std::max<std::uint64_t>(limits.buffer_size / domains.unit, 1);
    return domains;
}

Domains within(Domains domains, std::uint64_t buffer_bytes) {
    domains.rows = std::clamp<std::uint64_t>(buffer_bytes / domains.unit, 1, domains.rows);
    return domains;
}

std::uint64_t buffer_for(const Domains& domains, std::uint64_t hull) {
    // A hull that begins anywhere meets one row more than it fills.
    const std::uint64_t rows = hull / (domains.unit * domains.aggregators) + 2;
    return std::min(rows + rows / 8, domains.rows) * domains.unit;
}

}  // namespace orfa::collective
