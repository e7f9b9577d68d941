// SPDX-License-Identifier: MIT
// A KvStore in a directory on disk: RocksDB with its write-ahead log.
#pragma once

#include "server/namespace/kv_store.hpp"

#include <memory>
#include <string>

namespace rocksdb {
class DB;
}

namespace orfa::server {

struct RocksOptions {
    // Each write reaches the disk before it returns: survives power loss. Without, what was written
    // survives the end of the process by any means, but not that of the machine.
    bool sync = false;
    std::size_t cache_bytes = 64 << 20;
};

class RocksKv final : public KvStore {
  public:
    // Opens or makes the directory (its parent must be there). EBUSY: another process has it open;
    // EIO: damaged; ENOENT, EACCES, ENOSPC. Logs what RocksDB says.
    static Result<std::unique_ptr<RocksKv>> open(const std::string& directory,
                                                 const RocksOptions& options);
    ~RocksKv() override;
    RocksKv(const RocksKv&) = delete;
    RocksKv& operator=(const RocksKv&) = delete;

    Status get(std::string_view key, std::string& value) override;
    Status write(const KvBatch& batch) override;
    Status scan(std::string_view first, std::string_view end, const Visitor& visit) override;

  private:
    RocksKv(std::unique_ptr<rocksdb::DB> db, bool sync);
    std::unique_ptr<rocksdb::DB> db_;
    bool sync_;
};

}  // namespace orfa::server
