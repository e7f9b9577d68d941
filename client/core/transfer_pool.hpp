// SPDX-License-Identifier: MIT
// Transfers that have ended, kept for the next ones with the memory of their lists.
#pragma once

#include "common/mutex.hpp"

#include <memory>
#include <vector>

namespace orfa::client {

class Transfer;

// Thread-safe.
class TransferPool {
  public:
    TransferPool();
    ~TransferPool();
    TransferPool(const TransferPool&) = delete;
    TransferPool& operator=(const TransferPool&) = delete;

    // The caller owns it until give_back().
    std::unique_ptr<Transfer> take();
    void give_back(std::unique_ptr<Transfer> transfer);

  private:
    Mutex mutex_;
    std::vector<std::unique_ptr<Transfer>> free_ ORFA_GUARDED_BY(mutex_);
};

}  // namespace orfa::client
