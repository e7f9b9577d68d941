// SPDX-License-Identifier: MIT
// An ObjectStore that keeps sizes and times but no bytes.
#pragma once

#include "server/object_store.hpp"

#include <algorithm>
#include <cerrno>
#include <map>

namespace orfa::server {

class TestStore final : public ObjectStore {
  public:
    Result<Pin*> pin(std::uint64_t, bool) override { return unused(); }
    std::uint64_t size(Pin*) override { return 0; }
    void unpin(Pin*) override {}
    Status prepare_write(const Write&, std::uint64_t, std::uint64_t,
                         std::vector<fabric::LocalSegment>&) override {
        return unused();
    }
    void finish_write(const Write&, std::uint64_t, std::uint64_t, bool) override {}
    [[nodiscard]] bool is_filling(const Pin*, std::uint64_t, std::uint64_t) const override {
        return false;
    }
    Status prepare_read(Pin*, std::uint64_t, std::uint64_t,
                        std::vector<fabric::LocalSegment>&) override {
        return unused();
    }

    Result<ObjectInfo> info(std::uint64_t id) override {
        const auto found = objects.find(id);
        if (found == objects.end()) return Status::from_errno(ENOENT);
        return found->second;
    }
    Status truncate(std::uint64_t id, std::uint64_t size) override {
        objects[id].size = size;
        return {};
    }
    Status allocate(std::uint64_t id, std::uint64_t offset, std::uint64_t length) override {
        objects[id].size = std::max(objects[id].size, offset + length);
        return {};
    }
    void forget_time(std::uint64_t id) override {
        if (const auto found = objects.find(id); found != objects.end()) found->second.mtime_ns = 0;
    }
    void remove(std::uint64_t id) override { objects.erase(id); }
    Status sync(std::uint64_t) override { return {}; }
    [[nodiscard]] StoreUsage usage() const override {
        return {1 << 20, 4096 * objects.size(), 0, objects.size()};
    }

    // As if a client had written.
    void write(std::uint64_t id, std::uint64_t end, std::int64_t now_ns) {
        ObjectInfo& object = objects[id];
        object.size = std::max(object.size, end);
        object.allocated = object.size;
        object.mtime_ns = now_ns;
    }

    std::map<std::uint64_t, ObjectInfo> objects;

  private:
    static Status unused() { return Status::from_errno(ENOSYS); }
};

}  // namespace orfa::server
