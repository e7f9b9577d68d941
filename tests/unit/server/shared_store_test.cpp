// SPDX-License-Identifier: MIT
// What the memory store tells clients that have mapped it, and what it does with blocks they use.
#include "server/memory_store.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <vector>

namespace orfa::server {
namespace {

constexpr std::uint64_t kBlock = BlockPool::kBlockBytes;
constexpr std::uint64_t kId = 1;

// A store of one chunk after the other, and a client that has mapped it.
class SharedStore : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = MemoryStore::create(4 * BlockPool::kChunkBytes, 0,
                                        UniqueFd(::memfd_create("orfa-test", MFD_CLOEXEC)));
        ASSERT_TRUE(made.ok());
        store_ = std::move(*made);
        store_->set_users([this](std::vector<std::uint64_t>& out) {
            out.insert(out.end(), used_.begin(), used_.end());
        });
        auto mapped = fabric::GuardedMapping::map(store_->fd(), store_->mapped_bytes());
        ASSERT_TRUE(mapped.ok());
        mapping_ = std::move(*mapped);
        view_ = protocol::MappedStore(mapping_.bytes());
    }

    void write(std::uint64_t id, std::uint64_t offset, std::uint64_t length, int value,
               bool moved = true) {
        const auto pin = store_->pin(id, true);
        std::vector<fabric::LocalSegment> memory;
        const auto write = store_->begin_write(*pin, false);
        ASSERT_TRUE(store_->prepare_write(write, offset, length, memory).ok());
        for (const auto& segment : memory)
            std::memset(segment.data, value, segment.length);
        store_->finish_write(write, offset, length, moved);
        store_->unpin(*pin);
    }

    protocol::BlockLocation locate(std::uint64_t id, std::uint64_t block) {
        std::array<protocol::BlockLocation, 1> out{};
        store_->locate(id, block, out);
        return out[0];
    }

    // Has room made in blocks [first, end), and in so many more that `fresh` are new.
    std::uint32_t make_room(std::uint64_t first, std::uint64_t end, std::uint64_t fresh = 0) {
        return store_->make_room(kId, {first, end, protocol::kMaxLocated, fresh});
    }

    // As a client does it, which has the location from before.
    bool still_true(const protocol::BlockLocation& location) const {
        return view_.stamp(location.block).stamp.load() == location.stamp;
    }
    void write_in_room(const protocol::BlockLocation& location, std::uint32_t from,
                       std::uint32_t to) {
        std::memset(view_.block(location.block) + from, 7, to - from);
        view_.stamp(location.block).end.store(to);
    }
    std::uint64_t size(std::uint64_t id = kId) { return store_->info(id)->size; }

    std::unique_ptr<MemoryStore> store_;
    fabric::GuardedMapping mapping_;
    protocol::MappedStore view_;
    std::set<std::uint64_t> used_;  // by clients, at this moment
};

TEST_F(SharedStore, TellsContentBelowTheEnd) {
    write(kId, 100, 200, 5);
    write(kId, 3 * kBlock, 10, 6);
    const auto first = locate(kId, 0);
    EXPECT_LE(first.from, 100U);
    EXPECT_GE(first.to, 300U);
    EXPECT_EQ(first.room, first.to);
    EXPECT_EQ(view_.block(first.block)[299], std::byte{5});
    EXPECT_EQ(locate(kId, 1).room, 0U) << "a hole";
    EXPECT_EQ(locate(kId, 3).to, 10U);
    EXPECT_EQ(locate(kId, 4).room, 0U);
    EXPECT_EQ(locate(kId + 1, 0).room, 0U);
}

TEST_F(SharedStore, TellsNothingOfAPrivateStore) {
    auto other = MemoryStore::create(BlockPool::kChunkBytes, 0);
    ASSERT_TRUE(other.ok());
    std::array<protocol::BlockLocation, 1> out{};
    (*other)->locate(kId, 0, out);
    EXPECT_EQ(out[0].room, 0U);
    EXPECT_EQ((*other)->make_room(kId, {0, 1, 1, 0}), 0U);
    EXPECT_EQ((*other)->usage().mapped, 0U);
    EXPECT_EQ(store_->usage().mapped, 4 * BlockPool::kChunkBytes);
}

TEST_F(SharedStore, TellsNothingOfWhatAWriteIsStillToBring) {
    for (const bool exposed : {false, true}) {
        const std::uint64_t id = exposed ? 10 : 11;
        write(id, 2 * kBlock, kBlock, 1);
        const auto pin = store_->pin(id, true);
        std::vector<fabric::LocalSegment> memory;
        const auto one = store_->begin_write(*pin, exposed);
        ASSERT_TRUE(store_->prepare_write(one, 0, kBlock, memory).ok());
        // New memory of the kernel holds zeros and needs no claim.
        std::memset(memory[0].data, 1, kBlock);
        store_->finish_write(one, 0, kBlock, true);
        store_->unpin(*pin);
        store_->remove(id);
    }
    // Now it is dirty.
    write(kId, 2 * kBlock, kBlock, 1);
    const auto pin = store_->pin(kId, true);
    std::vector<fabric::LocalSegment> memory;
    const auto one = store_->begin_write(*pin, false);
    ASSERT_TRUE(store_->prepare_write(one, 0, kBlock, memory).ok());
    EXPECT_TRUE(store_->is_filling(*pin, 0, kBlock));
    EXPECT_EQ(locate(kId, 0).room, 0U);
    store_->finish_write(one, 0, kBlock, true);
    EXPECT_EQ(locate(kId, 0).to, kBlock);
    store_->unpin(*pin);
}

