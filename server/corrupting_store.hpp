// SPDX-License-Identifier: MIT
// A test hook, for programs that claim to find wrong bytes: a store that turns one bit of what is
// written. Used when the environment has ORFA_TEST_CORRUPT, and by nothing else.
#pragma once

#include "server/object_store.hpp"

#include <optional>

namespace orfa::server {

class CorruptingStore final : public ObjectStore {
  public:
    // Behind `store`, which it borrows: the lowest bit of byte `offset` of each object is turned
    // whenever a write that covers it ends.
    CorruptingStore(ObjectStore& store, std::uint64_t offset) : store_(store), offset_(offset) {}

    Result<Pin*> pin(std::uint64_t id, bool create) override { return store_.pin(id, create); }
    std::uint64_t size(Pin* pin) override { return store_.size(pin); }
    void unpin(Pin* pin) override { store_.unpin(pin); }
    Status prepare_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                         std::vector<fabric::LocalSegment>& out) override {
        return store_.prepare_write(write, offset, length, out);
    }
    void finish_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                      bool moved) override;
    [[nodiscard]] bool is_filling(const Pin* pin, std::uint64_t offset,
                                  std::uint64_t length) const override {
        return store_.is_filling(pin, offset, length);
    }
    Status prepare_read(Pin* pin, std::uint64_t offset, std::uint64_t length,
                        std::vector<fabric::LocalSegment>& out) override {
        return store_.prepare_read(pin, offset, length, out);
    }
    Result<ObjectInfo> info(std::uint64_t id) override { return store_.info(id); }
    Status truncate(std::uint64_t id, std::uint64_t size) override {
        return store_.truncate(id, size);
    }
    Status allocate(std::uint64_t id, std::uint64_t offset, std::uint64_t length) override {
        return store_.allocate(id, offset, length);
    }
    void forget_time(std::uint64_t id) override { store_.forget_time(id); }
    void remove(std::uint64_t id) override { store_.remove(id); }
    Status sync(std::uint64_t id) override { return store_.sync(id); }
    [[nodiscard]] StoreUsage usage() const override { return store_.usage(); }

  private:
    ObjectStore& store_;
    std::uint64_t offset_;
};

// What ORFA_TEST_CORRUPT=OFFSET asks for, which is logged as a warning; nullopt: nothing. EINVAL:
// not a number of bytes.
Result<std::optional<std::uint64_t>> corruption_asked_for();

}  // namespace orfa::server
