// SPDX-License-Identifier: MIT
// Both monitors tell of every way in which a program can change its memory.
#include "fabric/memory_monitor.hpp"

#include "common/mutex.hpp"
#include "fabric/libc_hooks.hpp"
#include "tests/sanitizers.hpp"

#include <gtest/gtest.h>

#include <malloc.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

extern char** environ;

namespace orfa::fabric {
namespace {

constexpr std::size_t kPage = 4096;

// The sanitizers' malloc makes system calls of its own, and keeps what is freed.
constexpr bool kOwnMalloc = !kSanitized;

// Notes whether a range of interest was named.
class Watcher final : public MemoryListener {
  public:
    void on_memory_changed(const AddressRange& changed) noexcept override {
        if (changed.overlaps({start, end})) ++told;
    }
    std::atomic<std::uintptr_t> start{0}, end{0};
    std::atomic<int> told{0};
};

class MemoryMonitorTest : public ::testing::TestWithParam<MonitorChoice> {
  protected:
    void SetUp() override {
        auto made = make_monitor(GetParam(), watcher);
        if (!made.ok()) GTEST_SKIP() << "not permitted here: " << made.status().err();
        monitor = std::move(*made);
    }
    // Memory that was touched and is watched.
    std::byte* fresh(std::size_t bytes, int flags = MAP_PRIVATE | MAP_ANONYMOUS) {
        void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
        EXPECT_NE(at, MAP_FAILED);
        watch(at, bytes);
        return static_cast<std::byte*>(at);
    }
    void watch(void* at, std::size_t bytes) { EXPECT_TRUE(try_watch(at, bytes).ok()); }
    Status try_watch(void* at, std::size_t bytes) {
        std::memset(at, 1, bytes);
        const auto start = reinterpret_cast<std::uintptr_t>(at) & ~(kPage - 1);
        const auto end = (reinterpret_cast<std::uintptr_t>(at) + bytes + kPage - 1) & ~(kPage - 1);
        watcher.start = start;
        watcher.end = end;
        watcher.told = 0;
        return monitor->watch({start, end});
    }
    bool told() {
        EXPECT_TRUE(monitor->settle());
        return watcher.told.exchange(0) > 0;
    }

