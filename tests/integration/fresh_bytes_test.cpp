// SPDX-License-Identifier: MIT
// Memory that has held other files is filled anew while others look and write there too.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

namespace orfa::testing {
namespace {

constexpr std::size_t kBytes = 8 << 20;  // 4 MiB a server: not staged, and copied by helpers
constexpr std::size_t kRanges = 3;
constexpr std::byte kOld{0xee};

bool is_one_of(std::byte byte) {
    return byte == std::byte{0} || byte == std::byte{1} || byte == std::byte{2};
}

class FreshBytes : public ::testing::TestWithParam<const char*> {};

// Threads write ranges of a new file, two of them the same one, and others read all of it. With
// several copies waiting the server's helpers make some while it looks at other requests.
TEST_P(FreshBytes, NeverShowWhatTheMemoryHeldBefore) {
    Cluster cluster({.servers = 2,
                     .memory_limit = "64MiB",
                     .memory_ready = "64MiB",
                     .arguments = {"--copiers", "2"}});
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr soiling = connect(cluster, GetParam());
    ASSERT_NE(soiling, nullptr) << orfa_error();
    {
        const FilePtr old = open(soiling, "/old");
        const std::vector<std::byte> bytes(kBytes, kOld);
        std::uint64_t at = 0;
        for (std::size_t piece = kBytes; piece >= 65536; piece /= 2)
            while (orfa_pwrite(old.get(), bytes.data(), piece, at) == static_cast<ssize_t>(piece))
                at += piece;
        ASSERT_GT(at, 100'000'000U) << "not all memory has held something";
    }
    ASSERT_EQ(orfa_unlink(soiling.get(), "/old"), 0) << orfa_error();

    for (int round = 0; round < 10; ++round) {
        const std::string path = "/new" + std::to_string(round);
        {
            // All of it lies below the file's end, so that reads look at the memory.
            const FilePtr made = open(soiling, path);
            ASSERT_EQ(orfa_ftruncate(made.get(), kRanges * kBytes), 0) << orfa_error();
        }
        std::atomic<int> writing{kRanges + 1};
        std::atomic<int> failures{0};
        const auto write = [&](std::byte value, std::uint64_t at) {
            const SessionPtr session = connect(cluster, GetParam());
            const FilePtr file = open(session, path, O_RDWR);
            const std::vector<std::byte> bytes(kBytes, value);
            if (!file || orfa_pwrite(file.get(), bytes.data(), kBytes, at) != ssize_t{kBytes})
                ++failures;
            --writing;
        };
        const auto read = [&](std::size_t piece) {
            const SessionPtr session = connect(cluster, GetParam());
            const FilePtr file = open(session, path, O_RDWR);
            std::vector<std::byte> bytes(piece);
            do {
                for (std::uint64_t at = 0; at < kRanges * kBytes; at += piece) {
                    const ssize_t got = orfa_pread(file.get(), bytes.data(), piece, at);
                    if (got < 0 || !std::all_of(bytes.begin(), bytes.begin() + got, is_one_of))
                        ++failures;
                }
            } while (writing > 0);
        };
        std::vector<std::thread> threads;
        for (std::uint64_t range = 0; range < kRanges; ++range)
            threads.emplace_back(write, std::byte{1}, range * kBytes);
        threads.emplace_back(write, std::byte{2}, std::uint64_t{0});
        threads.emplace_back(read, kBytes);
        threads.emplace_back(read, std::size_t{65536});
        for (auto& thread : threads)
            thread.join();
        ASSERT_EQ(failures, 0) << "round " << round;
        std::vector<std::byte> bytes(kRanges * kBytes);
        const FilePtr file = open(soiling, path, O_RDWR);
        ASSERT_EQ(orfa_pread(file.get(), bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
        EXPECT_EQ(std::count(bytes.begin(), bytes.end(), std::byte{0}), 0);
        ASSERT_EQ(orfa_unlink(soiling.get(), path.c_str()), 0) << orfa_error();
    }
}
INSTANTIATE_TEST_SUITE_P(Ways, FreshBytes, ::testing::Values("local", "ofi"));

}  // namespace
}  // namespace orfa::testing
