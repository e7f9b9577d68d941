// SPDX-License-Identifier: MIT
// A large mapping that begins at a huge page, with address space before and behind it that nothing
// may be mapped to: a program that runs over the end of its own memory does not get in.
#pragma once

#include "common/status.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace orfa::fabric {

// Unmapped at destruction. Left out of core dumps. Pages come with their first touch, huge ones
// where the system gives them.
class GuardedMapping {
  public:
    static constexpr std::size_t kHugePage = 2 << 20;

    GuardedMapping() = default;
    // Private memory of `bytes`, zero at first. ENOMEM: no such range of address space.
    static Result<GuardedMapping> make(std::size_t bytes);
    // A file of `bytes`, shared. EPROTO: it is not so long; ENOMEM, EACCES.
    static Result<GuardedMapping> map(int fd, std::size_t bytes);

    GuardedMapping(GuardedMapping&& other) noexcept
        : reserved_(std::exchange(other.reserved_, {})),
          memory_(std::exchange(other.memory_, {})) {}
    GuardedMapping& operator=(GuardedMapping&& other) noexcept {
        std::swap(reserved_, other.reserved_);
        std::swap(memory_, other.memory_);
        return *this;
    }
    GuardedMapping(const GuardedMapping&) = delete;
    GuardedMapping& operator=(const GuardedMapping&) = delete;
    ~GuardedMapping();

    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return memory_; }

  private:
    static Result<GuardedMapping> make(std::size_t bytes, int flags, int fd);

    std::span<std::byte> reserved_;  // with what lies around it
    std::span<std::byte> memory_;
};

}  // namespace orfa::fabric
