// SPDX-License-Identifier: MIT
// What memory in common holds for two-phase I/O within a host: each aggregator's buffer, in which
// all ranks put and find their bytes themselves, and what they tell each other about a round.
#pragma once

#include "collective/common_memory.hpp"
#include "collective/domains.hpp"
#include "collective/ranks.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace orfa::collective {

// Places in borrowed memory, the same for all ranks. What one rank writes another may read when
// they have met in between, and the other way round.
class Windows {
  public:
    static constexpr std::size_t kNoteBytes = 64;

    // Bytes of memory for windows of `window_bytes` each.
    static std::size_t bytes_for(std::uint32_t ranks, std::uint32_t aggregators,
                                 std::uint64_t window_bytes) {
        return rounded(notes_bytes(ranks, aggregators)) + aggregators * rounded(window_bytes);
    }

    // `memory` begins at a page and has bytes_for() bytes.
    Windows(std::byte* memory, std::uint32_t ranks, std::uint32_t aggregators,
            std::uint64_t window_bytes)
        : memory_(memory), ranks_(ranks), aggregators_(aggregators), window_bytes_(window_bytes) {}

    [[nodiscard]] std::uint32_t aggregators() const { return aggregators_; }
    [[nodiscard]] std::uint64_t window_bytes() const { return window_bytes_; }

    [[nodiscard]] std::byte* window(std::uint32_t aggregator) const {
        return memory_ + rounded(notes_bytes(ranks_, aggregators_)) +
               aggregator * rounded(window_bytes_);
    }
    // What rank `from` tells all ranks, kNoteBytes each.
    [[nodiscard]] std::span<std::byte> notes_of(std::uint32_t from) const {
        return {memory_ + std::size_t{from} * ranks_ * kNoteBytes, ranks_ * kNoteBytes};
    }
    // The place in its window that an aggregator's read ended at.
    [[nodiscard]] std::uint64_t& limit(std::uint32_t aggregator) const {
        return *reinterpret_cast<std::uint64_t*>(
            memory_ + (std::size_t{ranks_} * ranks_ + aggregator) * kNoteBytes);
    }

  private:
    static constexpr std::size_t kPage = 4096;

    static std::size_t rounded(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }
    static std::size_t notes_bytes(std::uint32_t ranks, std::uint32_t aggregators) {
        return (std::size_t{ranks} * ranks + aggregators) * kNoteBytes;
    }

    std::byte* memory_;
    std::uint32_t ranks_;
    std::uint32_t aggregators_;
    std::uint64_t window_bytes_;
};

// The windows of one file's calls, kept from call to call. Their memory goes to the next file of
// the same ranks in the end.
class WindowsKept {
  public:
    WindowsKept() = default;
    WindowsKept(const WindowsKept&) = delete;
    WindowsKept& operator=(const WindowsKept&) = delete;
    ~WindowsKept() { give_back(); }

    // Collective, with the same arguments on all ranks. Windows for calls in `domains` that span
    // about `hull` bytes of the file, with `domains` made to fit them; null on all ranks, and from
    // then on, where the ranks have no memory in common or /dev/shm no room. `name` is to be new
    // on the host; nothing of it is left. Valid until the next call.
    const Windows* fit(Ranks& ranks, const std::string& name, std::uint64_t hull, Domains& domains);
    // Whether fit() returns null from now on.
    [[nodiscard]] bool given_up() const { return given_up_; }

  private:
    void give_back();

    std::uint32_t ranks_ = 0;
    std::unique_ptr<CommonMemory> memory_;  // of all ranks_
    std::optional<Windows> windows_;
    bool given_up_ = false;
};

}  // namespace orfa::collective
