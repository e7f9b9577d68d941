// SPDX-License-Identifier: MIT
// Where a server keeps its namespace: an ordered map of byte strings. Implementations: MemoryKv,
// RocksKv.
#pragma once

#include "common/status.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace orfa::server {

// Changes that are made together or not at all. Keeps its memory when cleared, so that a reused
// batch allocates nothing.
class KvBatch {
  public:
    // Both are copied. A later change of the same key wins.
    void put(std::string_view key, std::string_view value) { add(key, value, false); }
    // Nothing happens when the key is not there.
    void erase(std::string_view key) { add(key, {}, true); }
    void clear() {
        bytes_.clear();
        changes_.clear();
    }
    [[nodiscard]] bool empty() const { return changes_.empty(); }

    // Calls visit(key, value, erase) for each change, in order.
    template <typename Visit>
    void for_each(Visit visit) const {
        const std::string_view all = bytes_;
        for (const Change& change : changes_)
            visit(all.substr(change.at, change.key),
                  all.substr(change.at + change.key, change.value), change.erase);
    }

  private:
    struct Change {
        std::size_t at, key, value;  // position and lengths in bytes_
        bool erase;
    };
    void add(std::string_view key, std::string_view value, bool erase) {
        changes_.push_back({bytes_.size(), key.size(), value.size(), erase});
        bytes_.append(key).append(value);
    }

    std::string bytes_;
    std::vector<Change> changes_;
};

// Keys are ordered as unsigned bytes, a prefix before what it begins. Used from one thread at a
// time.
class KvStore {
  public:
    // A key and its value, valid until the return. False ends the scan.
    using Visitor = std::function<bool(std::string_view key, std::string_view value)>;

    KvStore() = default;
    KvStore(const KvStore&) = delete;
    KvStore& operator=(const KvStore&) = delete;
    virtual ~KvStore() = default;

    // Replaces `value` by the key's. ENOENT; EIO.
    virtual Status get(std::string_view key, std::string& value) = 0;
    // All of the batch or, on failure, nothing of it. When it returns, the changes survive what the
    // implementation promises to survive. ENOSPC, EIO.
    virtual Status write(const KvBatch& batch) = 0;
    // Visits all keys in [first, end) in order. The visitor must not change the store. EIO.
    virtual Status scan(std::string_view first, std::string_view end, const Visitor& visit) = 0;
};

}  // namespace orfa::server
