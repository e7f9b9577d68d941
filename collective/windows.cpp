// SPDX-License-Identifier: MIT
#include "collective/windows.hpp"

#include "common/mutex.hpp"

#include <array>
#include <utility>

namespace orfa::collective {
namespace {

// Memory that this process and others had for a file, for their next one.
class Spare {
  public:
    // Null: there is none of so many ranks and bytes.
    std::unique_ptr<CommonMemory> take(std::uint32_t ranks, std::size_t bytes) {
        const MutexLock lock(mutex_);
        if (memory_ == nullptr || ranks_ != ranks || memory_->size() < bytes) return nullptr;
        return std::move(memory_);
    }
    // In place of what is kept so far, unless that is larger and as many have it.
    void put(std::uint32_t ranks, std::unique_ptr<CommonMemory> memory) {
        const MutexLock lock(mutex_);
        if (memory_ != nullptr && ranks_ == ranks && memory_->size() >= memory->size()) return;
        memory_ = std::move(memory);
        ranks_ = ranks;
    }

  private:
    Mutex mutex_;
    std::unique_ptr<CommonMemory> memory_ ORFA_GUARDED_BY(mutex_);
    std::uint32_t ranks_ ORFA_GUARDED_BY(mutex_) = 0;
};

Spare& spare() {
    static Spare one;
    return one;
}

// Collective. Spare memory that all ranks have, and nobody else: as many had it as there are ranks.
std::unique_ptr<CommonMemory> spare_of(Ranks& ranks, std::size_t bytes) {
    auto memory = spare().take(ranks.size(), bytes);
    const std::int64_t id = memory ? memory->id() : 0;
    std::array<std::int64_t, 2> ids = {id, -id};
    ranks.maximum(ids);
    if (id != 0 && ids[0] == -ids[1]) return memory;
    if (memory) spare().put(ranks.size(), std::move(memory));
    return nullptr;
}

}  // namespace

const Windows* WindowsKept::fit(Ranks& ranks, const std::string& name, std::uint64_t hull,
                                Domains& domains) {
    if (given_up_) return nullptr;
    const std::uint64_t wanted = buffer_for(domains, hull);
    if (!windows_ || windows_->aggregators() != domains.aggregators ||
        windows_->window_bytes() < wanted) {
        const std::size_t bytes = Windows::bytes_for(ranks.size(), domains.aggregators, wanted);
        give_back();
        ranks_ = ranks.size();
        memory_ = spare_of(ranks, bytes);
        if (memory_ == nullptr) memory_ = CommonMemory::find(ranks, name, bytes);
        given_up_ = memory_ == nullptr;
        if (given_up_) return nullptr;
        windows_.emplace(memory_->data(), ranks_, domains.aggregators, wanted);
    }
    domains = within(domains, windows_->window_bytes());
    return &*windows_;
}

void WindowsKept::give_back() {
    windows_.reset();
    if (memory_) spare().put(ranks_, std::move(memory_));
}

}  // namespace orfa::collective
