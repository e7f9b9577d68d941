// SPDX-License-Identifier: MIT
#include "fabric/libc_hooks_bodies.hpp"

#include "fabric/memory_listeners.hpp"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace orfa::fabric {
namespace {

constinit void** program_break = nullptr;  // libc's own record of it

AddressRange range_of(const void* start, std::size_t length) {
    const auto first = reinterpret_cast<std::uintptr_t>(start);
    return {first, length > UINTPTR_MAX - first ? UINTPTR_MAX : first + length};
}

// The length of an attached segment would have to be looked for in /proc: all that lies above is
// taken as changed instead.
AddressRange all_from(const void* start) {
    return {reinterpret_cast<std::uintptr_t>(start), UINTPTR_MAX};
}

int hooked_munmap(void* start, std::size_t length) {
    const AddressRange range = range_of(start, length);
    tell_listeners(range);
    const long result = ::syscall(SYS_munmap, start, length);
    tell_listeners(range);
    return static_cast<int>(result);
}

void* hooked_mremap(void* start, std::size_t old_length, std::size_t new_length, int flags,
                    void* new_start) {
    const AddressRange from = range_of(start, old_length);
    const AddressRange to =
        (flags & MREMAP_FIXED) != 0 ? range_of(new_start, new_length) : AddressRange{};
    tell_listeners(from);
    tell_listeners(to);
    const long result = ::syscall(SYS_mremap, start, old_length, new_length, flags, new_start);
    tell_listeners(from);
    tell_listeners(to);
    return reinterpret_cast<void*>(result);
}

bool discards(int advice) {
    constexpr int kDontneedLocked = 24;
    return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE ||
           advice == kDontneedLocked;
}

int hooked_madvise(void* start, std::size_t length, int advice) {
    const AddressRange range = discards(advice) ? range_of(start, length) : AddressRange{};
    tell_listeners(range);
    const long result = ::syscall(SYS_madvise, start, length, advice);
    tell_listeners(range);
    return static_cast<int>(result);
}

int hooked_brk(void* end) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(end);
    const auto before = reinterpret_cast<std::uintptr_t>(*program_break);
    const AddressRange range = wanted < before ? AddressRange{wanted, before} : AddressRange{};
    tell_listeners(range);
    const long now = ::syscall(SYS_brk, end);
    *program_break = reinterpret_cast<void*>(now);
    tell_listeners(range);
    if (static_cast<std::uintptr_t>(now) >= wanted) return 0;
    errno = ENOMEM;
    return -1;
}

int hooked_shmdt(const void* start) {
    tell_listeners(all_from(start));
    const long result = ::syscall(SYS_shmdt, start);
    tell_listeners(all_from(start));
    return static_cast<int>(result);
}

void* hooked_shmat(int id, const void* start, int flags) {
    const AddressRange range = (flags & SHM_REMAP) != 0 ? all_from(start) : AddressRange{};
    tell_listeners(range);
    const long result = ::syscall(SYS_shmat, id, start, flags);
    tell_listeners(range);
    return reinterpret_cast<void*>(result);
}

void* hooked_mmap(void* start, std::size_t length, int protection, int flags, int fd,
                  off_t offset) {
    const AddressRange range = (flags & MAP_FIXED) != 0 ? range_of(start, length) : AddressRange{};
    tell_listeners(range);
    const long result = ::syscall(SYS_mmap, start, length, protection, flags, fd, offset);
    tell_listeners(range);
    return reinterpret_cast<void*>(result);
}

}  // namespace

bool find_program_break() {
    program_break = static_cast<void**>(::dlsym(RTLD_DEFAULT, "__curbrk"));
    return program_break != nullptr;
}

std::array<void*, 7> hook_bodies() {
    return {reinterpret_cast<void*>(&hooked_munmap),  reinterpret_cast<void*>(&hooked_mremap),
            reinterpret_cast<void*>(&hooked_madvise), reinterpret_cast<void*>(&hooked_brk),
            reinterpret_cast<void*>(&hooked_shmdt),   reinterpret_cast<void*>(&hooked_shmat),
            reinterpret_cast<void*>(&hooked_mmap)};
}

}  // namespace orfa::fabric
