// SPDX-License-Identifier: MIT
#include "fabric/registration_price.hpp"

#include <cerrno>
#include <charconv>
#include <ctime>
#include <iterator>
#include <string_view>

namespace orfa::fabric {
namespace {

struct Named {
    std::string_view name;
    RegistrationPrice price;
};
constexpr Named kPrices[] = {{"gm2004", {3000, 200'000, 0}}, {"verbs", {300, 20'000, 96}}};

bool parse_number(std::string_view text, std::uint64_t& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size() && into <= 1'000'000'000;
}

}  // namespace

Result<RegistrationPrice> parse_price(const std::string& text) {
    for (const Named& named : kPrices)
        if (text == named.name) return named.price;
    RegistrationPrice price;
    std::uint64_t* const numbers[] = {&price.page_ns, &price.deregister_ns,
                                      &price.deregister_page_ns};
    std::size_t found = 0;
    for (std::string_view rest = text; found < std::size(numbers); ++found) {
        const auto colon = rest.find(':');
        if (!parse_number(rest.substr(0, colon), *numbers[found]))
            return Status::from_errno(EINVAL);
        if (colon == std::string_view::npos) break;
        rest.remove_prefix(colon + 1);
    }
    // At least two numbers, and no colon behind the third.
    if (found == 0 || found == std::size(numbers)) return Status::from_errno(EINVAL);
    return price;
}

std::uint64_t monotonic_ns() {
    timespec t{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_nsec);
}

void spend_until(std::uint64_t end_ns) {
    while (monotonic_ns() < end_ns) {
    }
}

}  // namespace orfa::fabric
