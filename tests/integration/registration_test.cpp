// SPDX-License-Identifier: MIT
// The whole stack where registering memory costs something: real servers and clients over libfabric
// at a pretended price, where every use of a stale registration ends the process.
#include "tests/integration/client.hpp"
#include "tests/sanitizers.hpp"

#include <gtest/gtest.h>

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>

extern char** environ;

namespace orfa::testing {
namespace {

constexpr std::size_t kMiB = 1 << 20;

orfa_counters counters_of(const SessionPtr& session) {
    orfa_counters counters{};
    orfa_counters_of(session.get(), &counters);
    return counters;
}

class Registration : public ::testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (kSanitized && std::string(GetParam()) == "hooks")
            GTEST_SKIP() << "sanitizers map memory by system calls of their own";
        ASSERT_TRUE(cluster.ok()) << cluster.error();
    }

    // Writes `length` bytes of pattern `key` from this memory, and reads them back into it.
    void round_trip(const FilePtr& file, std::byte* memory, std::size_t length, std::uint64_t key) {
        const std::vector<std::byte> right = pattern(key, 0, length);
        std::memcpy(memory, right.data(), length);
        ASSERT_EQ(orfa_pwrite(file.get(), memory, length, 0), static_cast<ssize_t>(length))
            << orfa_error();
        std::memset(memory, 0, length);
        ASSERT_EQ(orfa_pread(file.get(), memory, length, 0), static_cast<ssize_t>(length))
            << orfa_error();
        ASSERT_EQ(std::memcmp(memory, right.data(), length), 0) << "key " << key;
    }

    ScopedEnvironment price{"ORFA_REGISTRATION_PRICE", "0:0"};
    ScopedEnvironment copy{"ORFA_REGISTRATION_COPY", "0"};
    ScopedEnvironment monitor{"ORFA_MEMORY_MONITOR", GetParam()};
    Cluster cluster{ClusterOptions{.servers = 2, .memory_limit = "64MiB"}};
};

TEST_P(Registration, IsKeptForTheNextTransfer) {
    const SessionPtr session = connect(cluster, "ofi");
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/kept");
    std::vector<std::byte> memory(4 * kMiB);
    for (std::uint64_t i = 0; i < 50; ++i)
        round_trip(file, memory.data(), memory.size(), i);
    const orfa_counters counters = counters_of(session);
    EXPECT_GT(counters.registration_hits, 99 * counters.registration_misses / 10);
    EXPECT_LE(counters.registration_misses, 10U);
}

