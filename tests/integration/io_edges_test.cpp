// SPDX-License-Identifier: MIT
// Edges of the transfer calls: ends of files, holes, bad lists, long lists, layouts, large counts.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace orfa::testing {
namespace {

// "bounce": the same host, without process_vm and stages.
class Edges : public ::testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        ASSERT_TRUE(cluster_.ok()) << cluster_.error();
        const bool bounce = std::string(GetParam()) == "bounce";
        if (bounce) {
            no_process_vm_ = std::make_unique<ScopedEnvironment>("ORFA_PROCESS_VM", "0");
            no_stages_ = std::make_unique<ScopedEnvironment>("ORFA_STAGE_MAX", "0");
        }
        session_ = connect(cluster_, bounce ? "local" : GetParam());
        ASSERT_NE(session_, nullptr) << orfa_error();
    }

    Cluster cluster_;
    std::unique_ptr<ScopedEnvironment> no_process_vm_;
    std::unique_ptr<ScopedEnvironment> no_stages_;
    SessionPtr session_;
};

TEST_P(Edges, AnEmptyFileReadsNothing) {
    const FilePtr file = open(session_, "/empty");
    ASSERT_NE(file, nullptr) << orfa_error();
    char byte = 'x';
    EXPECT_EQ(orfa_pread(file.get(), &byte, 1, 0), 0);
    EXPECT_EQ(orfa_pread(file.get(), &byte, 0, 100), 0);
    EXPECT_EQ(orfa_pwrite(file.get(), &byte, 0, 100), 0);
    EXPECT_EQ(orfa_size(file.get()), 0);
    EXPECT_EQ(byte, 'x');
}

