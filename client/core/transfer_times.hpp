// SPDX-License-Identifier: MIT
// How long blocking transfers take, and how much of it they wait for servers: of one in kOneIn, so
// that the others pay for a counter and not for the clock.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace orfa::client {

// Sums over the timed transfers of a session.
struct TimedTransfers {
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> ns{0};  // from the call to its end
    std::atomic<std::uint64_t> waiting_ns{
        0};  // of it, from the last request sent to the last reply
};

// A transfer's own: its methods are called in this order, each by one thread at a time.
class TransferTimes {
  public:
    static constexpr std::uint32_t kOneIn = 32;

    // `blocking`: the caller does nothing else meanwhile; others are never timed.
    void begin(bool blocking) {
        begun_ = blocking && ++begins_ % kOneIn == 0 ? now_ns() : 0;
        sent_ = replied_ = 0;
    }
    void sent() {
        if (begun_ != 0) sent_ = now_ns();
    }
    // For each reply, before it is looked at.
    void replied() {
        if (begun_ != 0) replied_ = now_ns();
    }
    void end(TimedTransfers& sums) const {
        if (begun_ == 0) return;
        // Replies may have come while other requests were still being sent.
        const std::int64_t waited = std::max<std::int64_t>(replied_ - sent_, 0);
        sums.count.fetch_add(1, std::memory_order_relaxed);
        sums.ns.fetch_add(static_cast<std::uint64_t>(now_ns() - begun_), std::memory_order_relaxed);
        sums.waiting_ns.fetch_add(static_cast<std::uint64_t>(waited), std::memory_order_relaxed);
    }

  private:
    static std::int64_t now_ns() {
        return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }

    std::uint32_t begins_ = 0;
    std::int64_t begun_ = 0;  // 0: not timed
    std::int64_t sent_ = 0;
    std::int64_t replied_ = 0;
};

}  // namespace orfa::client
