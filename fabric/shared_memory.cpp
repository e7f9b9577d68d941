// SPDX-License-Identifier: MIT
#include "fabric/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace orfa::fabric {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

}  // namespace

Result<SharedMemory> SharedMemory::create(std::size_t bytes, UniqueFd& fd) {
    fd.reset(::memfd_create("orfa-connection", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0 ||
        ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0)
        return Status::from_errno(errno);
    return map_fd(fd.get(), bytes);
}

Result<SharedMemory> SharedMemory::map(const UniqueFd& fd, std::size_t bytes) {
    struct stat info {};
    const int seals = ::fcntl(fd.get(), F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(fd.get(), &info) != 0 ||
        info.st_size != static_cast<off_t>(bytes))
        return Status::from_errno(EPROTO);
    return map_fd(fd.get(), bytes);
}

Result<SharedMemory> SharedMemory::map_fd(int fd, std::size_t bytes) {
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return Status::from_errno(errno);
    SharedMemory result;
    result.memory_ = {static_cast<std::byte*>(at), bytes};
    return result;
}

void SharedMemory::unmap() noexcept {
    if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
    memory_ = {};
}

}  // namespace orfa::fabric
