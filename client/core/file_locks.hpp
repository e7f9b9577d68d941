// SPDX-License-Identifier: MIT
// An open file's byte-range locks and counters: what its home server keeps for this handle.
#pragma once

#include "common/mutex.hpp"
#include "common/status.hpp"
#include "protocol/lock_messages.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace orfa::client {

class File;

using CounterId = std::array<std::uint64_t, 2>;

// Thread-safe. See orfa.h for what the calls do and how they fail; failures write error_text.hpp's
// text.
class FileLocks {
  public:
    explicit FileLocks(const File& file) : file_(file) {}

    // Waits for its turn: for ever (timeout_ms < 0), not at all (0: EAGAIN), or so long
    // (ETIMEDOUT).
    Status lock(const protocol::Extent& range, protocol::LockMode mode, int timeout_ms);
    // ENOLCK: this handle holds no lock of this range, or has lost it with the connection.
    Status unlock(const protocol::Extent& range);
    // Gives back whatever is still locked. The first error; what is lost already is none.
    Status unlock_all();

    // The counter's value before.
    Result<std::int64_t> counter(const CounterId& id, protocol::CounterAction action,
                                 std::int64_t value);

  private:
    struct Held {
        protocol::Extent range;
        std::uint64_t id;  // at the server
        bool granted;      // false: somebody is waiting for it
    };
    class Ask;

    Status ask_until_granted(const protocol::LockRequest& request, int timeout_ms);
    Status give_up(std::uint64_t id, int timeout_ms);
    Status release(std::uint64_t id);
    void settle(std::uint64_t id, bool granted);
    Status failed(Status status, const char* what) const;

    const File& file_;
    Mutex mutex_;                                     // protects held_
    std::vector<Held> held_ ORFA_GUARDED_BY(mutex_);  // in the order they were asked for
};

}  // namespace orfa::client
