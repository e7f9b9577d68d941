// SPDX-License-Identifier: MIT
// Counters of files that live as long as somebody has a use for them.
#pragma once

#include "common/status.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>

namespace orfa::server {

// Not thread-safe: belongs to the shard's thread.
class CounterTable {
  public:
    using Owner = const void*;                  // whoever uses counters; only its address counts
    using Name = std::array<std::uint64_t, 3>;  // inode, and an id of the users' choosing

    // Counters that one owner may have in use.
    static constexpr std::size_t kMostPerOwner = 1024;

    // These three return the value before. add() and set() make the owner a user, and the counter
    // (from 0) if need be; ENOLCK: the owner has too many; EOVERFLOW: the sum is no int64_t.
    Result<std::int64_t> add(Owner owner, const Name& name, std::int64_t delta);
    Result<std::int64_t> set(Owner owner, const Name& name, std::int64_t value);
    [[nodiscard]] std::int64_t get(const Name& name) const;  // 0: it is not there
    // The owner is no user any more; the last one's counter goes.
    void drop(Owner owner, const Name& name);
    void drop_all(Owner owner);

    [[nodiscard]] std::size_t size() const { return counters_.size(); }

  private:
    struct Counter {
        std::int64_t value = 0;
        std::size_t users = 0;
    };
    using Counters = std::map<Name, Counter>;

    Result<Counter*> use(Owner owner, const Name& name);
    void leave(const Name& name);

    Counters counters_;
    std::unordered_map<Owner, std::set<Name>> owners_;
};

}  // namespace orfa::server
