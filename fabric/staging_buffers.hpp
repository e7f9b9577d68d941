// SPDX-License-Identifier: MIT
// Registered memory that small transfers are copied through, kept for the next ones.
#pragma once

#include "common/status.hpp"
#include "fabric/registration_cache.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace orfa::fabric {

// Not thread-safe.
class StagingBuffers {
  public:
    static constexpr std::size_t kMaxBytes = std::size_t{4} << 20;   // of a buffer
    static constexpr std::size_t kAllBytes = std::size_t{64} << 20;  // of all

    struct Buffer {
        std::byte* data = nullptr;
        std::size_t size = 0;  // a power of two
        void* handle = nullptr;
    };

    // The registrar outlives this.
    StagingBuffers(Registrar& registrar, std::uint64_t access)
        : registrar_(registrar), access_(access) {}
    // Deregisters and frees all, also those that are out.
    ~StagingBuffers();
    StagingBuffers(const StagingBuffers&) = delete;
    StagingBuffers& operator=(const StagingBuffers&) = delete;

    // A buffer of at least `bytes`. ENOMEM: larger than kMaxBytes, or kAllBytes are out already;
    // the registrar's errors.
    Result<Buffer> take(std::size_t bytes);
    void give_back(const Buffer& buffer);

    // In the child of a fork: the buffers are the parent's registrations; they are freed only.
    void forget_after_fork() { forgotten_ = true; }

  private:
    static constexpr std::size_t kSmallest = 16 << 10;
    static constexpr std::size_t kSizes = 9;
    static std::size_t size_index(std::size_t bytes);

    Registrar& registrar_;
    const std::uint64_t access_;
    std::array<std::vector<Buffer>, kSizes> free_;
    std::vector<Buffer> all_;
    std::size_t bytes_ = 0;
    bool forgotten_ = false;
};

}  // namespace orfa::fabric
