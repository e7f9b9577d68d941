// SPDX-License-Identifier: MIT
// Asynchronous transfers, completion groups, and threads that share a session.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>
#include <set>
#include <thread>

namespace orfa::testing {
namespace {

constexpr std::size_t kBlock = 100'000;

// One contiguous access and its memory.
struct Piece {
    explicit Piece(std::uint64_t offset, std::size_t length = kBlock)
        : memory(length), segment{memory.data(), length}, extent{offset, length} {}
    [[nodiscard]] orfa_access view() const { return {&segment, 1, &extent, 1, nullptr, 0}; }

    std::vector<std::byte> memory;
    orfa_segment segment;
    orfa_extent extent;
};

class Async : public ::testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        ASSERT_TRUE(cluster_.ok()) << cluster_.error();
        session_ = connect(cluster_, GetParam());
        ASSERT_NE(session_, nullptr) << orfa_error();
        file_ = open(session_, "/async", O_CREAT | O_RDWR, {65536, 4, 1});
        ASSERT_NE(file_, nullptr) << orfa_error();
    }

    Cluster cluster_;
    SessionPtr session_;
    FilePtr file_;
};

TEST_P(Async, ManyOperationsEndEachOnceWithItsTag) {
    constexpr std::size_t kMany = 300;
    std::vector<std::unique_ptr<Piece>> pieces;
    for (std::size_t i = 0; i < kMany; ++i) {
        pieces.push_back(std::make_unique<Piece>(i * kBlock));
        pieces.back()->memory = pattern(1, i * kBlock, kBlock);
        pieces.back()->segment.data = pieces.back()->memory.data();
    }
    orfa_group* group = orfa_group_create(session_.get());
    for (auto& piece : pieces) {
        const orfa_access view = piece->view();  // the lists are copied: they may go at once
        ASSERT_NE(orfa_start_writev(file_.get(), &view, group, piece.get()), nullptr)
            << orfa_error();
    }
    EXPECT_EQ(orfa_group_destroy(group), -1);
    EXPECT_EQ(errno, EBUSY);
    std::set<void*> tags;
    while (orfa_op* op = orfa_group_next(group, 20000)) {
        EXPECT_TRUE(tags.insert(orfa_op_tag(op)).second);
        EXPECT_EQ(orfa_op_finish(op, 0), static_cast<ssize_t>(kBlock)) << orfa_error();
    }
    EXPECT_EQ(errno, ENOENT);
    EXPECT_EQ(tags.size(), kMany);

    for (auto& piece : pieces) {
        piece->memory.assign(kBlock, std::byte{0});
        const orfa_access view = piece->view();
        ASSERT_NE(orfa_start_readv(file_.get(), &view, group, piece.get()), nullptr)
            << orfa_error();
    }
    EXPECT_EQ(orfa_group_wait_all(group, 20000), 0);
    while (orfa_op* op = orfa_group_next(group, 0)) {
        auto* piece = static_cast<Piece*>(orfa_op_tag(op));
        EXPECT_EQ(orfa_op_finish(op, 0), static_cast<ssize_t>(kBlock));
        EXPECT_EQ(piece->memory, pattern(1, piece->extent.offset, kBlock));
    }
    EXPECT_EQ(orfa_group_destroy(group), 0);
}

TEST_P(Async, TestMakesProgressUntilTheEnd) {
    Piece piece(0, 3'000'000);
    piece.memory = pattern(2, 0, 3'000'000);
    piece.segment.data = piece.memory.data();
    const orfa_access view = piece.view();
    orfa_op* op = orfa_start_writev(file_.get(), &view, nullptr, &piece);
    ASSERT_NE(op, nullptr) << orfa_error();
    EXPECT_TRUE(eventually(10000, [&] { return orfa_op_test(op) == 1; }));
    EXPECT_EQ(orfa_op_tag(op), &piece);
    EXPECT_EQ(orfa_op_finish(op, -1), 3'000'000);
}

TEST_P(Async, AnOperationNobodyDrivesEndsAnyway) {
    Piece piece(0, 3'000'000);
    const orfa_access view = piece.view();
    orfa_op* op = orfa_start_writev(file_.get(), &view, nullptr, nullptr);
    ASSERT_NE(op, nullptr) << orfa_error();
    SessionPtr other = connect(cluster_, GetParam());
    ASSERT_NE(other, nullptr) << orfa_error();
    const FilePtr same = open(other, "/async", O_RDONLY);
    EXPECT_TRUE(eventually(10000, [&] { return orfa_size(same.get()) == 3'000'000; }));
    EXPECT_EQ(orfa_op_finish(op, -1), 3'000'000);
}

