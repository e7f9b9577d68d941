// SPDX-License-Identifier: MIT
// Clients that have mapped a server's store: what they do without it, what others see of that, and
// that a block's next owner is never read or overwritten by those of the one before.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <random>
#include <thread>

namespace orfa::testing {
namespace {

constexpr std::size_t kLength = 3'000'000;  // less than 1 MiB a server

class InPlace : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(cluster_.ok()) << cluster_.error();
        session_ = connect(cluster_, "local");
        ASSERT_NE(session_, nullptr) << orfa_error();
        if (status_figure(session_.get(), 0, "memory_mapped") == 0)
            GTEST_SKIP() << "this machine gives no huge pages to memory that can be mapped";
    }

    static std::uint64_t in_place(const SessionPtr& session) {
        orfa_counters counters{};
        orfa_counters_of(session.get(), &counters);
        return counters.bytes_in_place;
    }
    static std::uint64_t requests(const SessionPtr& session) {
        orfa_counters counters{};
        orfa_counters_of(session.get(), &counters);
        return counters.requests;
    }
    static void write(const FilePtr& file, std::uint64_t key, std::uint64_t offset,
                      std::size_t length) {
        const auto bytes = pattern(key, offset, length);
        ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), length, offset),
                  static_cast<ssize_t>(length))
            << orfa_error();
    }
    static void expect(const FilePtr& file, std::uint64_t key, std::uint64_t offset,
                       std::size_t length) {
        std::vector<std::byte> back(length);
        ASSERT_EQ(orfa_pread(file.get(), back.data(), length, offset), static_cast<ssize_t>(length))
            << orfa_error();
        ASSERT_EQ(back, pattern(key, offset, length)) << "at " << offset;
    }

    Cluster cluster_;
    SessionPtr session_;
};

TEST_F(InPlace, ReadsOfWhatIsThereNeedNoRequests) {
    const FilePtr file = open(session_, "/read", O_CREAT | O_RDWR, {65536, 4, 0});
    write(file, 1, 0, kLength);
    expect(file, 1, 0, kLength);
    const auto before = requests(session_);
    const auto bytes = in_place(session_);
    for (std::uint64_t at = 0; at + 1000 <= kLength; at += 7001)
        expect(file, 1, at, 1000);
    EXPECT_EQ(requests(session_), before);
    EXPECT_EQ(in_place(session_) - bytes, (kLength - 1000) / 7001 * 1000 + 1000);
    EXPECT_GT(status_figure(session_.get(), 0, "bytes_in_place"), 0);
}

