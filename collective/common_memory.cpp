// SPDX-License-Identifier: MIT
#include "collective/common_memory.hpp"

#include "common/unique_fd.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace orfa::collective {
namespace {

// Takes `bytes` from the file system of /dev/shm at once: where that is full, a first touch later
// would be a SIGBUS. Half of what is free is left to others, MPI first of all, whom it would hit
// else. errno, 0: done.
int take(int fd, std::size_t bytes) {
    struct statvfs space;
    if (fstatvfs(fd, &space) != 0) return errno;
    // No blocks at all: a file system without a limit.
    if (space.f_blocks > 0 && bytes / space.f_frsize >= space.f_bavail / 2) return ENOSPC;
    return posix_fallocate(fd, 0, static_cast<off_t>(bytes));
}

}  // namespace

Result<std::unique_ptr<CommonMemory>> CommonMemory::create(const std::string& name,
                                                           std::size_t bytes) {
    const UniqueFd fd(
        shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!fd) return Status::from_errno(errno);
    const int error = take(fd.get(), bytes);
    auto memory = error == 0 ? map(fd.get(), bytes) : Status::from_errno(error);
    if (!memory.ok()) unlink(name);
    return memory;
}

Result<std::unique_ptr<CommonMemory>> CommonMemory::open(const std::string& name,
                                                         std::size_t bytes) {
    const UniqueFd fd(shm_open(name.c_str(), O_RDWR | O_CLOEXEC, 0));
    if (!fd) return Status::from_errno(errno);
    return map(fd.get(), bytes);
}

std::unique_ptr<CommonMemory> CommonMemory::find(Ranks& ranks, const std::string& name,
                                                 std::size_t bytes) {
    std::unique_ptr<CommonMemory> memory;
    std::array<std::int64_t, 1> failed = {0};
    const auto attempt = [&](auto make) {
        auto made = make(name, bytes);
        failed[0] = made.ok() ? 0 : 1;
        if (made.ok()) memory = std::move(*made);
    };
    if (ranks.rank() == 0) attempt(create);
    ranks.maximum(failed);
    if (failed[0] != 0) return nullptr;
    if (ranks.rank() != 0) attempt(open);
    ranks.maximum(failed);
    if (ranks.rank() == 0) unlink(name);
    return failed[0] == 0 ? std::move(memory) : nullptr;
}

void CommonMemory::unlink(const std::string& name) {
    shm_unlink(name.c_str());
}

Result<std::unique_ptr<CommonMemory>> CommonMemory::map(int fd, std::size_t bytes) {
    struct stat info;
    if (fstat(fd, &info) != 0) return Status::from_errno(errno);
    if (static_cast<std::size_t>(info.st_size) != bytes) return Status::from_errno(EPROTO);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return Status::from_errno(errno);
    return std::unique_ptr<CommonMemory>(new CommonMemory(static_cast<std::byte*>(memory), bytes,
                                                          static_cast<std::int64_t>(info.st_ino)));
}

CommonMemory::~CommonMemory() {
    munmap(data_, size_);
}

}  // namespace orfa::collective
