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
    std::uint64_t page_ns = 0;        // for each page of 4 KiB that is registered
    std::uint64_t deregister_ns = 0;  // for each registration that is given up

    [[nodiscard]] std::uint64_t registering_ns(std::size_t bytes) const {
        return page_ns * ((bytes + 4095) / 4096);
    }
};

// "gm2004", "verbs", or "PAGE_NS:DEREGISTER_NS". EINVAL. The named prices:
//   gm2004  3 us a page, 200 us a deregistration: GM on Myrinet at the time of the ORFA reports
//           (RR-2004-24: registering is dearer than copying up to some 64 KiB, and deregistering
//           dearer by far).
//   verbs   300 ns a page: 256 GB in 20 s (ofiwg/libfabric issue 4738), 500 GB in 49 s
//           (kvcache-ai/Mooncake pull request 855); 20 us a deregistration, an assumption: one
//           command to the card.
Result<RegistrationPrice> parse_price(const std::string& text);

// CLOCK_MONOTONIC; and being busy until then, as a driver would be.
std::uint64_t monotonic_ns();
void spend_until(std::uint64_t end_ns);

}  // namespace orfa::fabric
