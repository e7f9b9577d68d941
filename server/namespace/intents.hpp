// SPDX-License-Identifier: MIT
// What an operation of several servers is about to do, written down before its first step.
//
// The rule: the server of the (source) directory drives; it writes the intent, does the steps in
// order, and erases the intent in the same atomic write as its own last step. Every step may be
// repeated: it is either idempotent by nature (inode numbers are chosen by the driver and never
// used again) or marked at its server as done (PeerStep). So after a crash or a lost answer the
// steps are simply done again from the beginning, until they succeed, or until one is refused for a
// reason of its own (not empty, no space), which cancels the operation. Until then the name is
// "doubtful": it may be looked up, but not changed (EBUSY).
//
//   kMakeDirectory    1 make the inode at its home    2* insert the entry
//                     (inode first: a name must never lead nowhere)
//   kRemoveDirectory  1 remove the inode, if empty    2* erase the entry
//                     (the home alone can say, atomically, that it is empty)
//   kUnlink           0* erase the entry, with writing the intent    1 lower the link count
//                     (entry first: a link count too high only delays the deletion)
//   kLink             1 raise the link count          2* insert the entry
//                     (count first, for the same reason)
//   kRename           1 seal a directory that is to be replaced   2 insert at the target
//                     3* erase the source, note that the rest is due
//                     4 drop what was replaced; tell a directory its new parent
//                     (target first: the inode has a name at every moment)
// (*: in one atomic write at the driver.)
#pragma once

#include "common/status.hpp"
#include "protocol/messages.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace orfa::server {

enum class IntentKind : std::uint32_t {
    kMakeDirectory = 1,
    kRemoveDirectory = 2,
    kUnlink = 3,
    kLink = 4,
    kRename = 5,
};

struct IntentFields {
    IntentKind kind;
    std::uint32_t type;       // of `ino`: S_IF...
    std::uint64_t directory;  // where `name` is (kUnlink: was)
    std::uint64_t ino;        // what the name stands for
    // kMakeDirectory: the new inode
    std::uint32_t mode, uid, gid;
    std::uint32_t moved;  // kRename: 1: step 3 was done
    protocol::Layout layout;
    // kRename
    std::uint64_t to_directory;
    std::uint64_t replaces;       // inode; 0: nothing
    std::uint32_t replaces_type;  // S_IF...
    std::uint32_t reserved;
};
static_assert(protocol::Wire<IntentFields> && sizeof(IntentFields) == 80);

struct Intent {
    IntentFields fields{};
    std::string name;
    std::string to_name;  // kRename

    [[nodiscard]] std::string encode() const;
    // EIO: damaged.
    static Result<Intent> decode(std::string_view bytes);
};

// The intents of this server that have not ended. Used from the shard's thread only.
class Intents {
  public:
    struct State {
        Intent intent;
        bool running = true;  // a coroutine is doing its steps
    };

    void add(std::uint64_t number, Intent intent, bool running) {
        open_.emplace(number, State{std::move(intent), running});
    }
    void remove(std::uint64_t number) { open_.erase(number); }
    State* find(std::uint64_t number) {
        const auto found = open_.find(number);
        return found == open_.end() ? nullptr : &found->second;
    }
    // The oldest one that nobody is working at, with a number of at least `from`; 0: none.
    [[nodiscard]] std::uint64_t next_idle(std::uint64_t from) const;
    // Operations below this number have ended. `next`: the number the next one will have.
    [[nodiscard]] std::uint64_t settled_below(std::uint64_t next) const {
        return open_.empty() ? next : open_.begin()->first;
    }
    [[nodiscard]] std::size_t count() const { return open_.size(); }

  private:
    std::map<std::uint64_t, State> open_;
};

}  // namespace orfa::server
