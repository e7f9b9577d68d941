// SPDX-License-Identifier: MIT
// Who may change which name while an operation of several steps waits for another server. Names are
// locked by (directory, name), only at the directory's own server, and only while a step is under
// way elsewhere; what one server does alone needs no lock, only that none is held.
//
// Waiting is first come, first served, and can't go round in a circle: an operation that waits for
// a name of another server holds the rename turn (rename_turn.hpp), and only one does.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace orfa::server {

// Used from the shard's thread only.
class NameLocks {
    using Id = std::pair<std::uint64_t, std::string>;

  public:
    // Holds a name until it is destroyed; those who waited run inside the destructor.
    class Guard {
      public:
        Guard() = default;
        Guard(NameLocks* locks, Id id) : locks_(locks), id_(std::move(id)) {}
        Guard(Guard&& other) noexcept
            : locks_(std::exchange(other.locks_, nullptr)), id_(std::move(other.id_)) {}
        Guard& operator=(Guard&& other) noexcept {
            std::swap(locks_, other.locks_);
            std::swap(id_, other.id_);
            return *this;
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() {
            if (locks_ != nullptr) locks_->release(id_);
        }

      private:
        NameLocks* locks_ = nullptr;
        Id id_;
    };

    // co_await take(...): waits for the name and gives a Guard.
    class Take;
    // co_await settle(...): waits while somebody holds the name. Another may have taken it by the
    // time the caller runs: while (held(...)) co_await settle(...).
    class Settle;
    Take take(std::uint64_t directory, std::string_view name);
    Settle settle(std::uint64_t directory, std::string_view name);

    [[nodiscard]] bool held(std::uint64_t directory, std::string_view name) const {
        return !held_.empty() && held_.contains(Id(directory, name));
    }
    // Whether any name in the directory is held or doubtful.
    [[nodiscard]] bool busy_in(std::uint64_t directory) const {
        return !busy_in_.empty() && busy_in_.contains(directory);
    }

    // Names whose last operation has an unknown end (a peer did not answer) and is still being
    // redone: changing them is EBUSY until then.
    void set_doubtful(std::uint64_t directory, std::string_view name) {
        if (doubtful_.emplace(directory, name).second) ++busy_in_[directory];
    }
    void clear_doubtful(std::uint64_t directory, std::string_view name) {
        if (doubtful_.erase(Id(directory, name)) != 0) leave(directory);
    }
    [[nodiscard]] bool doubtful(std::uint64_t directory, std::string_view name) const {
        return !doubtful_.empty() && doubtful_.contains(Id(directory, name));
    }

  private:
    struct Waiter {
        std::coroutine_handle<> coroutine;
        bool takes;  // Take, not Settle
    };
    struct Hash {
        std::size_t operator()(const Id& id) const {
            return std::hash<std::string>()(id.second) ^
                   static_cast<std::size_t>(id.first * 0x9e3779b97f4a7c15ULL);
        }
    };

    void hold(const Id& id);
    void leave(std::uint64_t directory);
    void wait(const Id& id, std::coroutine_handle<> coroutine, bool takes) {
        held_[id].push_back({coroutine, takes});
    }
    void release(const Id& id);
    void run_ready();

    std::unordered_map<Id, std::deque<Waiter>, Hash> held_;  // and who waits for it
    std::unordered_set<Id, Hash> doubtful_;
    std::unordered_map<std::uint64_t, std::uint32_t> busy_in_;  // of both, names per directory
    // Resumed one after the other from the outermost release(), so that a long queue does not
    // nest.
    std::deque<std::coroutine_handle<>> ready_;
    bool running_ = false;
};

class NameLocks::Take {
  public:
    Take(NameLocks& locks, Id id) : locks_(locks), id_(std::move(id)) {}
    bool await_ready() {
        if (locks_.held(id_.first, id_.second)) return false;
        locks_.hold(id_);
        return true;
    }
    void await_suspend(std::coroutine_handle<> coroutine) { locks_.wait(id_, coroutine, true); }
    Guard await_resume() { return {&locks_, std::move(id_)}; }

  private:
    NameLocks& locks_;
    Id id_;
};

class NameLocks::Settle {
  public:
    Settle(NameLocks& locks, std::uint64_t directory, std::string_view name)
        : locks_(locks), directory_(directory), name_(name) {}
    bool await_ready() const { return !locks_.held(directory_, name_); }
    void await_suspend(std::coroutine_handle<> coroutine) {
        locks_.wait(Id(directory_, name_), coroutine, false);
    }
    void await_resume() const {}

  private:
    NameLocks& locks_;
    std::uint64_t directory_;
    std::string_view name_;  // of the caller's frame or request
};

inline NameLocks::Take NameLocks::take(std::uint64_t directory, std::string_view name) {
    return {*this, Id(directory, name)};
}
inline NameLocks::Settle NameLocks::settle(std::uint64_t directory, std::string_view name) {
    return {*this, directory, name};
}

}  // namespace orfa::server
