// SPDX-License-Identifier: MIT
#include "collective/outcomes.hpp"

namespace orfa::collective {

void Outcomes::add(Way way, bool in_place, bool failed) {
    stays_ <<= 1;
    stays_[0] = !in_place;
    if (failed) return doubt();
    const bool own = way == Way::kIndependent;
    if (!own && ++others_ % kForgets != 0) return;
    misses_ <<= 1;
    misses_[0] = own && !in_place;
}

}  // namespace orfa::collective
