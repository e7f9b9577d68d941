// SPDX-License-Identifier: MIT
#include "fabric/registration_price.hpp"

#include <cerrno>
#include <charconv>
#include <ctime>
#include <string_view>

namespace orfa::fabric {
namespace {

struct Named {
    std::string_view name;
    RegistrationPrice price;
};
constexpr Named kPrices[] = {{"gm2004", {3000, 200'000}}, {"verbs", {300, 20'000}}};

bool parse_number(std::string_view text, std::uint64_t& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size() && into <= 1'000'000'000;
}

}  // namespace

Result<RegistrationPrice> parse_price(const std::string& text) {
    for (const Named& named : kPrices)
        if (text == named.name) return named.price;
    const std::string_view view = text;
    const auto colon = view.find(':');
    RegistrationPrice price;
    if (colon == std::string_view::npos || !parse_number(view.substr(0, colon), price.page_ns) ||
        !parse_number(view.substr(colon + 1), price.deregister_ns))
        return Status::from_errno(EINVAL);
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
