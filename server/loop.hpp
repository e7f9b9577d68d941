// SPDX-License-Identifier: MIT
// The thread of one shard or several: it looks at them in turn, yields for a while when none has
// anything to do, then blocks until something happens.
#pragma once

#include "common/unique_fd.hpp"
#include "fabric/copy_crew.hpp"
#include "server/busy_meter.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace orfa::server {

class Shard;

// All methods belong to the thread that calls run(), but for stop().
class Loop {
  public:
    // `copiers`: threads that help it to copy (see fabric::CopyCrew).
    explicit Loop(unsigned copiers);
    ~Loop() = default;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // For the endpoints of its shards.
    [[nodiscard]] fabric::CopyCrew& crew() { return crew_; }
    // Before run(), once the shard has its endpoints. It must outlive the loop's run().
    void add(Shard& shard);
    // Serves until stop(). Requests under way are then given a moment to end, while all shards
    // still answer: they may wait for each other.
    void run();
    // Ends run(). Async-signal-safe, from any thread.
    void stop();

  private:
    std::size_t poll();
    std::size_t measured_poll();
    std::size_t poll_shards(bool all);
    int run_timers();  // returns ms until the next one
    void block(int timeout_ms);
    [[nodiscard]] bool has_ended();
    void watch(int fd, std::uint32_t events);

    struct Entry {
        Shard* shard;
        bool busy;  // had something to do when it was last polled
    };

    fabric::CopyCrew crew_;
    std::vector<Entry> shards_;
    unsigned passes_ = 0;
    BusyMeter meter_;
    UniqueFd epoll_;               // of all that may wake the thread
    UniqueFd wake_;                // by stop()
    std::int64_t stop_by_ms_ = 0;  // 0: not stopping
    std::atomic<bool> stopping_{false};
};

}  // namespace orfa::server
