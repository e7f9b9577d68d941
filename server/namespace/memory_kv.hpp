// SPDX-License-Identifier: MIT
// A KvStore in memory: for clusters that need not survive their servers.
#pragma once

#include "server/namespace/kv_store.hpp"

#include <map>

namespace orfa::server {

// Survives nothing. Never fails.
class MemoryKv final : public KvStore {
  public:
    Status get(std::string_view key, std::string& value) override;
    Status write(const KvBatch& batch) override;
    Status scan(std::string_view first, std::string_view end, const Visitor& visit) override;

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace orfa::server
