// SPDX-License-Identifier: MIT
// Files shared by processes: exported handles, appends, fork.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <random>

namespace orfa::testing {
namespace {

class Sharing : public ::testing::TestWithParam<const char*> {
  protected:
    void SetUp() override { ASSERT_TRUE(cluster_.ok()) << cluster_.error(); }
    Cluster cluster_;
};

bool writes_and_reads(orfa_file* file, std::uint64_t key, std::uint64_t offset,
                      std::size_t length) {
    const auto bytes = pattern(key, offset, length);
    std::vector<std::byte> back(length);
    const auto n = static_cast<ssize_t>(length);
    const bool done = orfa_pwrite(file, bytes.data(), length, offset) == n &&
                      orfa_pread(file, back.data(), length, offset) == n && back == bytes;
    if (!done) std::fprintf(stderr, "pid %d: %s\n", getpid(), orfa_error());
    return done;
}

TEST_P(Sharing, AnExportedHandleWorksInAnExecutedProgram) {
    const SessionPtr session = connect(cluster_, GetParam());
    ASSERT_NE(session, nullptr) << orfa_error();
    // Its home is not the first server of its data, so that the program has to find both.
    for (int first = 0; first < 4; ++first) {
        const std::string path = "/exported" + std::to_string(first);
        const FilePtr file = open(session, path, O_CREAT | O_RDWR, {65536, 3, first});
        ASSERT_NE(file, nullptr) << orfa_error();
        char handle[ORFA_HANDLE_MAX];
        const ssize_t length = orfa_handle_export(file.get(), handle, sizeof(handle));
        ASSERT_GT(length, 0) << orfa_error();
        const auto handle_path = cluster_.directory() / ("handle" + std::to_string(first));
        std::ofstream(handle_path, std::ios::binary).write(handle, length);
        const auto result = run_program({ORFA_IMPORT_PROGRAM, handle_path.string(), "300000"},
                                        {{"ORFA_SERVERS", cluster_.servers()}});
        EXPECT_EQ(result.exit_code, 0) << result.output;
        std::vector<char> back(300'000);
        ASSERT_EQ(orfa_pread(file.get(), back.data(), back.size(), 0), 300'000) << orfa_error();
        for (std::size_t i = 0; i < back.size(); ++i)
            ASSERT_EQ(back[i], static_cast<char>(i * 31 % 127)) << i;
        struct stat status {};
        ASSERT_EQ(orfa_stat(session.get(), path.c_str(), &status), 0) << orfa_error();
        EXPECT_EQ(status.st_size, 300'000);
    }
}

TEST_P(Sharing, BytesThatAreNoHandleAreEinval) {
    const SessionPtr session = connect(cluster_, GetParam());
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/handle");
    char handle[ORFA_HANDLE_MAX];
    const ssize_t length = orfa_handle_export(file.get(), handle, sizeof(handle));
    ASSERT_GT(length, 0);
    EXPECT_EQ(orfa_handle_export(file.get(), handle, 3), -1);
    EXPECT_EQ(errno, ERANGE);
    errno = 0;
    EXPECT_EQ(orfa_handle_import(session.get(), handle, static_cast<size_t>(length) - 1), nullptr);
    EXPECT_EQ(errno, EINVAL);
    handle[0] = static_cast<char>(handle[0] ^ 1);
    errno = 0;
    EXPECT_EQ(orfa_handle_import(session.get(), handle, static_cast<size_t>(length)), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

// Whatever a handle's bytes are, importing and using it crashes nothing, here or at the servers.
TEST_P(Sharing, MutatedHandlesDoNoHarm) {
    const SessionPtr session = connect(cluster_, GetParam());
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/mutated");
    char handle[ORFA_HANDLE_MAX];
    const ssize_t length = orfa_handle_export(file.get(), handle, sizeof(handle));
    ASSERT_GT(length, 0);
    std::mt19937 random(11);
    for (int i = 0; i < 2000; ++i) {
        std::string bytes(handle, static_cast<std::size_t>(length));
        for (auto left = random() % 4 + 1; left > 0; --left)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        bytes.resize(random() % 10 == 0 ? random() % 256 : bytes.size());
        const FilePtr imported(orfa_handle_import(session.get(), bytes.data(), bytes.size()));
        if (imported == nullptr) {
            EXPECT_EQ(errno, EINVAL);
            continue;
        }
        char byte = 0;
        if (i % 20 == 0) {
            EXPECT_LE(orfa_pread(imported.get(), &byte, 1, random()), 1);
        }
    }
    EXPECT_TRUE(writes_and_reads(file.get(), 1, 0, 10'000));
}

TEST_P(Sharing, AForgedHandleIsRefusedByTheServers) {
    const SessionPtr session = connect(cluster_, GetParam());
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/forged", O_CREAT | O_RDONLY);
    char handle[ORFA_HANDLE_MAX];
    const ssize_t length = orfa_handle_export(file.get(), handle, sizeof(handle));
    ASSERT_GT(length, 0);
    handle[16] = static_cast<char>(handle[16] | 3);  // the rights, behind magic and inode
    const FilePtr forged(orfa_handle_import(session.get(), handle, static_cast<size_t>(length)));
    ASSERT_NE(forged, nullptr) << orfa_error();
    errno = 0;
    EXPECT_EQ(orfa_pwrite(forged.get(), "x", 1, 0), -1);
    EXPECT_EQ(errno, EBADF);
}

// Records of several processes: all there, each whole, none over another.
TEST_P(Sharing, AppendsOfManyProcessesAreAtomic) {
    constexpr unsigned kProcesses = 5;
    const unsigned records = kSlower > 1 ? 20 : 60;
    constexpr std::size_t kMost = 30'000;
    const int code = run_processes(kProcesses, 40000, [&](unsigned rank, Barrier& barrier) {
        const SessionPtr session = connect(cluster_, GetParam());
        if (session == nullptr) return 2;
        const FilePtr file = open(session, "/log", O_CREAT | O_RDWR, {4096, 4, 2});
        if (file == nullptr) return 3;
        barrier.wait();
        for (unsigned i = 0; i < records; ++i) {
            const std::size_t length = 1 + (rank * 7919 + i * 104'729) % kMost;
            std::vector<std::uint32_t> record(length / 4 + 2, rank << 16 | i);
            record[0] = static_cast<std::uint32_t>(record.size());
            const auto bytes = static_cast<ssize_t>(record.size() * 4);
            if (orfa_append(file.get(), record.data(), record.size() * 4) != bytes) {
                std::fprintf(stderr, "append: %s\n", orfa_error());
                return 4;
            }
        }
        barrier.wait();
        return 0;
    });
    ASSERT_EQ(code, 0);
    const SessionPtr session = connect(cluster_, GetParam());
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/log", O_RDONLY);
    const auto size = static_cast<std::size_t>(orfa_size(file.get()));
    std::vector<std::uint32_t> words(size / 4);
    ASSERT_EQ(orfa_pread(file.get(), words.data(), size, 0), static_cast<ssize_t>(size));
    std::map<std::uint32_t, unsigned> next;  // by process: its records stay in order
    std::size_t at = 0;
    std::size_t found = 0;
    while (at < words.size()) {
        const std::size_t length = words[at];
        ASSERT_GE(length, 2U) << "at word " << at;
        ASSERT_LE(at + length, words.size());
        const std::uint32_t id = words[at + 1];
        for (std::size_t i = 1; i < length; ++i)
            ASSERT_EQ(words[at + i], id) << "at word " << at + i;
        EXPECT_EQ(id & 0xffff, next[id >> 16]++);
        at += length;
        ++found;
    }
    EXPECT_EQ(found, std::size_t{kProcesses} * records);
}

TEST_P(Sharing, AForkedChildUsesTheParentsFileWhileTheParentGoesOn) {
    const SessionPtr session = connect(cluster_, GetParam());
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/forked", O_CREAT | O_RDWR, {65536, 4, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    ASSERT_TRUE(writes_and_reads(file.get(), 1, 0, 500'000));
    std::vector<pid_t> children;
    for (unsigned c = 1; c <= 3; ++c) {
        children.push_back(fork_child([&] {
            for (unsigned i = 0; i < 20; ++i) {
                const std::uint64_t offset = (i * 4 + c) * std::uint64_t{200'000};
                if (!writes_and_reads(file.get(), c, offset, i % 2 == 0 ? 200'000 : 100)) return 1;
            }
            return 0;
        }));
        for (unsigned i = 0; i < 5; ++i)
            EXPECT_TRUE(writes_and_reads(file.get(), 9, (i * 4ULL) * 200'000, 200'000));
    }
    for (const pid_t child : children) {
        const int code = wait_child(child, 20000);
        EXPECT_EQ(code, 0);
        if (code < 0) end_child(child);
    }
    EXPECT_TRUE(writes_and_reads(file.get(), 10, 0, 500'000));
}

TEST_P(Sharing, AForkInTheMiddleOfATransferDisturbsNeitherSide) {
    if (kSanitized && std::string(GetParam()) == "ofi")
        GTEST_SKIP() << "a sanitizer's allocator, unlike glibc's, stays locked in a child that was "
                        "forked while another thread allocated";
    const SessionPtr session = connect(cluster_, GetParam());
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/midfork", O_CREAT | O_RDWR, {65536, 4, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    constexpr std::size_t kLength = 20'000'000;
    const auto bytes = pattern(1, 0, kLength);
    const orfa_segment segment{const_cast<std::byte*>(bytes.data()), kLength};
    const orfa_extent extent{0, kLength};
    const orfa_access access{&segment, 1, &extent, 1, nullptr, 0};
    orfa_op* op = orfa_start_writev(file.get(), &access, nullptr, nullptr);
    ASSERT_NE(op, nullptr) << orfa_error();
    const pid_t child = fork_child(
        [&] { return writes_and_reads(file.get(), 2, kLength + 1000, 300'000) ? 0 : 1; });
    EXPECT_EQ(orfa_op_finish(op, 20000), static_cast<ssize_t>(kLength)) << orfa_error();
    const int code = wait_child(child, 20000);
    EXPECT_EQ(code, 0);
    if (code < 0) end_child(child);
    std::vector<std::byte> back(kLength);
    ASSERT_EQ(orfa_pread(file.get(), back.data(), kLength, 0), static_cast<ssize_t>(kLength));
    EXPECT_TRUE(back == bytes);
}

TEST_P(Sharing, TheDefaultSessionWorksInAForkedChild) {
    cluster_.set_environment(GetParam());
    const pid_t outer = fork_child([] {
        orfa_session* session = orfa_default_session();
        if (session == nullptr) return 1;
        const pid_t inner =
            fork_child([] { return orfa_ping(orfa_default_session(), 3) == 0 ? 0 : 1; });
        if (orfa_ping(session, 3) != 0) return 2;
        return wait_child(inner, 10000);
    });
    const int code = wait_child(outer, 20000);
    EXPECT_EQ(code, 0);
    if (code < 0) end_child(outer);
}

INSTANTIATE_TEST_SUITE_P(Ways, Sharing, ::testing::Values("local", "ofi"),
                         [](const auto& way) { return std::string(way.param); });

}  // namespace
}  // namespace orfa::testing
