// SPDX-License-Identifier: MIT
// Which byte ranges of which files are locked, and who waits for which: a queue per file.
//
// A lock waits for the earlier places of its file's queue that conflict with it, granted or not,
// and for nothing else. So nobody is overtaken by a conflicting lock that came later, locks that
// don't conflict never wait for each other, and, since a lock waits only for earlier ones, waiting
// can't go round in a circle within the table.
#pragma once

#include "common/status.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

namespace orfa::server {

struct LockRange {
    std::uint64_t first;  // bytes
    std::uint64_t last;   // the last byte that belongs to it
    bool exclusive;
    friend bool operator==(const LockRange&, const LockRange&) = default;
};

constexpr bool conflict(const LockRange& a, const LockRange& b) {
    return a.first <= b.last && b.first <= a.last && (a.exclusive || b.exclusive);
}

// Not thread-safe: belongs to the shard's thread.
class LockTable {
  public:
    using Owner = const void*;  // whoever has locks; only its address counts
    struct Name {
        Owner owner;
        std::uint64_t id;  // the owner's own
        friend bool operator==(const Name&, const Name&) = default;
    };
    enum class State : std::uint8_t { kAbsent, kWaiting, kGranted };

    // Locks of one owner, waiting ones too.
    static constexpr std::size_t kMostPerOwner = 4096;

    // Puts a lock at the end of the file's queue. kGranted or kWaiting. ENOLCK: the owner has too
    // many. The name must be new.
    Result<State> add(const Name& name, std::uint64_t ino, const LockRange& range);
    [[nodiscard]] State state(const Name& name) const;
    // Whether the lock of this name is of that file and range.
    [[nodiscard]] bool is(const Name& name, std::uint64_t ino, const LockRange& range) const;
    // Whether add() would grant it.
    [[nodiscard]] bool is_free(std::uint64_t ino, const LockRange& range) const;
    // Takes a lock or its place away; the names of those that got theirs by that are appended to
    // `granted`. False: no such lock.
    bool remove(const Name& name, std::vector<Name>& granted);
    // Likewise all of an owner; none of its own is among `granted`.
    void remove_all(Owner owner, std::vector<Name>& granted);

    [[nodiscard]] std::size_t size() const { return size_; }  // waiting ones too
    [[nodiscard]] std::size_t waiting() const { return waiting_; }

  private:
    struct Entry {
        Name name;
        LockRange range;
        std::size_t blockers;  // earlier entries of the queue that conflict; 0: granted
    };
    using Queue = std::list<Entry>;
    struct Place {
        std::uint64_t ino;
        Queue::iterator entry;
    };
    using Places = std::unordered_map<std::uint64_t, Place>;  // by id

    [[nodiscard]] const Place* find(const Name& name) const;
    void take_out(const Place& place, std::vector<Name>& granted);

    std::unordered_map<std::uint64_t, Queue> queues_;  // by inode
    std::unordered_map<Owner, Places> owners_;
    std::size_t size_ = 0;
    std::size_t waiting_ = 0;
};

}  // namespace orfa::server
