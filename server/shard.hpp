// SPDX-License-Identifier: MIT
// A server's endpoints, the clients that came in through them, and their requests from arrival to
// reply: all of one thread (see loop.hpp). Nothing on that way takes a lock or blocks.
#pragma once

#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/fabric.hpp"
#include "server/request.hpp"
#include "server/service.hpp"

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace orfa::server {

struct ShardCounters {
    std::uint64_t requests = 0;
    std::uint64_t request_bytes =
        0;  // of them and of what they had in memory, without file data there
    std::uint64_t failed_requests = 0;  // answered with an error
    std::uint64_t bytes_read = 0;       // file bytes given to clients
    std::uint64_t bytes_written = 0;    // file bytes taken from clients
    std::uint64_t bytes_copied = 0;  // by processors between programs and store, client's included
    std::uint64_t rma_operations = 0;  // vectored transfers asked of the transports
    std::uint64_t data_requests = 0;   // reads and writes
    TimedRequests timed;               // of the latter
};

// All methods belong to the loop's thread, but for post().
class Shard {
  public:
    Shard(Core& core, const OpTable& ops);
    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    // Before it is served: where an endpoint to be owned sends its events, and the endpoint itself.
    fabric::EndpointEvents& new_port();
    void set_endpoint(std::unique_ptr<fabric::Endpoint> endpoint);  // of the last new_port()
    // Before it is served: memory that data are moved from and to, see Endpoint.
    void announce_pool(std::span<std::byte> memory, std::size_t piece);
    // Memory that clients of this host and user may map, see Endpoint; who uses which part of it,
    // and what they did there.
    void expose(int fd, std::size_t bytes);
    void exposed_parts_in_use(std::vector<std::uint64_t>& out) const;
    [[nodiscard]] fabric::ExposedFigures exposed_figures() const;

    // What a loop does with a shard. poll(): moves everything along that can go on; the number of
    // events. run_timers(): ms until the next one is due. set_busy(): see Endpoint. arm(): before
    // blocking on wake_fd() and wait_fds(); false when there is something to do already. disarm():
    // after arm(), whatever it said.
    std::size_t poll();
    int run_timers();
    void set_busy(bool busy);
    bool arm();
    void disarm();
    [[nodiscard]] int wake_fd() const { return wake_.get(); }
    [[nodiscard]] std::vector<int> wait_fds() const;
    // Ends what waits for others without limit; then is_idle() tells whether nothing is under way.
    void begin_stop();
    [[nodiscard]] bool is_idle() const;

    // Runs `work` on the shard's thread, soon. From any thread.
    void post(std::function<void()> work);
    // Something that runs elsewhere will post() its end: the shard is not idle before it has
    // arrived, as with requests under way.
    void expect() { ++expected_; }
    void arrived() { --expected_; }
    // Runs `work` once, in about `delay_ms`. From the loop's thread.
    void after(int delay_ms, std::function<void()> work);
    // Runs `work` about every `interval_ms`. Before it is served.
    void every(int interval_ms, std::function<void()> work);

    // co_await shard.turn(): lets other requests go first.
    struct Turn {
        Shard& shard;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) { shard.turns_.push_back(waiting); }
        void await_resume() const noexcept {}
    };
    Turn turn() { return {*this}; }
    // The end of another wait: goes on soon, in its turn.
    void resume_in_turn(std::coroutine_handle<> waiting) { turns_.push_back(waiting); }

    [[nodiscard]] std::size_t session_count() const { return sessions_; }
    [[nodiscard]] std::int64_t started_ns() const { return started_ns_; }         // CLOCK_MONOTONIC
    [[nodiscard]] const char* transports() const { return transports_.c_str(); }  // "local,ofi"
    ShardCounters counters;

    // Ends a connection whose peer broke the protocol.
    void reject(Session& session, const char* why);

  private:
    class Port;  // one endpoint and its sessions
    struct Timer {
        int interval_ms;  // 0: once
        std::int64_t next_ms;
        std::function<void()> work;
    };

    void on_message(Session& session, std::span<const std::byte> message);
    Detached serve(Request* request, const OpEntry* entry);
    void reply(Request& request, Status status);
    Request* take_request(const fabric::Endpoint& endpoint);
    void give_back(Request* request);
    void end_session(Session& session);
    void destroy_if_idle(Session& session);
    std::size_t run_turns();
    std::size_t run_posted();

    Core& core_;
    const OpTable& ops_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::size_t sessions_ = 0;
    std::vector<std::unique_ptr<Request>> requests_;
    std::vector<Request*> free_requests_;
    std::size_t expected_ = 0;  // calls of expect() without their arrived()
    std::deque<std::coroutine_handle<>> turns_;
    std::list<Timer> timers_;
    std::int64_t started_ns_ = 0;
    std::string transports_;
    UniqueFd wake_;
    std::mutex posted_mutex_;  // protects posted_
    std::vector<std::function<void()>> posted_;
    std::atomic<bool> has_posted_{false};
};

}  // namespace orfa::server
