// SPDX-License-Identifier: MIT
#include "collective/board.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

namespace orfa::collective {
namespace {

// Of one wait: looks before others' work is done as well, and before the thread sleeps in between.
constexpr unsigned kPatientLooks = 8;
constexpr unsigned kYieldingLooks = 2000;  // about 1 ms on a free processor
constexpr useconds_t kSleepUs = 50;

}  // namespace

Result<std::unique_ptr<Board>> Board::create(const std::string& name, std::uint32_t ranks) {
    if (ranks > kMostRanks) return Status::from_errno(EINVAL);
    const UniqueFd fd(
        shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!fd) return Status::from_errno(errno);
    // Taken from /dev/shm at once: where that is full, a first touch later would be a SIGBUS.
    const int error = posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_for(ranks)));
    auto board = error == 0 ? map(fd, ranks) : Status::from_errno(error);
    if (!board.ok()) unlink(name);
    return board;
}

Result<std::unique_ptr<Board>> Board::open(const std::string& name, std::uint32_t ranks) {
    if (ranks > kMostRanks) return Status::from_errno(EINVAL);
    const UniqueFd fd(shm_open(name.c_str(), O_RDWR | O_CLOEXEC, 0));
    if (!fd) return Status::from_errno(errno);
    return map(fd, ranks);
}

std::unique_ptr<Board> Board::find(Ranks& ranks, const std::string& name) {
    if (ranks.size() < 2 || ranks.size() > kMostRanks) return nullptr;
    std::unique_ptr<Board> board;
    std::array<std::int64_t, 1> failed = {0};
    const auto attempt = [&](auto make) {
        auto made = make(name, ranks.size());
        failed[0] = made.ok() ? 0 : 1;
        if (made.ok()) board = std::move(*made);
    };
    if (ranks.rank() == 0) attempt(create);
    ranks.maximum(failed);
    if (failed[0] != 0) return nullptr;
    if (ranks.rank() != 0) attempt(open);
    ranks.maximum(failed);
    if (ranks.rank() == 0) unlink(name);
    return failed[0] == 0 ? std::move(board) : nullptr;
}

void Board::unlink(const std::string& name) {
    shm_unlink(name.c_str());
}

Result<std::unique_ptr<Board>> Board::map(const UniqueFd& fd, std::uint32_t ranks) {
    const std::size_t bytes = bytes_for(ranks);
    struct stat info;
    if (fstat(fd.get(), &info) != 0) return Status::from_errno(errno);
    if (static_cast<std::size_t>(info.st_size) != bytes) return Status::from_errno(EPROTO);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return Status::from_errno(errno);
    // New memory holds zeros: slots of round 0, which is before the first.
    return std::unique_ptr<Board>(new Board(static_cast<Slot*>(memory), ranks));
}

Board::~Board() {
    munmap(slots_, bytes_for(ranks_));
}

void Board::maximum(std::uint32_t rank, std::span<std::int64_t> values, Progress& others) {
    assert(rank < ranks_ && values.size() <= kMostValues);
    ++round_;
    Slot& mine = slot(rank);
    std::copy(values.begin(), values.end(), mine.values);
    mine.round.store(round_, std::memory_order_release);
    for (std::uint32_t other = 0; other < ranks_; ++other) {
        if (other == rank) continue;
        const Slot& theirs = slot(other);
        wait_for(theirs, others);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = std::max(values[i], theirs.values[i]);
    }
}

void Board::wait_for(const Slot& slot, Progress& others) const {
    for (unsigned look = 1; slot.round.load(std::memory_order_acquire) != round_; ++look) {
        if (look > kPatientLooks) others.progress();
        if (look <= kYieldingLooks)
            sched_yield();
        else
            usleep(kSleepUs);
    }
}

}  // namespace orfa::collective
