// SPDX-License-Identifier: MIT
// How much of its time a serving thread works.
#pragma once

#include <cstdint>

namespace orfa::server {

// Told of every kEvery'th of a thread's passes, it judges some milliseconds at a time. All times
// are of one monotonic clock, nanoseconds.
class BusyMeter {
  public:
    static constexpr unsigned kEvery = 4;
    static constexpr std::int64_t kWindowNs = 4'000'000;

    // A pass from `begin` to `end`; `worked`: there was something to do in it. True: is_busy() is
    // another than before.
    bool add(bool worked, std::int64_t begin, std::int64_t end) {
        if (worked) worked_ns_ += (end - begin) * kEvery;
        const std::int64_t window = end - window_began_;
        if (window < kWindowNs) return false;
        const bool was_busy = busy_;
        busy_ = worked_ns_ * 5 > window * 2;
        worked_ns_ = 0;
        window_began_ = end;
        return busy_ != was_busy;
    }

    // Whether the thread worked in more than two fifths of the time, when last judged. Time in
    // which it had work and no processor is not counted.
    [[nodiscard]] bool is_busy() const { return busy_; }

  private:
    std::int64_t window_began_ = 0;
    std::int64_t worked_ns_ = 0;  // estimated
    bool busy_ = false;
};

}  // namespace orfa::server
