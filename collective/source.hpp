// SPDX-License-Identifier: MIT
// One rank's access, cut into what goes to each aggregator in each round.
#pragma once

#include "client/orfa.h"
#include "collective/domains.hpp"
#include "collective/runs.hpp"
#include "common/status.hpp"

#include <functional>
#include <span>

namespace orfa::collective {

// What one rank gives to, or wants of, one aggregator in one round: the bytes of `memory` in order
// are those at `places` of the aggregator's buffer in order.
struct Parcel {
    Runs places;
    Runs memory;

    void clear() {
        places.clear();
        memory.clear();
    }
};

// A rank's access read from its beginning to its end, in ascending order of the file.
class Source {
  public:
    static constexpr std::uint64_t kEnd = ~std::uint64_t{0};

    // Fills its argument with the next part of the access, all 0 at the end. errno.
    using Next = std::function<Status(orfa_access&)>;

    explicit Source(Next next) : next_(std::move(next)) {}

    // Makes offset() known. Whatever `next` returns.
    Status start() { return fetch(); }
    // The file offset of the next byte; kEnd behind the last one.
    [[nodiscard]] std::uint64_t offset() const { return at_; }

    // Moves on to the window's end; adds the bytes passed over to parcels[aggregator], which hold
    // nothing yet. EINVAL: the file offsets do not ascend.
    Status deal(const Window& window, std::span<Parcel> parcels);

  private:
    Status fetch();
    Status pass(std::uint64_t length);

    Next next_;
    orfa_access part_{};
    std::size_t extent_ = 0;
    std::size_t segment_ = 0;
    std::uint64_t in_extent_ = 0;  // bytes of the current ones that are done
    std::uint64_t in_segment_ = 0;
    std::uint64_t at_ = kEnd;
};

}  // namespace orfa::collective
