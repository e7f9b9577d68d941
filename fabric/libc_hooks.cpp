// SPDX-License-Identifier: MIT
#include "fabric/libc_hooks.hpp"

#include "common/log.hpp"
#include "fabric/code_patch.hpp"
#include "fabric/libc_hooks_bodies.hpp"
#include "fabric/memory_listeners.hpp"

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>

namespace orfa::fabric {
namespace {

enum class Way : std::uint8_t { kNone, kOwn, kOpenMpi, kOtherCopy };

// AddressSanitizer's heap and ThreadSanitizer's threads map and unmap memory by system calls of
// their own.
bool is_sanitized() {
    return dlsym(RTLD_DEFAULT, "__asan_init") != nullptr ||
           dlsym(RTLD_DEFAULT, "__tsan_init") != nullptr ||
           dlsym(RTLD_DEFAULT, "__msan_init") != nullptr;
}

constexpr std::size_t kFunctions = 7;
constexpr std::array<const char*, kFunctions> kNames = {"munmap", "mremap", "madvise", "brk",
                                                        "shmdt",  "shmat",  "mmap"};

// At the start of our jump page, for other copies of this library in the process (a preloaded one
// and one inside an MPI component). Never changes but with its magic.
using TellFunction = void (*)(std::uintptr_t start, std::uintptr_t end);
struct SharedHead {
    char magic[16];
    int (*share)(TellFunction tell);  // an errno
};
constexpr char kMagic[16] = "ORFA-MEMHOOKS-1";

// Everything but the atomics is guarded by `mutex`. No constructors: see memory_listeners.cpp.
constinit pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
constinit std::array<void*, kFunctions> entries{};
constinit std::array<std::atomic<std::uint64_t>, kFunctions> expected{};  // their first bytes
constinit std::atomic<Way> current{Way::kNone};
constinit std::atomic<std::uint64_t> generations{0};
constinit std::atomic<const char*> why{"not asked for"};
constinit void* own_page = nullptr;
constinit std::atomic<const volatile int*> open_mpi_users{nullptr};  // 0 there: it has ended
constinit pid_t shared_in = 0;  // the process in which another copy was asked to tell us

class Locked {
  public:
    Locked() { pthread_mutex_lock(&mutex); }
    ~Locked() { pthread_mutex_unlock(&mutex); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;
};

Status refuse(const char* reason) {
    why = reason;
    current = Way::kNone;
    return Status::from_errno(ENOTSUP);
}

// ---- Open MPI ----------------------------------------------------------------------------------

void told_by_open_mpi(void* buffer, std::size_t length, void*, bool) {
    const auto start = reinterpret_cast<std::uintptr_t>(buffer);
    tell_listeners({start, length == 0 ? UINTPTR_MAX : start + length});
}

template <typename Function>
Function open_mpi_function(const char* name) {
    void* found = ::dlsym(RTLD_DEFAULT, name);
    for (const char* library : {"libopen-pal.so.40", "libopen-pal.so.80"}) {
        if (found != nullptr) break;
        if (void* handle = ::dlopen(library, RTLD_LAZY | RTLD_NOLOAD); handle != nullptr)
            found = ::dlsym(handle, name);
    }
    return reinterpret_cast<Function>(found);
}

// After MPI_Finalize() Open MPI's patches stay where they are and tell nobody.
bool open_mpi_lives() {
    const volatile int* users = open_mpi_users.load(std::memory_order_relaxed);
    return users != nullptr && *users > 0;
}

// True: Open MPI's hooks are in place and tell us.
bool share_open_mpi() {
    open_mpi_users = open_mpi_function<const int*>("opal_initialized");
    if (!open_mpi_lives()) return false;
    using Callback = void (*)(void*, std::size_t, void*, bool);
    const auto level = open_mpi_function<int (*)()>("opal_mem_hooks_support_level");
    const auto add = open_mpi_function<int (*)(Callback, void*)>("opal_mem_hooks_register_release");
    const auto remove = open_mpi_function<int (*)(Callback)>("opal_mem_hooks_unregister_release");
    constexpr int kFreeAndMunmap = 3;
    if (level == nullptr || add == nullptr || remove == nullptr) return false;
    if ((level() & kFreeAndMunmap) != kFreeAndMunmap) return false;
    (void)remove(told_by_open_mpi);
    return add(told_by_open_mpi, nullptr) == 0;
}

// ---- Another copy of this library --------------------------------------------------------------

// What our own hooks also tell, for the other copy.
class OtherCopy final : public MemoryListener {
  public:
    void on_memory_changed(const AddressRange& range) noexcept override {
        tell(range.start, range.end);
    }
    TellFunction tell = nullptr;
};
constexpr std::size_t kMaxCopies = 8;

int share_with(TellFunction tell) {
    const Locked locked;
    static std::array<OtherCopy, kMaxCopies> copies;
    for (OtherCopy& copy : copies) {
        if (copy.tell != nullptr && copy.tell != tell) continue;
        if (copy.tell == tell) remove_listener(copy);
        copy.tell = tell;
        return add_listener(copy).err();
    }
    return ENOSPC;
}

void told_by_other_copy(std::uintptr_t start, std::uintptr_t end) {
    tell_listeners({start, end});
}

const SharedHead* head_behind(const void* entry) {
    const void* target = jump_target(entry);
    if (target == nullptr) return nullptr;
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto* head = reinterpret_cast<const SharedHead*>(
        pointer_to(reinterpret_cast<std::uintptr_t>(target) & ~(page - 1)));
    return std::memcmp(head->magic, kMagic, sizeof kMagic) == 0 ? head : nullptr;
}

// ---- Our own -----------------------------------------------------------------------------------

// Code jumps into this library from now on, whatever becomes of the program that loaded it.
void stay_loaded() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(&told_by_other_copy), &info) != 0)
        (void)::dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

Status patch() {
    if (is_sanitized()) return refuse("not under a sanitizer");
    if (!find_program_break()) return refuse("this C library's brk() is not known here");
    const auto bodies = hook_bodies();
    Result<JumpPage> page = JumpPage::make(entries[0]);
    if (!page.ok())
        return refuse(page.status().err() == ENOTSUP ? "not on this processor"
                                                     : "no memory near the C library");
    SharedHead head{};
    std::memcpy(head.magic, kMagic, sizeof kMagic);
    head.share = share_with;
    static_assert(sizeof head <= JumpPage::kHeadBytes);
    std::memcpy((*page).head(), &head, sizeof head);
    for (std::size_t i = 0; i < kFunctions; ++i) {
        if (!(*page).redirect(entries[i], bodies[i]).ok())
            return refuse("the C library's code may not be changed in this process");
    }
    (*page).seal();
    own_page = (*page).head();
    return {};
}

Status find_entries() {
    if (entries[0] != nullptr) return {};
    void* libc = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (libc == nullptr) return refuse("this C library is not known here");
    for (std::size_t i = kFunctions; i-- > 0;) {
        entries[i] = ::dlsym(libc, kNames[i]);
        if (entries[i] == nullptr) return refuse("the C library lacks one of the functions");
    }
    return {};
}

Result<Way> choose_way() {
    if (!is_patched(entries[0])) {
        ORFA_TRY(patch());
        return Way::kOwn;
    }
    if (const SharedHead* head = head_behind(entries[0]); head != nullptr) {
        if (head == own_page) return Way::kOwn;
        if (head->share(told_by_other_copy) == 0) return Way::kOtherCopy;
        return refuse("another copy of ORFA has hooks and takes no more listeners");
    }
    if (share_open_mpi()) return Way::kOpenMpi;
    return refuse("another library has patched munmap() and tells nobody (any more)");
}

}  // namespace

