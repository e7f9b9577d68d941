// SPDX-License-Identifier: MIT
#include "fabric/code_patch.hpp"

#include "fabric/memory_monitor.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace orfa::fabric {
namespace {

#if defined(__x86_64__)
constexpr std::intptr_t kReach = std::intptr_t{1} << 31;
constexpr std::size_t kStubBytes = 16;

// jmp *0(%rip); the address.
void write_stub(std::byte* at, const void* target) {
    constexpr unsigned char kJump[] = {0xff, 0x25, 0, 0, 0, 0};
    std::memcpy(at, kJump, sizeof kJump);
    std::memcpy(at + sizeof kJump, &target, sizeof target);
}

// jmp rel32 in the first five of the eight bytes.
std::uint64_t with_jump(std::uint64_t before, std::intptr_t distance) {
    const auto relative = static_cast<std::uint32_t>(distance - 5);
    constexpr std::uint64_t kReplaced = 0xff'ffff'ffffULL;
    return (before & ~kReplaced) | 0xe9U | std::uint64_t{relative} << 8;
}
#elif defined(__aarch64__)
constexpr std::intptr_t kReach = std::intptr_t{1} << 27;
constexpr std::size_t kStubBytes = 16;

// ldr x16, #8; br x16; the address.
void write_stub(std::byte* at, const void* target) {
    constexpr std::uint32_t kJump[] = {0x58000050, 0xd61f0200};
    std::memcpy(at, kJump, sizeof kJump);
    std::memcpy(at + sizeof kJump, &target, sizeof target);
    __builtin___clear_cache(reinterpret_cast<char*>(at), reinterpret_cast<char*>(at) + kStubBytes);
}

// b imm26 in the first four of the eight bytes.
std::uint64_t with_jump(std::uint64_t before, std::intptr_t distance) {
    const auto words = static_cast<std::uint32_t>(distance / 4) & 0x03ff'ffffU;
    return (before & ~std::uint64_t{0xffff'ffff}) | 0x1400'0000U | words;
}
#else
constexpr std::intptr_t kReach = 0;
constexpr std::size_t kStubBytes = 16;
void write_stub(std::byte*, const void*) {
}
std::uint64_t with_jump(std::uint64_t before, std::intptr_t) {
    return before;
}
#endif

std::size_t page_size() {
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Result<JumpPage> JumpPage::make(const void* near) {
    if (kReach == 0) return Status::from_errno(ENOTSUP);
    const auto page = static_cast<std::intptr_t>(page_size());
    const std::intptr_t centre = reinterpret_cast<std::intptr_t>(near) & ~(page - 1);
    constexpr int kTries = 4096;
    const std::intptr_t step = (kReach / 2 / kTries) & ~(page - 1);
    for (int i = 1; i <= kTries; ++i) {
        for (const std::intptr_t at : {centre - i * step, centre + i * step}) {
            auto* const wanted = pointer_to(static_cast<std::uintptr_t>(at));
            void* got = ::mmap(wanted, page_size(), PROT_READ | PROT_WRITE | PROT_EXEC,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
            if (got == wanted) return JumpPage(static_cast<std::byte*>(got));
            if (got != MAP_FAILED) ::munmap(got, page_size());  // a kernel without the flag
        }
    }
    return Status::from_errno(ENOMEM);
}

Status JumpPage::redirect(void* entry, void* target) {
    if (reinterpret_cast<std::uintptr_t>(entry) % 8 != 0) return Status::from_errno(ENOTSUP);
    std::byte* const stub = next_;
    write_stub(stub, target);
    next_ += kStubBytes;

    const std::size_t page = page_size();
    std::byte* const start =
        pointer_to(reinterpret_cast<std::uintptr_t>(entry) & ~(std::uintptr_t{page} - 1));
    if (::mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return Status::from_errno(EACCES);
    std::atomic_ref<std::uint64_t> code(*static_cast<std::uint64_t*>(entry));
    code.store(with_jump(code.load(), stub - static_cast<std::byte*>(entry)));
    (void)::mprotect(start, page, PROT_READ | PROT_EXEC);
    __builtin___clear_cache(static_cast<char*>(entry), static_cast<char*>(entry) + 8);
    return {};
}

void JumpPage::seal() {
    (void)::mprotect(page_, page_size(), PROT_READ | PROT_EXEC);
}

std::uint64_t first_bytes(const void* entry) {
    return *static_cast<const volatile std::uint64_t*>(entry);
}

const void* jump_target(const void* entry) {
    const std::uint64_t code = first_bytes(entry);
#if defined(__x86_64__)
    if ((code & 0xff) != 0xe9) return nullptr;
    const auto relative = static_cast<std::int32_t>(static_cast<std::uint32_t>(code >> 8));
    return static_cast<const std::byte*>(entry) + 5 + relative;
#elif defined(__aarch64__)
    const auto word = static_cast<std::uint32_t>(code);
    if (word >> 26 != 0x05) return nullptr;
    const auto words = static_cast<std::int32_t>(word << 6) >> 6;
    return static_cast<const std::byte*>(entry) + std::intptr_t{words} * 4;
#else
    (void)code;
    return nullptr;
#endif
}

bool is_patched(const void* entry) {
    if (jump_target(entry) != nullptr) return true;
    const std::uint64_t code = first_bytes(entry);
#if defined(__x86_64__)
    // movabs $target, %r11 and jmp *0(%rip): how Open MPI and libfabric, and others, do it.
    return (code & 0xffff) == 0xbb49 || (code & 0xffff) == 0x25ff;
#elif defined(__aarch64__)
    // mov x15 or ldr x16/x17: likewise.
    const auto word = static_cast<std::uint32_t>(code);
    return (word & 0xffe0'001fU) == 0xd2e0'000fU || (word & 0xffff'ffe0U) == 0x5800'0040U;
#else
    (void)code;
    return false;
#endif
}

}  // namespace orfa::fabric
