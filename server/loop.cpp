// SPDX-License-Identifier: MIT
#include "server/loop.hpp"

#include "server/clock.hpp"
#include "server/shard.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace orfa::server {
namespace {

// How long an idle thread only yields before it blocks (docs/decisions.md).
constexpr std::int64_t kLongestYieldingNs = 50'000;
constexpr unsigned kRoundsPerClock = 1024;
// Passes over busy shards to one over all: asking libfabric costs some system calls a shard.
constexpr unsigned kPassesPerFullPass = 4;
constexpr int kLongestBlockMs = 1000;
constexpr int kLongestBlockAtEndMs = 10;
constexpr int kStopMs = 2000;  // what requests under way get at the end

}  // namespace

Loop::Loop(unsigned copiers)
    : crew_(copiers),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    watch(wake_.get(), EPOLLIN | EPOLLET);
    watch(crew_.wait_fd(), EPOLLIN | EPOLLET);
}

void Loop::watch(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Loop::add(Shard& shard) {
    shards_.push_back({&shard, true});
    // Edges do for a descriptor that is only ever written to.
    watch(shard.wake_fd(), EPOLLIN | EPOLLET);
    for (const int fd : shard.wait_fds())
        watch(fd, EPOLLIN);
}

void Loop::run() {
    std::int64_t idle_since_ns = 0;  // 0: busy
    unsigned rounds = 0;
    while (true) {
        if (++rounds % kRoundsPerClock == 0) run_timers();
        if (stopping_.load(std::memory_order_relaxed) && has_ended()) break;
        if ((rounds % BusyMeter::kEvery == 0 ? measured_poll() : poll()) > 0) {
            idle_since_ns = 0;
            continue;
        }
        const std::int64_t now = monotonic_ns();
        if (idle_since_ns == 0) idle_since_ns = now;
        if (now < idle_since_ns + kLongestYieldingNs)
            sched_yield();
        else
            block(stop_by_ms_ == 0 ? run_timers() : kLongestBlockAtEndMs);
    }
    // Copies end by themselves, and before the memory they go to does.
    crew_.finish();
}

void Loop::stop() {
    stopping_.store(true, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

bool Loop::has_ended() {
    if (stop_by_ms_ == 0) {
        stop_by_ms_ = monotonic_ms() + kStopMs;
        for (const Entry& entry : shards_)
            entry.shard->begin_stop();
    }
    return monotonic_ms() >= stop_by_ms_ ||
           std::all_of(shards_.begin(), shards_.end(),
                       [](const Entry& entry) { return entry.shard->is_idle(); });
}

std::size_t Loop::poll() {
    const bool all = ++passes_ % kPassesPerFullPass == 0;
    std::size_t events = poll_shards(all);
    if (events == 0 && !all) events = poll_shards(true);
    // Copies only once all messages are in: the helpers then see how many there are.
    if (crew_.work()) ++events;
    return events + crew_.reap();
}

// Clients on this processor make way for a thread that is busy.
std::size_t Loop::measured_poll() {
    const std::int64_t begin = monotonic_ns();
    const std::size_t events = poll();
    if (meter_.add(events > 0, begin, monotonic_ns()))
        for (const Entry& entry : shards_)
            entry.shard->set_busy(meter_.is_busy());
    return events;
}

std::size_t Loop::poll_shards(bool all) {
    std::size_t events = 0;
    for (Entry& entry : shards_) {
        if (!all && !entry.busy) continue;
        const std::size_t of_shard = entry.shard->poll();
        entry.busy = of_shard > 0;
        events += of_shard;
    }
    return events;
}

int Loop::run_timers() {
    int soonest = kLongestBlockMs;
    for (const Entry& entry : shards_)
        soonest = std::min(soonest, entry.shard->run_timers());
    return soonest;
}

// Until something happens or the time is over.
void Loop::block(int timeout_ms) {
    bool quiet = crew_.arm();
    for (const Entry& entry : shards_)
        quiet = quiet && entry.shard->arm();
    std::array<epoll_event, 16> events{};
    if (quiet) epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    for (const Entry& entry : shards_)
        entry.shard->disarm();
    crew_.disarm();
}

}  // namespace orfa::server
