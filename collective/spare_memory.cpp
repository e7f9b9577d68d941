// SPDX-License-Identifier: MIT
#include "collective/spare_memory.hpp"

#include <array>
#include <utility>

namespace orfa::collective {

std::unique_ptr<CommonMemory> SpareMemory::take(Ranks& ranks, std::size_t bytes) {
    auto memory = take_own(ranks.size(), bytes);
    // As many had it as there are ranks: if all have the same, nobody else has it.
    const std::int64_t id = memory ? memory->id() : 0;
    std::array<std::int64_t, 2> ids = {id, -id};
    ranks.maximum(ids);
    if (id != 0 && ids[0] == -ids[1]) return memory;
    if (memory) put(ranks.size(), std::move(memory));
    return nullptr;
}

void SpareMemory::put(std::uint32_t ranks, std::unique_ptr<CommonMemory> memory) {
    const MutexLock lock(mutex_);
    if (memory_ != nullptr && ranks_ == ranks && memory_->size() >= memory->size()) return;
    memory_ = std::move(memory);
    ranks_ = ranks;
}

// Null: there is none of so many ranks and bytes.
std::unique_ptr<CommonMemory> SpareMemory::take_own(std::uint32_t ranks, std::size_t bytes) {
    const MutexLock lock(mutex_);
    if (memory_ == nullptr || ranks_ != ranks || memory_->size() < bytes) return nullptr;
    return std::move(memory_);
}

}  // namespace orfa::collective