TEST_F(SharedStore, TruncationWithdrawsWhatItTakes) {
    write(kId, 0, 3 * kBlock, 1);
    const std::array<protocol::BlockLocation, 3> before{locate(kId, 0), locate(kId, 1),
                                                        locate(kId, 2)};
    ASSERT_TRUE(store_->truncate(kId, kBlock + 100).ok());
    EXPECT_TRUE(still_true(before[0]));
    EXPECT_FALSE(still_true(before[1]));
    EXPECT_FALSE(still_true(before[2]));
    EXPECT_EQ(locate(kId, 1).to, 100U);
}

TEST_F(SharedStore, TruncationWithdrawsAtOnceWhileTheObjectIsPinned) {
    write(kId, 0, 2 * kBlock, 1);
    const auto before = locate(kId, 1);
    const auto pin = store_->pin(kId, false);
    ASSERT_TRUE(store_->truncate(kId, 10).ok());
    EXPECT_FALSE(still_true(before));
    store_->unpin(*pin);
}

TEST_F(SharedStore, ABlockInUseGoesToNobodyElse) {
    write(kId, 0, kBlock, 1);
    const auto before = locate(kId, 0);
    used_ = {before.block};
    store_->remove(kId);
    EXPECT_FALSE(still_true(before));
    // All that there is, but for the block in use.
    std::uint64_t filled = 0;
    for (std::uint64_t at = 0; at < 4 * BlockPool::kChunkBytes - kBlock; at += kBlock) {
        write(2, at, kBlock, 2);
        ++filled;
    }
    std::vector<protocol::BlockLocation> all(filled);
    store_->locate(2, 0, all);
    for (const auto& location : all)
        ASSERT_NE(location.block, before.block);
    const auto pin = store_->pin(2, true);
    std::vector<fabric::LocalSegment> memory;
    const auto one = store_->begin_write(*pin, false);
    EXPECT_EQ(store_->prepare_write(one, filled * kBlock, kBlock, memory).err(), ENOSPC);
    used_.clear();
    EXPECT_TRUE(store_->prepare_write(one, filled * kBlock, kBlock, memory).ok());
    store_->finish_write(one, filled * kBlock, kBlock, true);
    store_->unpin(*pin);
}

TEST_F(SharedStore, RoomCanBeFilledBeyondTheEnd) {
    write(kId, 0, 100, 1);
    EXPECT_EQ(make_room(0, 4), 4U);
    EXPECT_EQ(make_room(0, 4), 0U) << "they have it already";
    EXPECT_EQ(size(), 100U);
    const auto first = locate(kId, 0);
    EXPECT_EQ(first.to, 100U);
    EXPECT_EQ(first.room, kBlock);
    const auto third = locate(kId, 2);
    EXPECT_EQ(third.to, 0U);
    EXPECT_EQ(third.room, kBlock);
    write_in_room(third, 50, 60);
    EXPECT_EQ(size(), 2 * kBlock + 60);
    EXPECT_EQ(locate(kId, 0).to, kBlock);
    EXPECT_EQ(locate(kId, 2).to, 60U);
    EXPECT_EQ(locate(kId, 3).to, 0U);
    EXPECT_EQ(locate(kId, 3).room, kBlock);
    // What nobody wrote is zero, also where the memory held something else.
    const auto* content = view_.block(locate(kId, 2).block);
    EXPECT_TRUE(std::all_of(content, content + 50, [](std::byte b) { return b == std::byte{0}; }));
}

TEST_F(SharedStore, WhereOthersHaveMadeRoomMoreIsMadeBehindIt) {
    write(kId, 0, 2 * kBlock, 1);
    EXPECT_EQ(make_room(2, 3, 4), 4U);
    EXPECT_EQ(locate(kId, 5).room, kBlock);
    EXPECT_EQ(locate(kId, 6).room, 0U);
    EXPECT_EQ(make_room(3, 5, 2), 2U);
    EXPECT_EQ(locate(kId, 7).room, kBlock);
    EXPECT_EQ(locate(kId, 8).room, 0U);
    EXPECT_EQ(make_room(0, 1, 1), 1U) << "below the end none is needed";
    EXPECT_EQ(locate(kId, 8).room, kBlock);
    EXPECT_EQ(make_room(7, 10, 1), 1U) << "no more than the first of all these";
    EXPECT_EQ(locate(kId, 10).room, 0U);
}

