// SPDX-License-Identifier: MIT
// Memory that this process and others had in common, for what they do together next: new memory
// costs as much as tens of calls.
#pragma once

#include "collective/common_memory.hpp"
#include "collective/ranks.hpp"
#include "common/mutex.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace orfa::collective {

// One for each use. Thread-safe.
class SpareMemory {
  public:
    // Collective. Memory of at least `bytes` bytes that was put() by these ranks, all of them and
    // nobody else; null on all of them if there is none. What is in it is of its last use.
    std::unique_ptr<CommonMemory> take(Ranks& ranks, std::size_t bytes);
    // Keeps memory that `ranks` ranks had in common, unless what is kept for as many is larger.
    void put(std::uint32_t ranks, std::unique_ptr<CommonMemory> memory);

  private:
    std::unique_ptr<CommonMemory> take_own(std::uint32_t ranks, std::size_t bytes);

    Mutex mutex_;
    std::unique_ptr<CommonMemory> memory_ ORFA_GUARDED_BY(mutex_);
    std::uint32_t ranks_ ORFA_GUARDED_BY(mutex_) = 0;
};

}  // namespace orfa::collective
