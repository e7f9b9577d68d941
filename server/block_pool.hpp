// SPDX-License-Identifier: MIT
// The memory of a MemoryStore: one range of address space as large as its limit, given out in
// blocks.
//
// First touch of fresh memory is the dearest part of a write, so a thread touches, mostly on free
// processors, chunks (huge pages, where the system gives them) ahead of need, and while chunks are
// being taken only when they are running out: memory comes back, too. Chunks that come
// back are kept touched, up to the same amount; beyond it they are returned to the system once none
// was wanted for kKeepSurplus.
//
// It can be memory that other processes map as well (protocol/mapped_store.hpp).
#pragma once

#include "common/mutex.hpp"
#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/guarded_mapping.hpp"
#include "protocol/mapped_store.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

namespace orfa::server {

// Thread-safe.
class BlockPool {
  public:
    static constexpr std::size_t kBlockBytes = protocol::kStoreBlockBytes;
    static constexpr std::size_t kChunkBytes = fabric::GuardedMapping::kHugePage;
    static constexpr unsigned kBlocksPerChunk = kChunkBytes / kBlockBytes;

    static constexpr std::chrono::seconds kKeepSurplus{5};
    static constexpr std::chrono::milliseconds kQuiet{300};  // no chunk has been taken for so long

    // Adjacent blocks.
    struct Run {
        std::byte* data;
        unsigned count;
        bool zero;  // they hold zeros; else whatever was there before
    };

    // Both in bytes, rounded up to chunks: what may be given out, and how much is kept touched
    // ahead. In memory of an empty file on tmpfs, which other processes may map, or else in private
    // memory. ENOMEM: no such range of address space.
    static Result<std::unique_ptr<BlockPool>> create(std::uint64_t limit, std::uint64_t ready,
                                                     UniqueFd file = {});
    ~BlockPool();
    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;

    // Between 1 and `wanted` adjacent blocks. ENOSPC when the limit is reached.
    Result<Run> allocate(unsigned wanted);
    // Takes one block back, and with it whatever it holds.
    void release(std::byte* block);

    [[nodiscard]] std::uint64_t limit() const { return chunks_.size() * kChunkBytes; }
    [[nodiscard]] std::uint64_t used() const;   // bytes given out
    [[nodiscard]] std::uint64_t ready() const;  // bytes of touched chunks that are wholly free
    // What other processes map: its descriptor (-1: nothing) and bytes.
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] std::size_t mapped_bytes() const { return mapping_.bytes().size(); }
    [[nodiscard]] const protocol::MappedStore& mapped() const { return mapped_; }
    // The number there of a block that was given out.
    [[nodiscard]] std::uint32_t number_of(const std::byte* block) const {
        return static_cast<std::uint32_t>(static_cast<std::size_t>(block - base_) / kBlockBytes);
    }
    // All of it, for registering with a transport.
    [[nodiscard]] std::span<std::byte> range() const { return {base_, limit()}; }

  private:
    // One bit a block.
    struct Chunk {
        std::uint32_t free = ~0U;
        std::uint32_t zero = ~0U;
        bool partial = false;  // is in partial_
    };

    BlockPool(fabric::GuardedMapping mapping, UniqueFd fd, std::size_t chunks,
              std::size_t ready_chunks);
    void return_memory(std::byte* chunk) const;
    bool next_chunk(unsigned wanted) ORFA_REQUIRES(mutex_);
    bool next_partial() ORFA_REQUIRES(mutex_);
    void tend();                             // the thread
    using Pause = std::chrono::nanoseconds;  // max(): until there is something to do
    Pause tend_once() ORFA_REQUIRES(mutex_);
    template <typename Work>
    Pause in_hand(Pause rest, Work work) ORFA_REQUIRES(mutex_);
    [[nodiscard]] std::byte* address(std::size_t chunk) const {
        return base_ + chunk * kChunkBytes;
    }

    const fabric::GuardedMapping mapping_;
    const UniqueFd fd_;                   // of what is mapped; none: private memory
    const protocol::MappedStore mapped_;  // with a descriptor
    std::byte* const base_;
    const std::size_t ready_target_;

    mutable Mutex mutex_;  // protects all below, but for the number of chunks, which never changes
    std::vector<Chunk> chunks_;
    std::vector<std::uint32_t> ready_;     // touched and wholly free, dirty or not
    std::vector<std::uint32_t> partial_;   // may have free blocks
    std::vector<std::uint32_t> returned_;  // wholly free and no longer touched
    std::size_t fresh_ = 0;                // chunks from here on were never used
    std::size_t current_;                  // being given out; chunks_.size(): none
    std::uint64_t used_blocks_ = 0;
    std::chrono::steady_clock::time_point taken_at_{};  // when a chunk was last wanted
    bool in_hand_ = false;  // the thread is at work on a free chunk, which is in no list
    bool idle_ = false;     // the thread waits for work, without an end
    bool stopping_ = false;
    std::condition_variable_any work_;
    std::condition_variable_any handed_back_;  // in_hand_ has become false
    std::thread thread_;
};

}  // namespace orfa::server
