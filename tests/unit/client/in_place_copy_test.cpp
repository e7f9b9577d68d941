// SPDX-License-Identifier: MIT
// Copies in a mapped store, piece for piece against the object that it stands for.
#include "client/core/in_place.hpp"
#include "client/core/transfer.hpp"
#include "fabric/guarded_mapping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace orfa::client {
namespace {

constexpr std::uint32_t kBlocks = 3;
constexpr std::uint32_t kBlock = protocol::kStoreBlockBytes;
constexpr std::uint64_t kBytes = std::uint64_t{kBlocks} * kBlock;

class InPlaceCopies : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(mapping_.ok());
        exposed_ = {mapping_->bytes(), &use_};
        store_ = protocol::MappedStore(exposed_.memory);
        // Not in the order of the object.
        for (std::uint32_t i = 0; i < kBlocks; ++i)
            tell(i, {0, (i * 2 + 1) % kBlocks, 0, kBlock, kBlock});
    }
    void tell(std::uint64_t block, const protocol::BlockLocation& location) {
        told_[block] = location;
        locations_.learn(0, {0, 0, 1}, 0, told_);
    }
    std::byte& at(std::uint64_t offset) {
        return store_.block(told_[offset / kBlock].block)[offset % kBlock];
    }
    static std::byte value(std::uint64_t i) { return static_cast<std::byte>(i * 7 + i / 251); }

    Result<fabric::GuardedMapping> mapping_ =
        fabric::GuardedMapping::make(protocol::MappedStore::bytes_for(kBlocks));
    fabric::ExposedUse use_{};
    fabric::ExposedMemory exposed_;
    protocol::MappedStore store_;
    std::array<protocol::BlockLocation, Locations::kRegionBlocks> told_{};
    Locations locations_;
};

TEST_F(InPlaceCopies, PiecesOfAnyShapeGoWhereTheyBelong) {
    std::mt19937_64 random(3);
    const auto up_to = [&](std::uint64_t most) { return random() % (most + 1); };
    for (int round = 0; round < 200; ++round) {
        const std::uint64_t length = 1 + up_to(up_to(3) == 0 ? 70'000 : 70);
        const std::uint64_t stride = up_to(1) == 0 ? up_to(2 * length) : length + up_to(9000);
        std::uint64_t count = 1 + up_to(300);
        if (stride > 0) count = std::min(count, (kBytes - length) / stride + 1);
        const std::uint64_t offset = up_to(kBytes - length - (count - 1) * stride);
        const std::uint64_t done = up_to(3) == 0 ? up_to(length * count - 1) : 0;
        std::vector<std::byte> memory(length * count);
        const Pieces pieces{offset, stride, memory.data(), length, count};
        SCOPED_TRACE(::testing::Message() << length << " of " << stride << " times " << count
                                          << " at " << offset << " but for " << done);

        std::vector<std::byte> model(kBytes);
        for (std::uint64_t i = 0; i < kBytes; ++i)
            model[i] = at(i);
        for (std::uint64_t i = 0; i < memory.size(); ++i)
            memory[i] = value(i + static_cast<std::uint64_t>(round));
        {
            InPlaceCopy copy(exposed_, locations_, 0, Direction::kWrite);
            ASSERT_TRUE(copy.copy(pieces, done));
            EXPECT_EQ(copy.bytes(), memory.size() - done);
        }
        for (std::uint64_t i = done; i < memory.size(); ++i)
            model[offset + i / length * stride + i % length] = memory[i];
        for (std::uint64_t i = 0; i < kBytes; ++i)
            ASSERT_EQ(at(i), model[i]) << "byte " << i;

        std::fill(memory.begin(), memory.end(), std::byte{});
        InPlaceCopy copy(exposed_, locations_, 0, Direction::kRead);
        ASSERT_TRUE(copy.copy(pieces, done));
        for (std::uint64_t i = 0; i < memory.size(); ++i)
            ASSERT_EQ(memory[i],
                      i < done ? std::byte{} : model[offset + i / length * stride + i % length])
                << "byte " << i << " read";
    }
}

TEST_F(InPlaceCopies, EndsAtThePieceThatIsNotThere) {
    tell(1, {0, told_[1].block, 0, 1000, 1000});
    std::vector<std::byte> memory(16 * 2000);
    for (const Direction direction : {Direction::kRead, Direction::kWrite}) {
        InPlaceCopy copy(exposed_, locations_, 0, direction);
        // 1024 pieces in the first block, of the second's those that end below 1000: 16.
        EXPECT_FALSE(copy.copy({0, 64, memory.data(), 16, 2000}, 0));
        EXPECT_EQ(copy.bytes(), (1024 + 16) * 16U);
        EXPECT_EQ(copy.miss().block, 1U);
        EXPECT_EQ(copy.miss().from, 1024U);
        EXPECT_EQ(copy.miss().to, 1040U);
    }
}

TEST_F(InPlaceCopies, RoomIsFilledAndSaidSo) {
    tell(2, {0, told_[2].block, 0, 640, kBlock});
    std::vector<std::byte> memory(16 * 100);
    {
        InPlaceCopy copy(exposed_, locations_, 0, Direction::kWrite);
        ASSERT_TRUE(copy.copy({2ULL * kBlock, 64, memory.data(), 16, 100}, 0));
    }
    EXPECT_EQ(store_.stamp(told_[2].block).end.load(), 99U * 64 + 16);
    EXPECT_EQ(locations_.find(0, 2)->to, 99U * 64 + 16);
    EXPECT_EQ(store_.stamp(told_[1].block).end.load(), 0U);
    // Ten of the hundred were not new.
    EXPECT_EQ(locations_.room_wanted(0, {3, 0, 1}, 0).fresh, 2U);
}

}  // namespace
}  // namespace orfa::client
