// SPDX-License-Identifier: MIT
// Where the time of data requests goes at a server: of one in kOneIn, so that the others pay for a
// counter and not for the clock.
#pragma once

#include "server/clock.hpp"

#include <cstdint>

namespace orfa::server {

// Sums over a shard's timed requests.
struct TimedRequests {
    std::uint64_t count = 0;
    std::int64_t ns = 0;         // from the arrival to the reply
    std::int64_t moving_ns = 0;  // of it, moving bytes from and to clients, and waiting for that
    std::int64_t store_ns = 0;   // of it, in the store
};

// A request's own.
struct RequestTimes {
    static constexpr std::uint64_t kOneIn = 32;

    std::int64_t arrived = 0;  // 0: not timed
    std::int64_t moving = 0;
    std::int64_t store = 0;

    // The request has been answered.
    void end(TimedRequests& sums) const {
        if (arrived == 0) return;
        ++sums.count;
        sums.ns += monotonic_ns() - arrived;
        sums.moving_ns += moving;
        sums.store_ns += store;
    }
};

// Adds the time of a block to `part` of a timed request; both outlive it.
class TimedBlock {
  public:
    TimedBlock(const RequestTimes& times, std::int64_t& part)
        : part_(part), start_(times.arrived != 0 ? monotonic_ns() : 0) {}
    ~TimedBlock() {
        if (start_ != 0) part_ += monotonic_ns() - start_;
    }
    TimedBlock(const TimedBlock&) = delete;
    TimedBlock& operator=(const TimedBlock&) = delete;

  private:
    std::int64_t& part_;
    const std::int64_t start_;
};

}  // namespace orfa::server