Status LibcHooks::install() {
    const Locked locked;
    const bool other_process = current == Way::kOtherCopy && shared_in != ::getpid();
    if (current != Way::kNone && intact() && !other_process) return {};
    ORFA_TRY(find_entries());
    stay_loaded();
    const Result<Way> chosen = choose_way();
    if (!chosen.ok()) return chosen.status();
    shared_in = ::getpid();
    for (std::size_t i = 0; i < kFunctions; ++i)
        expected[i] = first_bytes(entries[i]);
    why = "";
    current = *chosen;
    ++generations;
    ORFA_LOG(fabric, info, "changes of memory are told by %s", way());
    return {};
}

bool LibcHooks::intact() {
    if (current.load(std::memory_order_relaxed) == Way::kOpenMpi && !open_mpi_lives()) return false;
    for (std::size_t i = 0; i < kFunctions; ++i) {
        if (first_bytes(entries[i]) != expected[i].load(std::memory_order_relaxed)) return false;
    }
    return true;
}

std::uint64_t LibcHooks::generation() {
    return generations.load(std::memory_order_relaxed);
}

const char* LibcHooks::way() {
    switch (current.load()) {
        case Way::kNone:
            return "nobody";
        case Way::kOwn:
            return "hooks in the C library";
        case Way::kOpenMpi:
            return "Open MPI's memory hooks";
        case Way::kOtherCopy:
            return "the hooks of another copy of ORFA";
    }
    return "";
}

const char* LibcHooks::reason() {
    return why;
}

}  // namespace orfa::fabric
