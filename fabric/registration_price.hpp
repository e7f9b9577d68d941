// SPDX-License-Identifier: MIT
// What registering memory costs on networks that this machine does not have, for trying the whole
// stack, and its benchmarks, at those prices.
#pragma once

#include "common/status.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace orfa::fabric {

struct RegistrationPrice {
    std::uint64_t page_ns = 0;             // for each page of 4 KiB that is registered
    std::uint64_t deregister_ns = 0;       // for each registration that is given up
    std::uint64_t deregister_page_ns = 0;  // and for each of its pages

    [[nodiscard]] std::uint64_t registering_ns(std::size_t bytes) const {
        return page_ns * ((bytes + 4095) / 4096);
    }
    [[nodiscard]] std::uint64_t deregistering_ns(std::size_t bytes) const {
        return deregister_ns + deregister_page_ns * ((bytes + 4095) / 4096);
    }
};

// "gm2004", "verbs", or "PAGE_NS:DEREGISTER_NS" with ":DEREGISTER_PAGE_NS" if that is wanted.
// EINVAL. The named prices:
//   gm2004  3 us a page, 200 us a deregistration: chosen to fit what RR-2004-24 says of GM on
//           Myrinet (registering is dearer than copying up to some 64 KiB, and deregistering dearer
//           by far, up to milliseconds), not read off its curves.
//   verbs   300 ns a page: 256 GB in 20 s (ofiwg/libfabric issue 4738); 500 GB took 49 s, and 12 s
//           to deregister, 96 ns a page (kvcache-ai/Mooncake pull request 855, without its threads;
//           46 and 12 s in pull request 1238). The 20 us of each deregistration are an assumption,
//           one command to the card: nobody seems to have published a small region's.
Result<RegistrationPrice> parse_price(const std::string& text);

// CLOCK_MONOTONIC; and being busy until then, as a driver would be.
std::uint64_t monotonic_ns();
void spend_until(std::uint64_t end_ns);

}  // namespace orfa::fabric
