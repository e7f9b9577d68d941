// SPDX-License-Identifier: MIT
// Requests that are parts of one collective access. They are gathered until all participants have
// come, then served side by side in ascending order of the object's offsets, region by region, so
// that the store sees one sequential access however the participants' pieces interleave:
// disk-directed I/O (Kotz, OSDI 1994).
//
// Nobody waits for ever: whoever is missing kWindowMs after the first has come is no longer waited
// for, and is served when it comes.
#pragma once

#include "protocol/io_messages.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>

namespace orfa::server {

class Shard;

// Belongs to the shard's thread.
class Gatherings {
    struct Gathering;

  public:
    static constexpr int kWindowMs = 200;
    // What all participants go through together before any goes on.
    static constexpr std::uint64_t kRegionBytes = 8 << 20;
    // Turns given out at once: transfers over a network overlap.
    static constexpr std::size_t kAtOnce = 8;

    explicit Gatherings(Shard& shard) : shard_(shard) {}
    ~Gatherings();
    Gatherings(const Gatherings&) = delete;
    Gatherings& operator=(const Gatherings&) = delete;

    // A request's place in a gathering, for as long as the request lasts; or none.
    class Seat {
      public:
        Seat() = default;
        Seat(Seat&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)),
              gathering_(std::exchange(other.gathering_, nullptr)),
              has_turn_(std::exchange(other.has_turn_, false)) {}
        Seat& operator=(Seat&&) = delete;
        ~Seat();
        explicit operator bool() const { return gathering_ != nullptr; }

        // co_await seat.turn(offset): until it is the turn of an access at `offset` of the object.
        // Gives the offset up to which the seat may go on; then, another turn must be asked for.
        struct Turn {
            Seat& seat;
            std::uint64_t offset;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> waiting);
            std::uint64_t await_resume() const;
        };
        Turn turn(std::uint64_t offset) { return {*this, offset}; }

      private:
        friend class Gatherings;
        Seat(Gatherings* owner, Gathering* gathering) : owner_(owner), gathering_(gathering) {}
        Gatherings* owner_ = nullptr;
        Gathering* gathering_ = nullptr;
        bool has_turn_ = false;
    };

    // Takes a seat for a participant in the access `together` to object `ino`; one that has nothing
    // to do there gives it up at once.
    Seat arrive(std::uint64_t ino, const protocol::Together& together);
    // Called about once a second: forgets those whose missing participants will hardly come.
    void tick();
    // The server stops: nobody is waited for any more.
    void stop();

  private:
    using Key = std::pair<std::uint64_t, std::uint64_t>;  // ino, id

    struct Gathering {
        Key key;
        std::uint32_t expected = 0;
        std::uint32_t arrived = 0;
        std::size_t seats = 0;
        std::size_t turns = 0;     // under way
        bool open = true;          // participants are waited for
        std::int64_t born_ms = 0;  // CLOCK_MONOTONIC
        std::uint64_t limit = 0;   // end of the region under way
        std::multimap<std::uint64_t, std::pair<Seat*, std::coroutine_handle<>>> waiting;
    };

    void close(Gathering& gathering);
    void give_turns(Gathering& gathering);
    void leave(Gathering& gathering, bool has_turn);
    void end_windows();
    [[nodiscard]] static bool is_over(const Gathering& gathering);

    Shard& shard_;
    std::map<Key, std::unique_ptr<Gathering>> gatherings_;
    // When each window ends, in order; one timer of the shard is for the first of them.
    std::deque<std::pair<std::int64_t, Key>> windows_;
    bool stopping_ = false;
};

}  // namespace orfa::server