    Watcher watcher;
    std::unique_ptr<MemoryMonitor> monitor;
};

TEST_P(MemoryMonitorTest, TellsOfMunmap) {
    std::byte* at = fresh(8 * kPage);
    EXPECT_FALSE(told());
    munmap(at + 2 * kPage, kPage);
    EXPECT_TRUE(told());
    munmap(at, 8 * kPage);
    EXPECT_TRUE(told());
}

TEST_P(MemoryMonitorTest, TellsOfMemoryMappedOver) {
    std::byte* at = fresh(4 * kPage);
    EXPECT_EQ(mmap(at + kPage, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
              at + kPage);
    EXPECT_TRUE(told());
    munmap(at, 4 * kPage);
}

TEST_P(MemoryMonitorTest, TellsOfMremapWhenItMovesShrinksAndCovers) {
    std::byte* at = fresh(16 * kPage);
    EXPECT_EQ(mremap(at, 16 * kPage, 8 * kPage, 0), at);
    EXPECT_TRUE(told());
    void* target = mmap(nullptr, 8 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    watch(at, 8 * kPage);
    EXPECT_EQ(mremap(at, 8 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, target), target);
    EXPECT_TRUE(told());
    std::byte* covered = fresh(8 * kPage);
    EXPECT_EQ(mremap(target, 8 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, covered),
              covered);
    EXPECT_TRUE(told());
    munmap(covered, 8 * kPage);
}

TEST_P(MemoryMonitorTest, TellsOfDiscardedPages) {
    std::byte* at = fresh(4 * kPage);
    madvise(at, kPage, MADV_DONTNEED);
    EXPECT_TRUE(told());
    madvise(at, kPage, MADV_WILLNEED);
    EXPECT_FALSE(told());
    munmap(at, 4 * kPage);
    at = fresh(4 * kPage, MAP_SHARED | MAP_ANONYMOUS);
    EXPECT_EQ(madvise(at, kPage, MADV_REMOVE), 0);
    EXPECT_TRUE(told());
    munmap(at, 4 * kPage);
}

TEST_P(MemoryMonitorTest, TellsOfTheProgramBreak) {
    void* const before = sbrk(64 * kPage);
    ASSERT_NE(before, reinterpret_cast<void*>(-1));
    watch(before, 64 * kPage);
    if (sbrk(0) != static_cast<std::byte*>(before) + 64 * kPage) GTEST_SKIP() << "malloc moved it";
    ASSERT_EQ(brk(before), 0);
    EXPECT_TRUE(told());
    EXPECT_EQ(sbrk(0), before);
}

TEST_P(MemoryMonitorTest, TellsOfDetachedSharedMemory) {
    const int id = shmget(IPC_PRIVATE, 4 * kPage, IPC_CREAT | 0600);
    if (id < 0) GTEST_SKIP() << "no System V shared memory";
    void* at = shmat(id, nullptr, 0);
    shmctl(id, IPC_RMID, nullptr);
    const bool watched = try_watch(at, 4 * kPage).ok();
    EXPECT_EQ(watched, GetParam() == MonitorChoice::kHooks);  // the kernel says no
    shmdt(at);
    if (watched) {
        EXPECT_TRUE(told());
    }
}

TEST_P(MemoryMonitorTest, TellsOfWhatFreeGivesBack) {
    if (!kOwnMalloc) GTEST_SKIP() << "the sanitizer's malloc";
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    void* large = std::malloc(4 << 20);
    watch(large, 4 << 20);
    std::free(large);
    EXPECT_TRUE(told());
    // Grown where it cannot grow in place.
    large = std::malloc(4 << 20);
    watch(large, 4 << 20);
    void* grown = std::realloc(large, 64 << 20);
    if (grown != large) {
        EXPECT_TRUE(told());
    }
    std::free(grown);
}

TEST_P(MemoryMonitorTest, TellsOfWhatATrimmedHeapGivesBack) {
    if (!kOwnMalloc) GTEST_SKIP() << "the sanitizer's malloc";
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    void* block = std::malloc(8 << 20);
    watch(static_cast<std::byte*>(block) + (1 << 20), 2 << 20);
    std::free(block);
    malloc_trim(0);
    EXPECT_TRUE(told());
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

TEST_P(MemoryMonitorTest, SaysNothingOfOtherMemory) {
    std::byte* at = fresh(4 * kPage);
    void* other = mmap(nullptr, 4 * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(other, 4 * kPage);
    std::free(std::malloc(4 << 20));
    EXPECT_FALSE(told());
    munmap(at, 4 * kPage);
}

TEST_P(MemoryMonitorTest, TellsBeforeTheAddressesCanBeTakenAgain) {
    // One thread unmaps, another maps the same addresses and asks.
    for (int i = 0; i < 300; ++i) {
        std::byte* at = fresh(4 * kPage);
        std::thread changer([at] { munmap(at, 4 * kPage); });
        void* got = MAP_FAILED;
        while (got == MAP_FAILED) {
            got = mmap(at, 4 * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                       -1, 0);
        }
        ASSERT_TRUE(told()) << i;
        changer.join();
        munmap(got, 4 * kPage);
    }
}

TEST_P(MemoryMonitorTest, ChildrenDoNotDisturbTheParent) {
    std::byte* at = fresh(4 * kPage);
    EXPECT_EQ(std::system("true"), 0);
    std::FILE* pipe = popen("echo hello", "r");
    ASSERT_NE(pipe, nullptr);
    char line[16] = "";
    EXPECT_NE(std::fgets(line, sizeof line, pipe), nullptr);
    EXPECT_EQ(pclose(pipe), 0);
    pid_t pid = 0;
    char program[] = "/bin/true";
    char* arguments[] = {program, nullptr};
    ASSERT_EQ(posix_spawn(&pid, program, nullptr, nullptr, arguments, environ), 0);
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
    pid = fork();
    if (pid == 0) {
        munmap(at, 4 * kPage);  // its own copy
        std::free(std::malloc(4 << 20));
        _exit(0);
    }
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(told());
    munmap(at, 4 * kPage);
    EXPECT_TRUE(told());
}

TEST_P(MemoryMonitorTest, CanBeMadeAnewInAForkedChild) {
    if (!kOwnMalloc && GetParam() == MonitorChoice::kUserfaultfd)
        GTEST_SKIP() << "ThreadSanitizer starts no threads in a forked child";
    const pid_t pid = fork();
    if (pid == 0) {
        monitor->forget_after_fork();
        Watcher own;
        auto made = make_monitor(GetParam(), own);
        if (!made.ok()) _exit(2);
        void* at = mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        own.start = reinterpret_cast<std::uintptr_t>(at);
        own.end = own.start + kPage;
        if (!(*made)->watch({own.start, own.end}).ok()) _exit(3);
        munmap(at, kPage);
        if (!(*made)->settle()) _exit(4);
        _exit(own.told > 0 ? 0 : 1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, MemoryMonitorTest,
                         ::testing::Values(MonitorChoice::kHooks, MonitorChoice::kUserfaultfd),
                         [](const auto& kind) {
                             return kind.param == MonitorChoice::kHooks ? "Hooks" : "Userfaultfd";
                         });

}  // namespace
}  // namespace orfa::fabric
