// SPDX-License-Identifier: MIT
// One rank's access, cut into what goes to each aggregator in each round.
#pragma once

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

// A rank's access read from its beginning to its end, in ascending order of the file. Pieces are
// dealt out a run at a time: what a regular access costs here goes with its stripes.
class Source {
  public:
    static constexpr std::uint64_t kEnd = ~std::uint64_t{0};

    // Gives the next run of pieces; count 0 at the end. The file's and the memory's runs hold the
    // same number of bytes in all. errno.
    using Next = std::function<Status(Run&)>;

    Source(Next next_in_file, Next next_in_memory)
        : next_in_file_(std::move(next_in_file)), next_in_memory_(std::move(next_in_memory)) {}

    // Makes offset() known.
    Status start();
    // The file offset of the next byte; kEnd behind the last one.
    [[nodiscard]] std::uint64_t offset() const {
        return file_.count > 0 ? file_.start + in_file_ : kEnd;
    }

    // Moves on to the window's end; adds the bytes passed over to parcels[aggregator], which hold
    // nothing yet. EINVAL: the file offsets do not ascend, or there is no memory for them.
    Status deal(const Window& window, std::span<Parcel> parcels);

  private:
    Run take(std::uint64_t room);
    Status take_memory(std::uint64_t bytes, Runs& memory);

    Next next_in_file_;
    Next next_in_memory_;
    Run file_{};  // what is left of the current runs,
    Run memory_{};
    std::uint64_t in_file_ = 0;  // without so many bytes of their first pieces
    std::uint64_t in_memory_ = 0;
};

}  // namespace orfa::collective
