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

// A system call made here: libc's syscall() would cost more memory to be touched for each of them.
// Returns -errno on failure.
template <typename... Arguments>
long system_call(long number, Arguments... arguments) {
#if defined(__x86_64__)
    long value[6] = {(long)arguments...};  // NOLINT(google-readability-casting): pointers too
    register long r10 asm("r10") = value[3];
    register long r8 asm("r8") = value[4];
    register long r9 asm("r9") = value[5];
    long result = number;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(value[0]), "S"(value[1]), "d"(value[2]), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
#else
    const long result = ::syscall(number, arguments...);
    return result == -1 ? -errno : result;
#endif
}

// As the C library returns it.
long checked(long result) {
    if (static_cast<unsigned long>(result) <= static_cast<unsigned long>(-4096L)) [[likely]]
        return result;
    errno = static_cast<int>(-result);
    return -1;
}

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
    const long result = system_call(SYS_munmap, start, length);
    tell_listeners(range);
    return static_cast<int>(checked(result));
}

void* hooked_mremap(void* start, std::size_t old_length, std::size_t new_length, int flags,
                    void* new_start) {
    const AddressRange from = range_of(start, old_length);
    const AddressRange to =
        (flags & MREMAP_FIXED) != 0 ? range_of(new_start, new_length) : AddressRange{};
    tell_listeners(from);
    tell_listeners(to);
    const long result = system_call(SYS_mremap, start, old_length, new_length, flags, new_start);
    tell_listeners(from);
    tell_listeners(to);
    return pointer_to(static_cast<std::uintptr_t>(checked(result)));
}

bool discards(int advice) {
    constexpr int kDontneedLocked = 24;
    return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE ||
           advice == kDontneedLocked;
}

int hooked_madvise(void* start, std::size_t length, int advice) {
    const AddressRange range = discards(advice) ? range_of(start, length) : AddressRange{};
    tell_listeners(range);
    const long result = system_call(SYS_madvise, start, length, advice);
    tell_listeners(range);
    return static_cast<int>(checked(result));
}

int hooked_brk(void* end) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(end);
    const auto before = reinterpret_cast<std::uintptr_t>(*program_break);
    const AddressRange range = wanted < before ? AddressRange{wanted, before} : AddressRange{};
    tell_listeners(range);
    const long now = system_call(SYS_brk, end);
    *program_break = pointer_to(static_cast<std::uintptr_t>(now));
    tell_listeners(range);
    if (static_cast<std::uintptr_t>(now) >= wanted) return 0;
    errno = ENOMEM;
    return -1;
}

int hooked_shmdt(const void* start) {
    tell_listeners(all_from(start));
    const long result = system_call(SYS_shmdt, start);
    tell_listeners(all_from(start));
    return static_cast<int>(checked(result));
}

void* hooked_shmat(int id, const void* start, int flags) {
    const AddressRange range = (flags & SHM_REMAP) != 0 ? all_from(start) : AddressRange{};
    tell_listeners(range);
    const long result = system_call(SYS_shmat, id, start, flags);
    tell_listeners(range);
    return pointer_to(static_cast<std::uintptr_t>(checked(result)));
}

void* hooked_mmap(void* start, std::size_t length, int protection, int flags, int fd,
                  off_t offset) {
    const AddressRange range = (flags & MAP_FIXED) != 0 ? range_of(start, length) : AddressRange{};
    tell_listeners(range);
    const long result = system_call(SYS_mmap, start, length, protection, flags, fd, offset);
    tell_listeners(range);
    return pointer_to(static_cast<std::uintptr_t>(checked(result)));
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
