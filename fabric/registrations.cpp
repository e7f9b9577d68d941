// SPDX-License-Identifier: MIT
#include "fabric/registrations.hpp"

#include <cassert>

namespace orfa::fabric {
namespace {

// A key is the slot's index above and its generation below, so that it dies with its registration.
constexpr std::uint64_t make_key(std::size_t index, std::uint32_t generation) {
    return static_cast<std::uint64_t>(index) << 32 | generation;
}

}  // namespace

Registration Registrations::add(std::span<std::byte> memory, Access access) {
    if (free_.empty()) {
        slots_.emplace_back();
        free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot = {memory.data(), memory.size(), access, slot.generation + 1};
    return {reinterpret_cast<std::uint64_t>(memory.data()), make_key(index, slot.generation),
            nullptr};
}

void Registrations::remove(const Registration& registration) {
    const auto index = static_cast<std::uint32_t>(registration.key >> 32);
    assert(index < slots_.size());
    assert(slots_[index].generation == static_cast<std::uint32_t>(registration.key));
    ++slots_[index].generation;
    free_.push_back(index);
}

std::byte* Registrations::find(const RemoteSegment& segment, Access needed) const {
    const std::uint64_t index = segment.key >> 32;
    const auto generation = static_cast<std::uint32_t>(segment.key);
    if (index >= slots_.size() || generation % 2 == 0) return nullptr;
    const Slot& slot = slots_[index];
    if (slot.generation != generation) return nullptr;
    const auto bits = [](Access a) { return static_cast<unsigned>(a); };
    if ((bits(slot.access) & bits(needed)) != bits(needed)) return nullptr;
    const std::uint64_t start = reinterpret_cast<std::uint64_t>(slot.data);
    if (segment.addr < start || segment.addr - start > slot.length) return nullptr;
    const std::uint64_t offset = segment.addr - start;
    if (segment.length > slot.length - offset) return nullptr;
    return slot.data + offset;
}

}  // namespace orfa::fabric
