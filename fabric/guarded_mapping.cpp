// SPDX-License-Identifier: MIT
#include "fabric/guarded_mapping.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

namespace orfa::fabric {

Result<GuardedMapping> GuardedMapping::make(std::size_t bytes, int flags, int fd) {
    // A huge page before, one behind, and what it takes to begin at one.
    const std::size_t reserved = bytes + 3 * kHugePage;
    void* const range =
        ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) return Status::from_errno(errno);
    GuardedMapping mapping;
    mapping.reserved_ = {static_cast<std::byte*>(range), reserved};
    const std::size_t over = reinterpret_cast<std::uintptr_t>(range) % kHugePage;
    std::byte* const start = mapping.reserved_.data() + (2 * kHugePage - over);
    if (::mmap(start, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED | MAP_NORESERVE, fd, 0) ==
        MAP_FAILED)
        return Status::from_errno(errno);
    mapping.memory_ = {start, bytes};
    // Advice: where it can't be followed nothing is lost but time.
    (void)::madvise(start, bytes, MADV_HUGEPAGE);
    (void)::madvise(start, bytes, MADV_DONTDUMP);
    return mapping;
}

Result<GuardedMapping> GuardedMapping::make(std::size_t bytes) {
    return make(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

Result<GuardedMapping> GuardedMapping::map(int fd, std::size_t bytes) {
    struct stat info {};
    if (::fstat(fd, &info) != 0 || info.st_size != static_cast<off_t>(bytes))
        return Status::from_errno(EPROTO);
    // A forked child has it, too (not MADV_DONTFORK): else something else could come to lie there,
    // and go when the child's copy of this object does.
    return make(bytes, MAP_SHARED, fd);
}

GuardedMapping::~GuardedMapping() {
    if (!reserved_.empty()) ::munmap(reserved_.data(), reserved_.size());
}

}  // namespace orfa::fabric