TEST_P(Async, ATimeoutLeavesTheOperationUnderWay) {
    for (std::size_t i = 0; i < cluster_.size(); ++i)
        ASSERT_EQ(orfa_ping(session_.get(), static_cast<int>(i)), 0) << orfa_error();
    for (std::size_t i = 0; i < cluster_.size(); ++i)
        cluster_.kill(i, SIGSTOP);
    Piece piece(0, 1'000'000);
    const orfa_access view = piece.view();
    orfa_group* group = orfa_group_create(session_.get());
    orfa_op* op = orfa_start_writev(file_.get(), &view, group, nullptr);
    const int started_errno = errno;
    errno = 0;
    EXPECT_EQ(orfa_op_test(op), 0);
    EXPECT_EQ(orfa_op_finish(op, 20), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(orfa_group_next(group, 20), nullptr);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(orfa_group_wait_all(group, 0), -1);
    EXPECT_EQ(errno, EAGAIN);
    for (std::size_t i = 0; i < cluster_.size(); ++i)
        cluster_.kill(i, SIGCONT);
    ASSERT_NE(op, nullptr) << started_errno;
    EXPECT_EQ(orfa_group_wait_all(group, 10000), 0);
    EXPECT_EQ(orfa_group_next(group, 0), op);
    EXPECT_EQ(orfa_op_finish(op, 0), 1'000'000) << orfa_error();
    EXPECT_EQ(orfa_group_destroy(group), 0);
}

TEST_P(Async, AnEmptyAccessEndsAtOnce) {
    const orfa_access view{nullptr, 0, nullptr, 0, nullptr, 0};
    orfa_op* op = orfa_start_readv(file_.get(), &view, nullptr, nullptr);
    ASSERT_NE(op, nullptr) << orfa_error();
    EXPECT_EQ(orfa_op_test(op), 1);
    EXPECT_EQ(orfa_op_finish(op, 0), 0);
}

TEST_P(Async, ThreadsShareASession) {
    constexpr unsigned kThreads = 6;
    const std::uint64_t rounds = kSlower > 1 ? 15 : 60;
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const std::size_t length = t % 2 == 0 ? 3000 : 250'000;  // in the message, and by rma
            std::vector<std::byte> back(length);
            for (std::uint64_t round = 0; round < rounds; ++round) {
                const std::uint64_t offset = (round * kThreads + t) * 250'000;
                const auto bytes = pattern(3, offset, length);
                const auto n = static_cast<ssize_t>(length);
                if (orfa_pwrite(file_.get(), bytes.data(), length, offset) != n ||
                    orfa_pread(file_.get(), back.data(), length, offset) != n || back != bytes)
                    failures.fetch_add(1);
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(failures.load(), 0) << orfa_error();
}

TEST_P(Async, ThreadsStartAndFinishInOneGroup) {
    constexpr unsigned kThreads = 4;
    constexpr int kEach = 40;
    orfa_group* group = orfa_group_create(session_.get());
    std::atomic<int> ended{0};
    std::atomic<int> failures{0};
    std::vector<std::unique_ptr<Piece>> pieces;
    for (unsigned i = 0; i < kThreads * kEach; ++i)
        pieces.push_back(std::make_unique<Piece>(i * kBlock));
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                const orfa_access view = pieces[t * kEach + static_cast<unsigned>(i)]->view();
                if (orfa_start_writev(file_.get(), &view, group, nullptr) == nullptr)
                    failures.fetch_add(1);
                if (orfa_op* op = orfa_group_next(group, 0); op != nullptr) {
                    if (orfa_op_finish(op, 0) != static_cast<ssize_t>(kBlock))
                        failures.fetch_add(1);
                    ended.fetch_add(1);
                }
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    while (orfa_op* op = orfa_group_next(group, 20000)) {
        if (orfa_op_finish(op, 0) != static_cast<ssize_t>(kBlock)) failures.fetch_add(1);
        ended.fetch_add(1);
    }
    EXPECT_EQ(ended.load(), static_cast<int>(kThreads) * kEach);
    EXPECT_EQ(failures.load(), 0);
    EXPECT_EQ(orfa_group_destroy(group), 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, Async, ::testing::Values("local", "ofi"),
                         [](const auto& way) { return std::string(way.param); });

}  // namespace
}  // namespace orfa::testing