TEST_P(Registration, FollowsMemoryThatComesAndGoes) {
    const SessionPtr session = connect(cluster, "ofi");
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/comes-and-goes");
    std::mt19937 random(1);
    constexpr int kAnywhere = MAP_PRIVATE | MAP_ANONYMOUS;
    void* place = mmap(nullptr, 8 * kMiB, PROT_NONE, kAnywhere, -1, 0);
    for (std::uint64_t i = 0; i < 300; ++i) {
        const std::size_t length = 1 + random() % kMiB;
        if (i % 3 == 0) {
            void* at = std::malloc(length);
            round_trip(file, static_cast<std::byte*>(at), length, i);
            at = std::realloc(at, 2 * length);
            round_trip(file, static_cast<std::byte*>(at), 2 * length, i);
            std::free(at);
        } else {
            auto* at =
                static_cast<std::byte*>(mmap(place, length, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
            round_trip(file, at, length, i);
            madvise(at, length, MADV_DONTNEED);
            round_trip(file, at, length, i + 1000);
            if (i % 3 == 2) continue;
            munmap(at, length);
            // Reserved again, unless somebody else was quicker.
            void* const again =
                mmap(place, length, PROT_NONE, kAnywhere | MAP_FIXED_NOREPLACE, -1, 0);
            if (again == place) continue;
            if (again != MAP_FAILED) munmap(again, length);
            place = mmap(nullptr, 8 * kMiB, PROT_NONE, kAnywhere, -1, 0);
        }
    }
    const orfa_counters counters = counters_of(session);
    EXPECT_GT(counters.registration_invalidations, 100U);
    // Sanitizers change memory all the time.
    if (!kSanitized) {
        EXPECT_GT(counters.registration_hits, 300U);
    }
}

TEST_P(Registration, SurvivesChildren) {
    if (kThreadSanitizer) GTEST_SKIP() << "ThreadSanitizer lets no forked child have threads";
    const SessionPtr session = connect(cluster, "ofi");
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/children");
    std::vector<std::byte> memory(kMiB);
    const auto run_children = [&] {
        EXPECT_EQ(std::system("true"), 0);
        std::FILE* pipe = popen("cat > /dev/null", "w");
        ASSERT_NE(pipe, nullptr);
        EXPECT_EQ(pclose(pipe), 0);
        char program[] = "/bin/true";
        char* arguments[] = {program, nullptr};
        pid_t pid = 0;
        int status = -1;
        ASSERT_EQ(posix_spawn(&pid, program, nullptr, nullptr, arguments, environ), 0);
        waitpid(pid, &status, 0);
        EXPECT_EQ(status, 0);
        // Writes to what its parent has registered, and has a session of its own.
        pid = fork();
        if (pid == 0) {
            std::memset(memory.data(), 7, memory.size());
            const bool wrote = orfa_pwrite(file.get(), memory.data(), memory.size(), 64 * kMiB) ==
                               static_cast<ssize_t>(memory.size());
            _exit(wrote ? 0 : 1);
        }
        // The parent is the first to write to some of the pages, the child to others.
        memory[0] = std::byte{1};
        waitpid(pid, &status, 0);
        EXPECT_EQ(status, 0);
    };
    for (std::uint64_t i = 0; i < 5; ++i) {
        round_trip(file, memory.data(), memory.size(), i);
        run_children();
        round_trip(file, memory.data(), memory.size(), i + 100);
    }
    // With a transfer under way.
    const std::vector<std::byte> right = pattern(9, 0, memory.size());
    memory = right;
    const orfa_segment segment{memory.data(), memory.size()};
    const orfa_extent extent{0, memory.size()};
    const orfa_access access{&segment, 1, &extent, 1, nullptr, 0};
    orfa_op* op = orfa_start_writev(file.get(), &access, nullptr, nullptr);
    ASSERT_NE(op, nullptr) << orfa_error();
    EXPECT_EQ(std::system("true"), 0);
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    int status = -1;
    waitpid(pid, &status, 0);
    EXPECT_EQ(orfa_op_finish(op, -1), static_cast<ssize_t>(memory.size())) << orfa_error();
    std::memset(memory.data(), 0, memory.size());
    ASSERT_EQ(orfa_pread(file.get(), memory.data(), memory.size(), 0),
              static_cast<ssize_t>(memory.size()));
    EXPECT_EQ(memory, right);
}

INSTANTIATE_TEST_SUITE_P(Monitors, Registration, ::testing::Values("hooks", "userfaultfd"));

TEST(RegistrationBypass, CostsNothingWhereRegisteringIsFree) {
    Cluster cluster({.servers = 2, .memory_limit = "64MiB"});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    for (const char* transport : {"ofi", "local"}) {
        const SessionPtr session = connect(cluster, transport);
        ASSERT_NE(session, nullptr) << orfa_error();
        const FilePtr file = open(session, std::string("/free-") + transport);
        std::vector<std::byte> memory(kMiB);
        for (int i = 0; i < 20; ++i)
            ASSERT_EQ(orfa_pwrite(file.get(), memory.data(), memory.size(), 0),
                      static_cast<ssize_t>(memory.size()));
        const orfa_counters counters = counters_of(session);
        EXPECT_EQ(counters.registration_hits + counters.registration_misses, 0U) << transport;
        EXPECT_EQ(counters.bytes_staged, 0U) << transport;
        EXPECT_EQ(counters.registrations > 0, std::string(transport) == "ofi");
    }
}

TEST(RegistrationCopying, GoesThroughRegisteredBuffersUntilRegisteringPays) {
    const ScopedEnvironment price("ORFA_REGISTRATION_PRICE", "100:1000000");
    Cluster cluster({.servers = 1, .memory_limit = "64MiB"});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr session = connect(cluster, "ofi");
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/copied");
    std::vector<std::byte> memory(64 << 10, std::byte{5});
    std::vector<std::byte> back(memory.size());
    const auto write = [&] {
        return orfa_pwrite(file.get(), memory.data(), memory.size(), 0) ==
               static_cast<ssize_t>(memory.size());
    };
    ASSERT_TRUE(write());
    EXPECT_EQ(counters_of(session).bytes_staged, memory.size());
    ASSERT_EQ(orfa_pread(file.get(), back.data(), back.size(), 0),
              static_cast<ssize_t>(back.size()));
    EXPECT_EQ(back, memory);
    // A millisecond is worth some hundred copies; then it is registered and found.
    for (int i = 0; i < 3000 && counters_of(session).registration_hits == 0; ++i)
        ASSERT_TRUE(write());
    const std::uint64_t staged = counters_of(session).bytes_staged;
    ASSERT_TRUE(write());
    EXPECT_GT(counters_of(session).registration_hits, 0U);
    EXPECT_EQ(counters_of(session).bytes_staged, staged);
}

#ifdef ORFA_LIBRARY
TEST(RegistrationPython, SurvivesSubprocesses) {
    const ScopedEnvironment price("ORFA_REGISTRATION_PRICE", "0:0");
    const ScopedEnvironment copy("ORFA_REGISTRATION_COPY", "0");
    Cluster cluster({.servers = 2, .memory_limit = "64MiB"});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    cluster.set_environment("ofi");
    EXPECT_EQ(std::system("/usr/bin/python3 '" ORFA_SCRIPT "' '" ORFA_LIBRARY "'"), 0);
}
#endif

TEST(RegistrationSettings, ThatAreWrongAreRefused) {
    Cluster cluster({.servers = 1, .memory_limit = "64MiB"});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const ScopedEnvironment wrong("ORFA_MEMORY_MONITOR", "spy");
    EXPECT_EQ(connect(cluster, "ofi"), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

}  // namespace
}  // namespace orfa::testing