TEST_P(Edges, HolesAreZeroAndTheEndIsShort) {
    const FilePtr file = open(session_, "/holes", O_CREAT | O_RDWR, {4096, 4, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    const auto bytes = pattern(1, 500'000, 10'000);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 500'000), 10'000);
    EXPECT_EQ(orfa_size(file.get()), 510'000);
    std::vector<std::byte> back(600'000, std::byte{7});
    ASSERT_EQ(orfa_pread(file.get(), back.data(), back.size(), 0), 510'000) << orfa_error();
    const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
    EXPECT_TRUE(std::all_of(back.begin(), back.begin() + 500'000, is_zero));
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), back.begin() + 500'000));
    EXPECT_TRUE(std::all_of(back.begin() + 510'000, back.end(),
                            [](std::byte byte) { return byte == std::byte{7}; }));
    struct stat found {};
    ASSERT_EQ(orfa_stat(session_.get(), "/holes", &found), 0) << orfa_error();
    EXPECT_EQ(found.st_size, 510'000);
}

TEST_P(Edges, EveryLayoutGivesTheSameFileAndSize) {
    for (const std::uint64_t stripe : {4096U, 65536U, 1U << 20}) {
        for (int count = 1; count <= 4; ++count) {
            for (int first = 0; first < 4; ++first) {
                const std::string path = "/layout" + std::to_string(stripe) + "-" +
                                         std::to_string(count) + "-" + std::to_string(first);
                const FilePtr file = open(session_, path, O_CREAT | O_RDWR, {stripe, count, first});
                ASSERT_NE(file, nullptr) << orfa_error();
                orfa_layout found{};
                ASSERT_EQ(orfa_file_layout(file.get(), &found), 0);
                EXPECT_EQ(found.stripe_size, stripe);
                EXPECT_EQ(found.stripe_count, count);
                EXPECT_EQ(found.first_server, first);
                const std::size_t length = stripe * 2 + 777;
                const auto bytes = pattern(2, 123, length);
                std::vector<std::byte> back(length);
                const auto n = static_cast<ssize_t>(length);
                ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), length, 123), n) << orfa_error();
                ASSERT_EQ(orfa_pread(file.get(), back.data(), length, 123), n) << orfa_error();
                EXPECT_EQ(back, bytes) << path;
                struct stat status {};
                ASSERT_EQ(orfa_stat(session_.get(), path.c_str(), &status), 0) << orfa_error();
                EXPECT_EQ(status.st_size, n + 123) << path;
                EXPECT_EQ(orfa_unlink(session_.get(), path.c_str()), 0) << orfa_error();
            }
        }
    }
}

TEST_P(Edges, ReadsMayOverlapEachOther) {
    const FilePtr file = open(session_, "/overlap", O_CREAT | O_RDWR, {8192, 3, 2});
    ASSERT_NE(file, nullptr) << orfa_error();
    const auto bytes = pattern(3, 0, 200'000);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), 200'000);
    std::vector<std::byte> back(300'000);
    const orfa_extent extents[] = {{50'000, 100'000}, {0, 100'000}, {50'000, 100'000}};
    const orfa_segment segment{back.data(), back.size()};
    const orfa_access access{&segment, 1, extents, 3, nullptr, 0};
    ASSERT_EQ(orfa_readv(file.get(), &access), 300'000) << orfa_error();
    EXPECT_EQ(std::memcmp(back.data(), bytes.data() + 50'000, 100'000), 0);
    EXPECT_EQ(std::memcmp(back.data() + 100'000, bytes.data(), 100'000), 0);
    EXPECT_EQ(std::memcmp(back.data() + 200'000, bytes.data() + 50'000, 100'000), 0);
}

TEST_P(Edges, ListsThatDisagreeAreEinval) {
    const FilePtr file = open(session_, "/lists");
    ASSERT_NE(file, nullptr) << orfa_error();
    char bytes[100] = {};
    const orfa_segment segment{bytes, 100};
    const orfa_extent extent{0, 99};
    const orfa_access access{&segment, 1, &extent, 1, nullptr, 0};
    errno = 0;
    EXPECT_EQ(orfa_writev(file.get(), &access), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(orfa_readv(file.get(), &access), -1);
    EXPECT_EQ(errno, EINVAL);
    const orfa_extent far{~0ULL - 50, 100};
    const orfa_access beyond{&segment, 1, &far, 1, nullptr, 0};
    EXPECT_EQ(orfa_writev(file.get(), &beyond), -1);
    EXPECT_TRUE(errno == EFBIG || errno == EINVAL) << errno;
    EXPECT_EQ(orfa_size(file.get()), 0);
}

TEST_P(Edges, AReadOnlyHandleDoesNotWrite) {
    ASSERT_NE(open(session_, "/readonly"), nullptr) << orfa_error();
    const FilePtr file = open(session_, "/readonly", O_RDONLY);
    ASSERT_NE(file, nullptr) << orfa_error();
    errno = 0;
    EXPECT_EQ(orfa_pwrite(file.get(), "x", 1, 0), -1);
    EXPECT_EQ(errno, EBADF);
    const FilePtr write_only = open(session_, "/readonly", O_WRONLY);
    char byte = 0;
    errno = 0;
    EXPECT_EQ(orfa_pread(write_only.get(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, EBADF);
}

// 30,000 extents do not fit in a message, nor in one request.
TEST_P(Edges, TensOfThousandsOfExtentsInOneCall) {
    constexpr std::size_t kCount = 30'000;
    for (const std::size_t piece : {13U, 600U}) {
        const std::string path = "/many" + std::to_string(piece);
        const FilePtr file = open(session_, path, O_CREAT | O_RDWR, {65536, 2, 1});
        ASSERT_NE(file, nullptr) << orfa_error();
        std::vector<orfa_extent> extents;
        std::vector<orfa_segment> segments;
        std::vector<std::byte> memory(kCount * (piece + 3));
        for (std::size_t i = 0; i < kCount; ++i) {
            const std::uint64_t offset = (i * 7919 % kCount) * piece * 2;
            extents.push_back({offset, piece});
            segments.push_back({memory.data() + i * (piece + 3), piece});
            for (std::size_t k = 0; k < piece; ++k)
                memory[i * (piece + 3) + k] = pattern_byte(4, offset + k);
        }
        const orfa_access access{segments.data(), kCount, extents.data(), kCount, nullptr, 0};
        const auto total = static_cast<ssize_t>(kCount * piece);
        ASSERT_EQ(orfa_writev(file.get(), &access), total) << orfa_error();
        const auto wanted = memory;
        std::fill(memory.begin(), memory.end(), std::byte{0});
        ASSERT_EQ(orfa_readv(file.get(), &access), total) << orfa_error();
        EXPECT_TRUE(memory == wanted) << piece;
    }
}

TEST_P(Edges, MemoryThatIsNotThereIsEfaultAndTheServerServesOn) {
    const FilePtr file = open(session_, "/fault");
    ASSERT_NE(file, nullptr) << orfa_error();
    if (std::string(GetParam()) != "local") GTEST_SKIP() << "only process_vm looks at it remotely";
    constexpr std::size_t kBytes = 16 << 20;  // more than is staged
    void* gone = mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(gone, MAP_FAILED);
    errno = 0;
    EXPECT_EQ(orfa_pwrite(file.get(), gone, kBytes, 0), -1);
    EXPECT_EQ(errno, EFAULT);
    munmap(gone, kBytes);
    EXPECT_EQ(orfa_pwrite(file.get(), "abc", 3, 0), 3) << orfa_error();
    EXPECT_EQ(orfa_size(file.get()), 3);
}

TEST_P(Edges, TruncationCutsAndGrowsWithZeros) {
    const FilePtr file = open(session_, "/cut", O_CREAT | O_RDWR, {4096, 4, 3});
    ASSERT_NE(file, nullptr) << orfa_error();
    const auto bytes = pattern(5, 0, 300'000);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), 300'000);
    ASSERT_EQ(orfa_ftruncate(file.get(), 100'001), 0) << orfa_error();
    EXPECT_EQ(orfa_size(file.get()), 100'001);
    ASSERT_EQ(orfa_ftruncate(file.get(), 300'000), 0) << orfa_error();
    std::vector<std::byte> back(300'000, std::byte{9});
    ASSERT_EQ(orfa_pread(file.get(), back.data(), back.size(), 0), 300'000) << orfa_error();
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + 100'001, back.begin()));
    EXPECT_TRUE(std::all_of(back.begin() + 100'001, back.end(),
                            [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST_P(Edges, CountersTellWhatWasDone) {
    const FilePtr file = open(session_, "/counted");
    ASSERT_NE(file, nullptr) << orfa_error();
    orfa_counters before{};
    orfa_counters_of(session_.get(), &before);
    const std::vector<std::byte> bytes(500'000);
    std::vector<std::byte> back(500'000);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), 500'000);
    ASSERT_EQ(orfa_pread(file.get(), back.data(), back.size(), 0), 500'000);
    orfa_counters after{};
    orfa_counters_of(session_.get(), &after);
    EXPECT_EQ(after.bytes_written - before.bytes_written, 500'000U);
    EXPECT_EQ(after.bytes_read - before.bytes_read, 500'000U);
    EXPECT_GE(after.requests - before.requests, 2U);
    const bool over_ofi = std::string(GetParam()) == "ofi";
    EXPECT_EQ(after.connections[over_ofi ? 0 : 1], 0U);
    EXPECT_GE(after.connections[over_ofi ? 1 : 0], 1U);
}

INSTANTIATE_TEST_SUITE_P(Ways, Edges, ::testing::Values("local", "ofi", "bounce"),
                         [](const auto& way) { return std::string(way.param); });

// Needs some 5 GiB of memory: ORFA_TEST_LARGE=1.
TEST(LargeTransfer, OfTwoGibibytesAndAPage) {
    if (std::getenv("ORFA_TEST_LARGE") == nullptr) GTEST_SKIP() << "ORFA_TEST_LARGE is not set";
    for (const char* way : {"local", "ofi"}) {
        Cluster cluster({.memory_limit = "600MiB"});
        ASSERT_TRUE(cluster.ok()) << cluster.error();
        const SessionPtr session = connect(cluster, way);
        ASSERT_NE(session, nullptr) << orfa_error();
        const FilePtr file = open(session, "/large");
        ASSERT_NE(file, nullptr) << orfa_error();
        constexpr std::size_t kLength = (2ULL << 30) + 4096;
        std::vector<std::byte> bytes(kLength);
        for (std::size_t i = 0; i < kLength; i += 4096)
            bytes[i] = pattern_byte(6, i);
        ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), kLength, 0), static_cast<ssize_t>(kLength))
            << orfa_error();
        std::fill(bytes.begin(), bytes.end(), std::byte{1});
        ASSERT_EQ(orfa_pread(file.get(), bytes.data(), kLength, 0), static_cast<ssize_t>(kLength))
            << orfa_error();
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < kLength; ++i)
            wrong += bytes[i] != (i % 4096 == 0 ? pattern_byte(6, i) : std::byte{0}) ? 1 : 0;
        EXPECT_EQ(wrong, 0U) << way;
    }
}

}  // namespace
}  // namespace orfa::testing
