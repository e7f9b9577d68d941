// SPDX-License-Identifier: MIT
#include "collective/windows.hpp"

#include "collective/spare_memory.hpp"

#include <utility>

namespace orfa::collective {
namespace {

SpareMemory& spare() {
    static SpareMemory one;
    return one;
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
        memory_ = spare().take(ranks, bytes);
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
