// SPDX-License-Identifier: MIT
#include "server/block_pool.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>

namespace orfa::server {
namespace {

// After a chunk, when others want the processors: what is left of them for such work is little.
constexpr std::chrono::milliseconds kTouchRest{100};
constexpr std::chrono::milliseconds kReturnRest{5};

// Makes the pages of a chunk exist. Old kernels know no MADV_POPULATE_WRITE.
void touch(std::byte* chunk) {
    if (madvise(chunk, BlockPool::kChunkBytes, MADV_POPULATE_WRITE) == 0) return;
    for (std::size_t at = 0; at < BlockPool::kChunkBytes; at += 4096)
        static_cast<volatile std::byte*>(chunk)[at] = std::byte{0};
}

// Whether the machine has a processor that nobody else wants now. A low priority alone does not
// keep out of the way of others: those who wait for a message yield their processor, also to us,
// and where sessions share processors as groups a priority counts inside the own group only.
bool processor_is_free() {
    const int fd = ::open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return true;
    std::array<char, 128> text{};
    const ssize_t got = ::read(fd, text.data(), text.size() - 1);
    ::close(fd);
    unsigned running = 0;  // of the whole machine, this thread among them
    if (got <= 0 || std::sscanf(text.data(), "%*s %*s %*s %u/", &running) != 1) return true;
    return running <= static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace

Result<std::unique_ptr<BlockPool>> BlockPool::create(std::uint64_t limit, std::uint64_t ready,
                                                     UniqueFd file) {
    const auto chunks = std::max<std::uint64_t>((limit + kChunkBytes - 1) / kChunkBytes, 1);
    if (chunks > UINT32_MAX / kBlocksPerChunk) return Status::from_errno(ENOMEM);
    std::size_t bytes = chunks * kChunkBytes;
    if (file) {
        bytes = protocol::MappedStore::bytes_for(chunks * kBlocksPerChunk);
        if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
            return Status::from_errno(errno);
    }
    auto mapping =
        file ? fabric::GuardedMapping::map(file.get(), bytes) : fabric::GuardedMapping::make(bytes);
    if (!mapping.ok()) return mapping.status();
    const std::size_t ready_chunks = std::min(ready, limit) / kChunkBytes;
    return std::unique_ptr<BlockPool>(
        new BlockPool(std::move(*mapping), std::move(file), chunks, ready_chunks));
}

BlockPool::BlockPool(fabric::GuardedMapping mapping, UniqueFd fd, std::size_t chunks,
                     std::size_t ready_chunks)
    : mapping_(std::move(mapping)),
      fd_(std::move(fd)),
      mapped_(fd_ ? protocol::MappedStore(mapping_.bytes()) : protocol::MappedStore()),
      base_(mapping_.bytes().data()),
      ready_target_(ready_chunks),
      chunks_(chunks),
      current_(chunks),
      thread_([this] { tend(); }) {
}

// Its pages go back to the system; it holds zeros afterwards. What others map goes from them, too.
void BlockPool::return_memory(std::byte* chunk) const {
    madvise(chunk, kChunkBytes, fd_ ? MADV_REMOVE : MADV_DONTNEED);
}

BlockPool::~BlockPool() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        work_.notify_all();
    }
    thread_.join();
}

Result<BlockPool::Run> BlockPool::allocate(unsigned wanted) {
    const MutexLock lock(mutex_);
    while ((current_ == chunks_.size() || chunks_[current_].free == 0) && !next_chunk(wanted)) {
        // What the thread has in hand is free, too.
        if (!in_hand_) return Status::from_errno(ENOSPC);
        handed_back_.wait(mutex_);
    }
    Chunk& chunk = chunks_[current_];
    const auto first = static_cast<unsigned>(std::countr_zero(chunk.free));
    const bool zero = (chunk.zero >> first & 1U) != 0;
    unsigned count = 0;
    std::uint32_t mask = 0;
    while (count < wanted && first + count < kBlocksPerChunk) {
        const std::uint32_t bit = 1U << (first + count);
        if ((chunk.free & bit) == 0 || ((chunk.zero & bit) != 0) != zero) break;
        mask |= bit;
        ++count;
    }
    chunk.free &= ~mask;
    chunk.zero &= ~mask;
    used_blocks_ += count;
    return Run{address(current_) + first * kBlockBytes, count, zero};
}

bool BlockPool::next_partial() {
    while (!partial_.empty()) {
        const std::uint32_t index = partial_.back();
        partial_.pop_back();
        chunks_[index].partial = false;
        // Chunks that became wholly free meanwhile are in ready_ as well: leave them there.
        if (chunks_[index].free == 0 || chunks_[index].free == ~0U) continue;
        current_ = index;
        return true;
    }
    return false;
}

bool BlockPool::next_chunk(unsigned wanted) {
    // Small writes fill gaps first; large ones want adjacent blocks.
    if (wanted < kBlocksPerChunk / 4 && next_partial()) return true;
    auto& list = ready_.empty() ? returned_ : ready_;
    if (!list.empty()) {
        current_ = list.back();
        list.pop_back();
    } else if (fresh_ < chunks_.size()) {
        current_ = fresh_++;
    } else {
        return next_partial();
    }
    taken_at_ = std::chrono::steady_clock::now();
    if (idle_) work_.notify_one();
    return true;
}

void BlockPool::release(std::byte* block) {
    const MutexLock lock(mutex_);
    const auto at = static_cast<std::size_t>(block - base_);
    const auto index = static_cast<std::uint32_t>(at / kChunkBytes);
    Chunk& chunk = chunks_[index];
    chunk.free |= 1U << (at % kChunkBytes / kBlockBytes);
    --used_blocks_;
    if (index == current_) return;
    if (chunk.free == ~0U) {
        ready_.push_back(index);
        if (idle_ && ready_.size() > ready_target_) work_.notify_one();
    } else if (!chunk.partial) {
        chunk.partial = true;
        partial_.push_back(index);
    }
}

// One step of upkeep: touches a chunk, or returns one. How long to wait before the next.
BlockPool::Pause BlockPool::tend_once() {
    if (ready_.size() < ready_target_ && (fresh_ < chunks_.size() || !returned_.empty())) {
        const Pause busy = taken_at_ + kQuiet - std::chrono::steady_clock::now();
        if (ready_.size() >= ready_target_ / 4 && busy > Pause::zero()) return busy;
        std::uint32_t index = 0;
        if (returned_.empty()) {
            index = static_cast<std::uint32_t>(fresh_++);
        } else {
            index = returned_.back();
            returned_.pop_back();
        }
        const Pause rest = in_hand(kTouchRest, [&] { touch(address(index)); });
        ready_.insert(ready_.begin(), index);
        return rest;
    }
    // A margin, so that memory does not go back and forth.
    if (ready_.size() > ready_target_ + ready_target_ / 4 + 1) {
        const Pause kept = taken_at_ + kKeepSurplus - std::chrono::steady_clock::now();
        if (kept > Pause::zero()) return kept;
        const std::uint32_t index = ready_.front();
        ready_.erase(ready_.begin());
        const Pause rest = in_hand(kReturnRest, [&] { return_memory(address(index)); });
        chunks_[index] = Chunk{};
        returned_.push_back(index);
        return rest;
    }
    return Pause::max();
}

// Works on a chunk that is in no list, while others use the pool. How long to wait afterwards:
// `rest`, unless a processor was free.
template <typename Work>
BlockPool::Pause BlockPool::in_hand(Pause rest, Work work) {
    in_hand_ = true;
    mutex_.unlock();
    const bool is_free = processor_is_free();
    work();
    mutex_.lock();
    in_hand_ = false;
    handed_back_.notify_all();
    return is_free ? Pause::zero() : rest;
}

void BlockPool::tend() {
    // Never in the way of requests. The kernel's thread id stands for this thread alone.
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 19);
    const MutexLock lock(mutex_);
    while (!stopping_) {
        const Pause pause = tend_once();
        if (stopping_) break;
        if (pause == Pause::max()) {
            idle_ = true;
            work_.wait(mutex_);
            idle_ = false;
        } else if (pause > Pause::zero()) {
            // Not woken early by what calls for more work.
            const auto until = std::chrono::steady_clock::now() + pause;
            while (!stopping_ && work_.wait_until(mutex_, until) != std::cv_status::timeout) {
            }
        }
    }
}

std::uint64_t BlockPool::used() const {
    const MutexLock lock(mutex_);
    return used_blocks_ * kBlockBytes;
}

std::uint64_t BlockPool::ready() const {
    const MutexLock lock(mutex_);
    return ready_.size() * kChunkBytes;
}

}  // namespace orfa::server