TEST_F(SharedStore, RoomEndsWhereTheQuestionDoes) {
    EXPECT_EQ(store_->make_room(kId, {2, 3, 4, 10}), 2U);
    EXPECT_EQ(locate(kId, 3).room, kBlock);
    EXPECT_EQ(locate(kId, 4).room, 0U);
}

TEST_F(SharedStore, RoomInDirtyMemoryIsZero) {
    write(5, 0, 4 * BlockPool::kChunkBytes, 0xee);
    store_->remove(5);
    ASSERT_GT(make_room(0, 4), 0U);
    write_in_room(locate(kId, 3), 0, 1);
    const auto* content = view_.block(locate(kId, 1).block);
    EXPECT_TRUE(
        std::all_of(content, content + kBlock, [](std::byte b) { return b == std::byte{0}; }));
}

TEST_F(SharedStore, ServersWritesGoOnBehindWhatWasFilled) {
    write(kId, 0, 100, 1);
    ASSERT_GT(make_room(0, 2), 0U);
    write_in_room(locate(kId, 1), 0, 10);
    write(kId, 200, 50, 2);
    EXPECT_EQ(size(), kBlock + 10);
    const auto pin = store_->pin(kId, false);
    EXPECT_EQ(store_->size(*pin), kBlock + 10);
    store_->unpin(*pin);
    write(kId, kBlock + 5, 100, 2);
    EXPECT_EQ(size(), kBlock + 105);
}

TEST_F(SharedStore, TruncationEndsRoom) {
    ASSERT_GT(make_room(0, 4), 0U);
    const auto room = locate(kId, 1);
    write_in_room(room, 0, 1000);
    ASSERT_TRUE(store_->truncate(kId, 500).ok());
    EXPECT_FALSE(still_true(room));
    EXPECT_EQ(size(), 500U);
    EXPECT_EQ(locate(kId, 0).room, 500U);
    EXPECT_EQ(locate(kId, 1).room, 0U);
    EXPECT_EQ(store_->info(kId)->allocated, kBlock);
    // Who was still at it says so too late.
    write_in_room(room, 0, 2000);
    EXPECT_EQ(size(), 500U);
}

TEST_F(SharedStore, GrowingLeavesRoomAndWhatIsInIt) {
    ASSERT_GT(make_room(0, 4), 0U);
    const auto room = locate(kId, 2);
    ASSERT_TRUE(store_->truncate(kId, kBlock).ok());
    EXPECT_TRUE(still_true(room));
    write_in_room(room, 0, 10);
    EXPECT_EQ(size(), 2 * kBlock + 10);
}

TEST_F(SharedStore, AFailedWriteTakesNoRoomAway) {
    ASSERT_GT(make_room(0, 4), 0U);
    const auto room = locate(kId, 3);
    write(kId, 5 * kBlock, kBlock, 1, false);
    EXPECT_TRUE(still_true(room));
    write_in_room(room, 0, 10);
    EXPECT_EQ(size(), 3 * kBlock + 10);
}

TEST_F(SharedStore, RoomThatNobodyFillsIsTakenBackWhenMemoryIsShort) {
    write(kId, 0, 10, 1);
    ASSERT_EQ(make_room(0, 4), 4U);
    const auto filled = locate(kId, 1);
    const auto used = locate(kId, 3);
    write_in_room(filled, 0, 10);
    used_ = {used.block};
    const std::uint64_t blocks = 4 * BlockPool::kChunkBytes / kBlock;
    for (std::uint64_t i = 0; i < blocks - 3; ++i)
        write(2, i * kBlock, kBlock, 2);
    EXPECT_EQ(locate(kId, 2).room, 0U);
    // It may still be filled by who uses it.
    write_in_room(used, 0, 20);
    EXPECT_EQ(size(), 3 * kBlock + 20);
}

TEST_F(SharedStore, NoRoomIsMadeWhereMemoryIsShort) {
    write(2, 0, 3 * BlockPool::kChunkBytes + kBlock, 2);
    EXPECT_EQ(make_room(0, 4), 0U);
}

TEST_F(SharedStore, RemovedObjectsRoomComesBack) {
    ASSERT_GT(make_room(0, 4), 0U);
    const auto room = locate(kId, 0);
    store_->remove(kId);
    EXPECT_FALSE(still_true(room));
    EXPECT_EQ(store_->usage().used, 0U);
}

TEST_F(SharedStore, TimesOfWritesInPlaceCount) {
    write(kId, 0, kBlock, 1);
    const auto location = locate(kId, 0);
    view_.stamp(location.block).written_ns.store(INT64_MAX);
    EXPECT_EQ(store_->info(kId)->mtime_ns, INT64_MAX);
    store_->forget_time(kId);
    EXPECT_EQ(store_->info(kId)->mtime_ns, 0);
    view_.stamp(location.block).written_ns.store(INT64_MAX);
    store_->remove(kId);
    write(kId, 0, kBlock, 1);
    EXPECT_LT(store_->info(kId)->mtime_ns, INT64_MAX) << "the block's next owner";
}

}  // namespace
}  // namespace orfa::server
