// SPDX-License-Identifier: MIT
// Memory without a name that two processes map, and that neither can shrink under the other.
#pragma once

#include "common/status.hpp"
#include "common/unique_fd.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace orfa::fabric {

// A mapping, unmapped at destruction. Zero at first, pages come with their first touch.
class SharedMemory {
  public:
    SharedMemory() = default;
    // New memory of `bytes`; `fd` (CLOEXEC) is for the other process, not needed here any more.
    static Result<SharedMemory> create(std::size_t bytes, UniqueFd& fd);
    // Maps another's; EPROTO: not of this size, or it could be shrunk.
    static Result<SharedMemory> map(const UniqueFd& fd, std::size_t bytes);

    SharedMemory(SharedMemory&& other) noexcept : memory_(std::exchange(other.memory_, {})) {}
    SharedMemory& operator=(SharedMemory&& other) noexcept {
        if (this != &other) {
            unmap();
            memory_ = std::exchange(other.memory_, {});
        }
        return *this;
    }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    ~SharedMemory() { unmap(); }

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return memory_; }

  private:
    static Result<SharedMemory> map_fd(int fd, std::size_t bytes);
    void unmap() noexcept;

    std::span<std::byte> memory_;
};

}  // namespace orfa::fabric
