// SPDX-License-Identifier: MIT
// Collective accesses: parts of several processes that the servers gather and serve together.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

namespace orfa::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kParts = 5;
constexpr std::uint64_t kPiece = 30'000;
constexpr std::uint64_t kKey = 7;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// A participant: a session of its own. Piece i of the file is that of part i % kParts.
struct Part {
    SessionPtr session;
    FilePtr file;
    std::vector<std::byte> memory;
    std::vector<orfa_extent> extents;
    ssize_t moved = -2;

    void take_pieces(std::uint32_t index, int pieces) {
        memory.clear();
        extents.clear();
        for (int i = 0; i < pieces; ++i) {
            const std::uint64_t turn = static_cast<std::uint64_t>(i) * kParts + index;
            const std::uint64_t offset = turn * kPiece;
            extents.push_back({offset, kPiece});
            const auto bytes = pattern(kKey, offset, kPiece);
            memory.insert(memory.end(), bytes.begin(), bytes.end());
        }
    }
    void run(bool writing, const orfa_together& together) {
        const orfa_segment segment{memory.data(), memory.size()};
        const orfa_access access{
            &segment, memory.empty() ? 0U : 1U, extents.data(), extents.size(), nullptr, 0};
        moved = writing ? orfa_writev_together(file.get(), &access, &together)
                        : orfa_readv_together(file.get(), &access, &together);
    }
};

class Together : public ::testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        ASSERT_TRUE(cluster_.ok()) << cluster_.error();
        for (Part& part : parts_) {
            part.session = connect(cluster_, GetParam());
            ASSERT_NE(part.session, nullptr) << orfa_error();
            part.file = open(part.session, "/file");
            ASSERT_NE(part.file, nullptr) << orfa_error();
        }
    }

    // All but `missing` take part, each in a thread.
    void run_all(bool writing, std::uint64_t id, std::optional<std::size_t> missing = {}) {
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < kParts; ++i)
            if (i != missing)
                threads.emplace_back([&, i] { parts_[i].run(writing, {id, kParts}); });
        for (auto& thread : threads)
            thread.join();
    }

    Cluster cluster_{{.servers = 3, .memory_limit = "128MiB"}};
    Part parts_[kParts];
};

TEST_P(Together, EveryPartArrivesWhereItBelongs) {
    // Over several regions (of 8 MiB) of each server's object; one part is empty, one small enough
    // to travel in a message.
    const int pieces[kParts] = {260, 260, 0, 1, 260};
    for (std::uint32_t i = 0; i < kParts; ++i)
        parts_[i].take_pieces(i, pieces[i]);
    parts_[3].memory.resize(500);
    parts_[3].extents[0].length = 500;
    run_all(true, 100);
    for (Part& part : parts_) {
        EXPECT_EQ(part.moved, static_cast<ssize_t>(part.memory.size()));
        std::fill(part.memory.begin(), part.memory.end(), std::byte{0});
    }
    run_all(false, 101);
    for (Part& part : parts_) {
        EXPECT_EQ(part.moved, static_cast<ssize_t>(part.memory.size()));
        std::size_t at = 0;
        for (const auto& extent : part.extents) {
            const auto expected = pattern(kKey, extent.offset, extent.length);
            ASSERT_EQ(std::memcmp(part.memory.data() + at, expected.data(), expected.size()), 0)
                << "piece at " << extent.offset;
            at += extent.length;
        }
    }
}

TEST_P(Together, WhoIsMissingIsWaitedForOnlyAWhileAndServedWhenItComes) {
    for (std::uint32_t i = 0; i < kParts; ++i)
        parts_[i].take_pieces(i, 10);
    auto start = Clock::now();
    run_all(true, 200, 4);
    EXPECT_GE(seconds_since(start), 0.15);
    EXPECT_LE(seconds_since(start), 10.0 * kSlower);
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_EQ(parts_[i].moved, static_cast<ssize_t>(parts_[i].memory.size()));
    parts_[4].run(true, {200, kParts});
    EXPECT_EQ(parts_[4].moved, static_cast<ssize_t>(parts_[4].memory.size()));
}

TEST_P(Together, PatternsThatGoBackwardsAreServedToo) {
    for (std::uint32_t i = 0; i < kParts; ++i) {
        parts_[i].take_pieces(i, 300);
        std::reverse(parts_[i].extents.begin(), parts_[i].extents.end());
        std::size_t at = 0;
        for (const auto& extent : parts_[i].extents) {
            const auto bytes = pattern(kKey, extent.offset, extent.length);
            std::memcpy(parts_[i].memory.data() + at, bytes.data(), bytes.size());
            at += extent.length;
        }
    }
    run_all(true, 300);
    const std::uint64_t size = 300 * kParts * kPiece;
    std::vector<std::byte> whole(size);
    ASSERT_EQ(orfa_pread(parts_[0].file.get(), whole.data(), size, 0), static_cast<ssize_t>(size));
    EXPECT_EQ(whole, pattern(kKey, 0, size));
}

TEST_P(Together, AParticipantThatDiesDoesNotHoldUpTheOthers) {
    for (std::uint32_t i = 0; i < kParts; ++i)
        parts_[i].take_pieces(i, 40);
    parts_[2].file.reset();
    parts_[2].session.reset();
    run_all(true, 400, 2);
    for (const std::size_t i : {0U, 1U, 3U, 4U})
        EXPECT_EQ(parts_[i].moved, static_cast<ssize_t>(parts_[i].memory.size()));
}

TEST_P(Together, ImpossibleNumbersOfParticipantsAreRefused) {
    for (const std::uint32_t participants : {0U, 1U << 21}) {
        parts_[0].take_pieces(0, 2);
        parts_[0].run(true, {500, participants});
        EXPECT_EQ(parts_[0].moved, -1);
        EXPECT_EQ(errno, EINVAL);
    }
    parts_[0].run(true, {501, 1});
    EXPECT_EQ(parts_[0].moved, static_cast<ssize_t>(2 * kPiece));
}

INSTANTIATE_TEST_SUITE_P(Transports, Together, ::testing::Values("local", "ofi"),
                         [](const auto& way) { return std::string(way.param); });

}  // namespace
}  // namespace orfa::testing