TEST_F(InPlace, WritesOverWhatIsThereAreSeenByAll) {
    const FilePtr file = open(session_, "/write", O_CREAT | O_RDWR, {65536, 4, 0});
    write(file, 1, 0, kLength);
    for (std::uint64_t i = 0; i < 40; ++i)
        write(file, 2, i * 65536, 100);
    const auto before = requests(session_);
    for (std::uint64_t at = 0; at < kLength; at += 10'000)
        write(file, 3, at, 10'000);
    EXPECT_EQ(requests(session_), before);
    const SessionPtr other = connect(cluster_, "local");
    const SessionPtr far = connect(cluster_, "ofi");
    expect(open(other, "/write", O_RDONLY), 3, 0, kLength);
    expect(open(far, "/write", O_RDONLY), 3, 0, kLength);
    EXPECT_EQ(in_place(far), 0U);
}

TEST_F(InPlace, FilesGrowInPlace) {
    const FilePtr file = open(session_, "/grow", O_CREAT | O_RDWR, {65536, 4, 0});
    const auto before = requests(session_);
    constexpr std::uint64_t kRecord = 1000;
    constexpr std::uint64_t kRecords = 20'000;
    for (std::uint64_t i = 0; i < kRecords; ++i)
        write(file, 4, i * kRecord, kRecord);
    EXPECT_LT(requests(session_) - before, kRecords / 20);
    struct stat status {};
    ASSERT_EQ(orfa_stat(session_.get(), "/grow", &status), 0);
    EXPECT_EQ(status.st_size, static_cast<off_t>(kRecords * kRecord));
    const SessionPtr far = connect(cluster_, "ofi");
    const FilePtr there = open(far, "/grow", O_RDONLY);
    expect(there, 4, 0, kRecords * kRecord);
    std::vector<std::byte> beyond(100);
    EXPECT_EQ(orfa_pread(there.get(), beyond.data(), 100, kRecords * kRecord - 10), 10);
    EXPECT_EQ(orfa_pread(file.get(), beyond.data(), 100, kRecords * kRecord - 10), 10);
    EXPECT_EQ(orfa_pread(file.get(), beyond.data(), 100, kRecords * kRecord), 0);
}

TEST_F(InPlace, ScatteredWritesTakeLittleMoreMemoryThanTheyFill) {
    const FilePtr file = open(session_, "/scattered", O_CREAT | O_RDWR, {65536, 4, 0});
    // One block of 64 KiB in sixteen.
    for (std::uint64_t i = 0; i < 200; ++i)
        write(file, 4, i * (1 << 20), 100);
    struct stat status {};
    ASSERT_EQ(orfa_stat(session_.get(), "/scattered", &status), 0);
    long long used = 0;
    for (int server = 0; server < 4; ++server)
        used += status_figure(session_.get(), server, "memory_used");
    EXPECT_LE(used, (200 + 4 * 64) * 65536LL);
}

// Two ranks, say, whose pieces of 24 bytes take turns in a new file.
TEST_F(InPlace, PatternsOfSmallPiecesNeedFewRequests) {
    constexpr std::uint64_t kPiece = 24;
    constexpr std::uint32_t kPieces = 200'000;
    const SessionPtr other = connect(cluster_, "local");
    const SessionPtr* const sessions[] = {&session_, &other};
    const auto whole = pattern(5, 0, kPiece * kPieces * 2);
    for (std::uint64_t rank = 0; rank < 2; ++rank) {
        const SessionPtr& session = *sessions[rank];
        const FilePtr file = open(session, "/pieces", O_CREAT | O_RDWR, {65536, 4, 0});
        std::vector<std::byte> mine;
        for (std::uint64_t i = 0; i < kPieces; ++i) {
            const auto from = whole.begin() + static_cast<std::ptrdiff_t>((2 * i + rank) * kPiece);
            mine.insert(mine.end(), from, from + kPiece);
        }
        const orfa_strided strided{rank * kPiece, kPiece, 2 * kPiece, 0, kPieces, 1};
        const orfa_segment segment{mine.data(), mine.size()};
        const orfa_access access{&segment, 1, nullptr, 0, &strided, 1};
        const auto before = requests(session);
        const auto bytes = in_place(session);
        ASSERT_EQ(orfa_writev(file.get(), &access), static_cast<ssize_t>(mine.size()));
        EXPECT_EQ(in_place(session) - bytes, mine.size());
        EXPECT_LT(requests(session) - before, 20U);
        std::vector<std::byte> back(mine.size());
        const orfa_segment into{back.data(), back.size()};
        const orfa_access reading{&into, 1, nullptr, 0, &strided, 1};
        ASSERT_EQ(orfa_readv(file.get(), &reading), static_cast<ssize_t>(mine.size()));
        EXPECT_EQ(back, mine);
        EXPECT_EQ(in_place(session) - bytes, 2 * mine.size());
        EXPECT_EQ(orfa_file_is_mapped(file.get()), 1);
    }
    const SessionPtr far = connect(cluster_, "ofi");
    const FilePtr file = open(far, "/pieces", O_RDONLY);
    expect(file, 5, 0, whole.size());
    EXPECT_EQ(orfa_file_is_mapped(file.get()), 0);
    struct stat status {};
    ASSERT_EQ(orfa_stat(session_.get(), "/pieces", &status), 0);
    EXPECT_EQ(status.st_size, static_cast<off_t>(whole.size()));
}

// Pieces that lie far apart, each in a block of its own, are no reason to make more of them.
TEST_F(InPlace, PatternsOfPiecesFarApartTakeTheirBlocksOnly) {
    const FilePtr file = open(session_, "/apart", O_CREAT | O_RDWR, {65536, 4, 0});
    const orfa_strided strided{0, 16, 1 << 20, 0, 400, 1};
    std::vector<std::byte> bytes(16 * 400);
    const orfa_segment segment{bytes.data(), bytes.size()};
    const orfa_access access{&segment, 1, nullptr, 0, &strided, 1};
    ASSERT_EQ(orfa_writev(file.get(), &access), static_cast<ssize_t>(bytes.size()));
    long long used = 0;
    for (int server = 0; server < 4; ++server)
        used += status_figure(session_.get(), server, "memory_used");
    EXPECT_LE(used, (400 + 4 * 64) * 65536LL);
}

TEST_F(InPlace, TheTimeOfTheLastWriteMoves) {
    const FilePtr file = open(session_, "/time", O_CREAT | O_RDWR, {65536, 1, 0});
    write(file, 1, 0, 10'000);
    for (int i = 0; i < 20; ++i)
        write(file, 1, 0, 10'000);
    struct stat before {};
    ASSERT_EQ(orfa_stat(session_.get(), "/time", &before), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto sent = requests(session_);
    write(file, 1, 0, 100);
    EXPECT_EQ(requests(session_), sent);
    struct stat after {};
    ASSERT_EQ(orfa_stat(session_.get(), "/time", &after), 0);
    EXPECT_TRUE(after.st_mtim.tv_sec > before.st_mtim.tv_sec ||
                after.st_mtim.tv_nsec > before.st_mtim.tv_nsec);
}

TEST_F(InPlace, RightsAreKept) {
    const FilePtr file = open(session_, "/rights", O_CREAT | O_RDWR, {65536, 4, 0});
    write(file, 1, 0, kLength);
    const FilePtr reader = open(session_, "/rights", O_RDONLY);
    const FilePtr writer = open(session_, "/rights", O_WRONLY);
    expect(reader, 1, 0, kLength);
    std::vector<std::byte> bytes(100);
    EXPECT_EQ(orfa_pwrite(reader.get(), bytes.data(), 100, 0), -1);
    EXPECT_EQ(errno, EBADF);
    EXPECT_EQ(orfa_pread(writer.get(), bytes.data(), 100, 0), -1);
    EXPECT_EQ(errno, EBADF);
}

TEST_F(InPlace, CanBeSwitchedOff) {
    const ScopedEnvironment off("ORFA_IN_PLACE", "0");
    const SessionPtr session = connect(cluster_, "local");
    const FilePtr file = open(session, "/off", O_CREAT | O_RDWR, {65536, 4, 0});
    write(file, 1, 0, kLength);
    expect(file, 1, 0, kLength);
    for (int i = 0; i < 100; ++i)
        expect(file, 1, 0, 100);
    EXPECT_EQ(in_place(session), 0U);
}

TEST_F(InPlace, ADeadServerIsNoticed) {
    const FilePtr file = open(session_, "/dead", O_CREAT | O_RDWR, {65536, 1, 0});
    write(file, 1, 0, 10'000);
    for (int i = 0; i < 20; ++i)
        expect(file, 1, 0, 10'000);
    cluster_.kill(0, SIGKILL);
    std::vector<std::byte> bytes(100);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    ssize_t got = 0;
    while (got >= 0 && std::chrono::steady_clock::now() < end)
        got = orfa_pread(file.get(), bytes.data(), bytes.size(), 0);
    EXPECT_EQ(got, -1);
    EXPECT_TRUE(errno == ECONNRESET || errno == ECONNREFUSED) << errno;
}

TEST_F(InPlace, AForkedChildMapsAnew) {
    const FilePtr file = open(session_, "/fork", O_CREAT | O_RDWR, {65536, 4, 0});
    write(file, 1, 0, kLength);
    expect(file, 1, 0, kLength);
    const pid_t child = fork();
    if (child == 0) {
        std::vector<std::byte> back(kLength);
        const bool good =
            orfa_pread(file.get(), back.data(), kLength, 0) == static_cast<ssize_t>(kLength) &&
            back == pattern(1, 0, kLength) &&
            orfa_pwrite(file.get(), back.data(), 5000, kLength) == 5000;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    expect(file, 1, 0, kLength);
}

// Files are filled, cut, removed and made anew by one process, each with a key of its own, while
// others read and write in place by what they know: nobody ever finds another file's bytes.
TEST_F(InPlace, NobodyFindsTheBytesOfABlocksNextOwner) {
    constexpr int kFiles = 4;
    constexpr std::size_t kBytes = 400'000;
    const auto name = [](int i) { return "/owner" + std::to_string(i); };
    const auto reader = [&](unsigned seed) {
        const SessionPtr session = connect(cluster_, "local");
        std::mt19937 random(seed);
        std::vector<std::byte> back(30'000);
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
        while (std::chrono::steady_clock::now() < end) {
            const int i = static_cast<int>(random() % kFiles);
            const FilePtr file = open(session, name(i), O_RDWR);
            if (file == nullptr) continue;
            const std::uint64_t key = 100 + static_cast<std::uint64_t>(i);
            for (int k = 0; k < 100; ++k) {
                const std::uint64_t at = random() % kBytes;
                const std::size_t length = 1 + random() % back.size();
                if (random() % 4 == 0) {
                    const auto bytes = pattern(key, at, length);
                    if (orfa_pwrite(file.get(), bytes.data(), length, at) < 0) return 1;
                    continue;
                }
                const ssize_t got = orfa_pread(file.get(), back.data(), length, at);
                if (got < 0) return 2;
                for (std::size_t b = 0; b < static_cast<std::size_t>(got); ++b)
                    if (back[b] != std::byte{0} && back[b] != pattern_byte(key, at + b)) return 3;
            }
        }
        return 0;
    };
    std::vector<pid_t> children;
    for (unsigned seed = 1; seed <= 3; ++seed) {
        const pid_t child = fork();
        if (child == 0) _exit(reader(seed));
        children.push_back(child);
    }
    std::mt19937 random(9);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    while (std::chrono::steady_clock::now() < end) {
        const int i = static_cast<int>(random() % kFiles);
        const std::uint64_t key = 100 + static_cast<std::uint64_t>(i);
        const FilePtr file = open(session_, name(i), O_CREAT | O_RDWR, {65536, 4, 0});
        ASSERT_NE(file, nullptr) << orfa_error();
        write(file, key, 0, kBytes);
        if (random() % 2 == 0) {
            ASSERT_EQ(orfa_ftruncate(file.get(), random() % kBytes), 0) << orfa_error();
        }
        if (random() % 2 == 0) {
            ASSERT_EQ(orfa_unlink(session_.get(), name(i).c_str()), 0) << orfa_error();
        }
    }
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 0) << "1: a write failed, 2: a read failed, 3: wrong bytes";
    }
}

// Several processes write records of one file by turns, as ranks do, and read each other's.
TEST_F(InPlace, ProcessesFillOneFileTogether) {
    constexpr std::uint64_t kRecord = 4'700;
    constexpr std::uint64_t kRecords = 2'000;
    constexpr std::uint64_t kProcesses = 4;
    const FilePtr made = open(session_, "/together", O_CREAT | O_RDWR, {65536, 4, 0});
    std::vector<pid_t> children;
    for (std::uint64_t process = 0; process < kProcesses; ++process) {
        const pid_t child = fork();
        if (child == 0) {
            const SessionPtr session = connect(cluster_, "local");
            const FilePtr file = open(session, "/together", O_RDWR);
            for (std::uint64_t i = process; i < kRecords; i += kProcesses) {
                const auto bytes = pattern(5, i * kRecord, kRecord);
                if (orfa_pwrite(file.get(), bytes.data(), kRecord, i * kRecord) !=
                    static_cast<ssize_t>(kRecord))
                    _exit(1);
            }
            _exit(in_place(session) > 0 ? 0 : 2);
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    expect(made, 5, 0, kRecords * kRecord);
    struct stat status {};
    ASSERT_EQ(orfa_stat(session_.get(), "/together", &status), 0);
    EXPECT_EQ(status.st_size, static_cast<off_t>(kRecords * kRecord));
}

}  // namespace
}  // namespace orfa::testing
