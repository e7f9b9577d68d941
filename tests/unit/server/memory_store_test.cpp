// SPDX-License-Identifier: MIT
// The memory store against a model, with pins across truncation and removal, and a full store.
#include "server/memory_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <random>

namespace orfa::server {
namespace {

constexpr std::uint64_t kBlock = BlockPool::kBlockBytes;
constexpr std::uint64_t kLimit = 6 * BlockPool::kChunkBytes;

using Bytes = std::vector<std::byte>;
using Segments = std::vector<fabric::LocalSegment>;

std::unique_ptr<MemoryStore> make_store(std::uint64_t limit = kLimit) {
    auto store = MemoryStore::create(limit, BlockPool::kChunkBytes);
    EXPECT_TRUE(store.ok());
    return store.ok() ? std::move(*store) : nullptr;
}

void fill(const Segments& segments, int value) {
    for (const auto& segment : segments)
        std::memset(segment.data, value, segment.length);
}

std::uint64_t bytes_of(const Segments& segments) {
    std::uint64_t sum = 0;
    for (const auto& segment : segments)
        sum += segment.length;
    return sum;
}

Status write(MemoryStore& store, std::uint64_t id, std::uint64_t offset, const Bytes& data,
             bool exposed = false) {
    const auto pin = store.pin(id, true);
    Segments memory;
    const auto write = store.begin_write(*pin, exposed);
    const Status prepared = store.prepare_write(write, offset, data.size(), memory);
    if (prepared.ok()) {
        EXPECT_EQ(bytes_of(memory), data.size());
        const std::byte* from = data.data();
        for (const auto& segment : memory) {
            std::memcpy(segment.data, from, segment.length);
            from += segment.length;
        }
        store.finish_write(write, offset, data.size(), true);
    } else {
        EXPECT_TRUE(memory.empty());
    }
    store.unpin(*pin);
    return prepared;
}

Bytes read(MemoryStore& store, std::uint64_t id, std::uint64_t offset, std::uint64_t length) {
    const auto pin = store.pin(id, false);
    if (!pin.ok()) return {};
    Segments memory;
    EXPECT_TRUE(store.prepare_read(*pin, offset, length, memory).ok());
    Bytes out;
    for (const auto& segment : memory)
        out.insert(out.end(), segment.data, segment.data + segment.length);
    store.unpin(*pin);
    EXPECT_EQ(out.size(), length);
    return out;
}

Bytes filled(std::size_t length, int value) {
    return Bytes(length, static_cast<std::byte>(value));
}

bool is_zero(const Bytes& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Fills all memory with marks and gives it back, so that whatever is given out next is dirty.
void soil(MemoryStore& store) {
    while (write(store, 999, store.usage().used, filled(kBlock, 0xee)).ok()) {
    }
    store.remove(999);
    EXPECT_EQ(store.usage().used, 0U);
}

TEST(MemoryStore, GapsAndWhatWasNeverWrittenAreZero) {
    const auto store = make_store();
    soil(*store);
    for (const bool exposed : {false, true}) {
        const std::uint64_t id = exposed ? 1 : 2;
        ASSERT_TRUE(write(*store, id, 100, filled(50, 1), exposed).ok());
        ASSERT_TRUE(write(*store, id, 5 * kBlock + 7, filled(kBlock, 2), exposed).ok());
        const Bytes all = read(*store, id, 0, 6 * kBlock + 7);
        EXPECT_TRUE(is_zero({all.begin(), all.begin() + 100}));
        EXPECT_TRUE(is_zero({all.begin() + 150, all.begin() + 5 * kBlock + 7}));
        EXPECT_EQ(all[120], std::byte{1});
        EXPECT_EQ(all.back(), std::byte{2});
        ASSERT_TRUE(store->truncate(id, 7 * kBlock).ok());
        EXPECT_TRUE(is_zero(read(*store, id, 6 * kBlock + 7, kBlock - 7)));
    }
}

TEST(MemoryStore, WhatAnExposedWriteBringsReadsAsZerosUntilItEnds) {
    const auto store = make_store();
    soil(*store);
    ASSERT_TRUE(write(*store, 1, 4 * kBlock, filled(1, 9)).ok());
    ASSERT_TRUE(write(*store, 1, 10'000, filled(50, 7)).ok());
    constexpr std::uint64_t kLength = 3 * kBlock + 6000;
    const auto pin = store->pin(1, true);
    const auto one = store->begin_write(*pin, true);
    Segments memory;
    ASSERT_TRUE(store->prepare_write(one, 10, kLength, memory).ok());
    fill(memory, 1);
    EXPECT_FALSE(store->is_filling(*pin, 0, 4 * kBlock)) << "nobody waits for a network";
    const Bytes before = read(*store, 1, 0, 4 * kBlock);
    EXPECT_TRUE(is_zero({before.begin(), before.begin() + 10'000}));
    EXPECT_EQ(before[10'000], std::byte{1}) << "these were there: either one's bytes";
    EXPECT_TRUE(is_zero({before.begin() + 10'050, before.end()}));
    store->finish_write(one, 10, kLength, true);
    const Bytes after = read(*store, 1, 0, 4 * kBlock);
    EXPECT_EQ(after[9], std::byte{0});
    EXPECT_EQ(Bytes(after.begin() + 10, after.begin() + 10 + kLength), filled(kLength, 1));
    store->unpin(*pin);
}

TEST(MemoryStore, WhatALaterWriteBroughtStaysWhenTheFirstOneFails) {
    for (const bool second_exposed : {false, true}) {
        const auto store = make_store();
        soil(*store);
        const auto pin = store->pin(1, true);
        const auto one = store->begin_write(*pin, true);
        Segments memory;
        ASSERT_TRUE(store->prepare_write(one, 0, 2 * kBlock, memory).ok());
        const auto two = store->begin_write(*pin, second_exposed);
        memory.clear();
        ASSERT_TRUE(store->prepare_write(two, 1000, kBlock, memory).ok());
        fill(memory, 2);
        store->finish_write(two, 1000, kBlock, true);
        EXPECT_EQ(read(*store, 1, 1000, kBlock), filled(kBlock, 2));
        EXPECT_TRUE(is_zero(read(*store, 1, 0, 1000)));
        store->finish_write(one, 0, 2 * kBlock, false);
        ASSERT_TRUE(store->truncate(1, 2 * kBlock).ok());
        EXPECT_TRUE(is_zero(read(*store, 1, 0, 1000)));
        EXPECT_EQ(read(*store, 1, 1000, kBlock), filled(kBlock, 2));
        EXPECT_TRUE(is_zero(read(*store, 1, 1000 + kBlock, kBlock - 1000)));
        store->unpin(*pin);
    }
}

TEST(MemoryStore, AWriteThatEndsAfterATruncationIsThere) {
    const auto store = make_store();
    soil(*store);
    ASSERT_TRUE(write(*store, 1, 0, filled(3000, 7)).ok());  // a part of a block
    for (const bool exposed : {false, true}) {
        for (const std::uint64_t length : {std::uint64_t{3000}, kBlock}) {
            const auto pin = store->pin(1, true);
            const auto one = store->begin_write(*pin, exposed);
            Segments memory;
            ASSERT_TRUE(store->prepare_write(one, 0, length, memory).ok());
            ASSERT_TRUE(store->truncate(1, 100).ok());
            fill(memory, 5);
            store->finish_write(one, 0, length, true);
            EXPECT_EQ(store->size(*pin), length);
            EXPECT_EQ(read(*store, 1, 0, length), filled(length, 5)) << exposed << length;
            store->unpin(*pin);
        }
    }
}

TEST(MemoryStore, AWriteThatWasCutOffSaysNothingOfTheMemoryThatCameAfter) {
    const auto store = make_store();
    soil(*store);
    const auto pin = store->pin(1, true);
    const auto one = store->begin_write(*pin, true);
    Segments memory;
    ASSERT_TRUE(store->prepare_write(one, 0, kBlock, memory).ok());
    ASSERT_TRUE(store->truncate(1, kBlock).ok());
    ASSERT_TRUE(store->truncate(1, 0).ok());
    const auto two = store->begin_write(*pin, true);
    memory.clear();
    ASSERT_TRUE(store->prepare_write(two, 0, kBlock, memory).ok());
    store->finish_write(one, 0, kBlock, true);
    EXPECT_TRUE(is_zero(read(*store, 1, 0, kBlock)));
    store->finish_write(two, 0, kBlock, false);
    EXPECT_TRUE(is_zero(read(*store, 1, 0, kBlock)));
    store->unpin(*pin);
}

TEST(MemoryStore, OnlyBytesThatAWriteIsTheFirstToFillAreFilling) {
    const auto store = make_store();
    soil(*store);
    ASSERT_TRUE(write(*store, 1, 10'000, filled(100, 1)).ok());
    const auto pin = store->pin(1, true);
    const auto other = store->pin(2, true);
    const auto is_filling = [&](std::uint64_t offset, std::uint64_t length) {
        return store->is_filling(*pin, offset, length);
    };
    EXPECT_FALSE(is_filling(0, 10 * kBlock));
    Segments memory;
    const auto one = store->begin_write(*pin, false);
    ASSERT_TRUE(store->prepare_write(one, 50, 2 * kBlock + 8000, memory).ok());
    EXPECT_FALSE(is_filling(0, 50));
    EXPECT_TRUE(is_filling(0, 51));
    EXPECT_FALSE(is_filling(10'000, 100)) << "these are there already";
    EXPECT_TRUE(is_filling(9'999, 2));
    EXPECT_TRUE(is_filling(10'100, 1));
    EXPECT_TRUE(is_filling(2 * kBlock + 8049, 1));
    EXPECT_FALSE(is_filling(2 * kBlock + 8050, kBlock));
    EXPECT_FALSE(store->is_filling(*other, 0, 10 * kBlock));
    // The end of another write in the same block changes nothing.
    const auto two = store->begin_write(*pin, false);
    ASSERT_TRUE(store->prepare_write(two, 2 * kBlock + 8060, 10, memory).ok());
    store->finish_write(two, 2 * kBlock + 8060, 10, true);
    EXPECT_TRUE(is_filling(2 * kBlock + 8049, 1));
    store->finish_write(one, 50, 2 * kBlock + 8000, true);
    EXPECT_FALSE(is_filling(0, 10 * kBlock));
    store->unpin(*other);
    store->unpin(*pin);
}

TEST(MemoryStore, SmallPiecesAreZerosUntilTheyAreWrittenAndNobodyWaitsForThem) {
    const auto store = make_store();
    soil(*store);
    ASSERT_TRUE(write(*store, 1, kBlock, filled(1, 1)).ok());
    const auto pin = store->pin(1, true);
    const auto one = store->begin_write(*pin, false);
    Segments memory;
    for (const std::uint64_t offset : {100U, 300U, 250U}) {
        memory.clear();
        ASSERT_TRUE(store->prepare_write(one, offset, 10, memory).ok());
        EXPECT_FALSE(store->is_filling(*pin, 0, kBlock));
        EXPECT_TRUE(is_zero(read(*store, 1, 0, kBlock)));
    }
    fill(memory, 1);
    const Bytes found = read(*store, 1, 0, kBlock);
    EXPECT_EQ(Bytes(found.begin() + 250, found.begin() + 260), filled(10, 1));
    EXPECT_TRUE(is_zero({found.begin(), found.begin() + 250}));
    EXPECT_TRUE(is_zero({found.begin() + 260, found.end()}));
    store->finish_write(one, 100, 10, true);
    store->unpin(*pin);
}

TEST(MemoryStore, AFailedWriteShowsNothingOfWhatWasThereBefore) {
    const auto store = make_store();
    soil(*store);
    ASSERT_TRUE(write(*store, 1, 4 * kBlock, filled(10, 1)).ok());
    const auto pin = store->pin(1, true);
    Segments memory;
    const auto failing = store->begin_write(*pin, false);
    ASSERT_TRUE(store->prepare_write(failing, 100, 2 * kBlock, memory).ok());
    std::memset(memory.front().data, 0x55, 10);  // a bit of it arrived
    store->finish_write(failing, 100, 2 * kBlock, false);
    EXPECT_EQ(store->size(*pin), 4 * kBlock + 10);
    store->unpin(*pin);
    EXPECT_TRUE(is_zero(read(*store, 1, 0, 4 * kBlock)));
}

TEST(MemoryStore, AFailedWriteBeyondTheEndLeavesSizeAndSpaceAsTheyWere) {
    const auto store = make_store();
    soil(*store);
    ASSERT_TRUE(write(*store, 1, 0, filled(1000, 1)).ok());
    for (const bool exposed : {false, true}) {
        const auto pin = store->pin(1, true);
        Segments memory;
        const auto failing = store->begin_write(*pin, exposed);
        ASSERT_TRUE(store->prepare_write(failing, 500, 3 * kBlock, memory).ok());
        ASSERT_TRUE(store->prepare_write(failing, 9 * kBlock, kBlock, memory).ok());
        for (const auto& segment : memory)
            std::memset(segment.data, 0x55, segment.length / 2);
        store->finish_write(failing, 500, 3 * kBlock, false);
        store->finish_write(failing, 9 * kBlock, kBlock, false);
        store->unpin(*pin);
        EXPECT_EQ((*store->info(1)).size, 1000U);
        EXPECT_EQ(store->usage().used, kBlock);
        ASSERT_TRUE(store->truncate(1, 12 * kBlock).ok());
        EXPECT_TRUE(is_zero(read(*store, 1, 1000, 12 * kBlock - 1000)));
        ASSERT_TRUE(store->truncate(1, 1000).ok());
    }
}

TEST(MemoryStore, AFullStoreIsEnospcAndLeavesThingsAsTheyWere) {
    const auto store = make_store();
    ASSERT_TRUE(write(*store, 1, 0, filled(kLimit - 2 * kBlock, 1)).ok());
    EXPECT_EQ(write(*store, 2, 0, filled(3 * kBlock, 2)).err(), ENOSPC);
    EXPECT_EQ(store->usage().used, kLimit - 2 * kBlock);
    EXPECT_EQ((*store->info(2)).size, 0U);
    EXPECT_EQ(store->allocate(2, 0, 2 * kBlock + 1).err(), ENOSPC);
    EXPECT_TRUE(write(*store, 2, 0, filled(2 * kBlock, 2)).ok());
    EXPECT_EQ(store->usage().used, kLimit);
    EXPECT_EQ(write(*store, 2, 2 * kBlock, filled(1, 2)).err(), ENOSPC);
    EXPECT_TRUE(write(*store, 2, kBlock, filled(kBlock, 3)).ok());
    ASSERT_TRUE(store->truncate(1, kBlock).ok());
    EXPECT_EQ(store->usage().used, 3 * kBlock);
    store->remove(1);
    store->remove(2);
    EXPECT_EQ(store->usage().used, 0U);
    EXPECT_EQ(store->usage().objects, 0U);
}

TEST(MemoryStore, PinnedMemoryIsNotGivenToOthersBeforeTheLastPinIsGone) {
    const auto store = make_store();
    ASSERT_TRUE(write(*store, 1, 0, filled(2 * kBlock, 1)).ok());
    for (const bool remove : {false, true}) {
        const auto first = store->pin(1, false);
        const auto second = store->pin(1, false);
        Segments memory;
        ASSERT_TRUE(store->prepare_read(*first, 0, 2 * kBlock, memory).ok());
        if (remove)
            store->remove(1);
        else
            ASSERT_TRUE(store->truncate(1, kBlock).ok());
        // All that is free is taken and marked; what the pins hold must not be among it.
        std::uint64_t at = 0;
        while (write(*store, 2, at, filled(kBlock, 7)).ok())
            at += kBlock;
        EXPECT_EQ(at, kLimit - 2 * kBlock);
        for (const auto& segment : memory)
            EXPECT_EQ(segment.data[segment.length - 1], std::byte{1});
        store->unpin(*first);
        EXPECT_EQ(store->usage().used, kLimit);
        store->unpin(*second);
        EXPECT_EQ(store->usage().used, kLimit - (remove ? 2 : 1) * kBlock);
        store->remove(2);
        if (!remove) {
            ASSERT_TRUE(write(*store, 1, kBlock, filled(kBlock, 1)).ok());
        }
    }
    EXPECT_EQ(store->usage().used, 0U);
}

TEST(MemoryStore, ARemovedObjectsNumberMayBeUsedAgainWhileTheOldOneIsPinned) {
    const auto store = make_store();
    ASSERT_TRUE(write(*store, 1, 0, filled(10, 1)).ok());
    const auto old = store->pin(1, false);
    store->remove(1);
    EXPECT_EQ(store->info(1).status().err(), ENOENT);
    ASSERT_TRUE(write(*store, 1, 0, filled(20, 2)).ok());
    Segments memory;
    ASSERT_TRUE(store->prepare_read(*old, 0, 10, memory).ok());
    EXPECT_EQ(memory.front().data[0], std::byte{1});
    store->unpin(*old);
    EXPECT_EQ((*store->info(1)).size, 20U);
    EXPECT_EQ(read(*store, 1, 0, 1).front(), std::byte{2});
}

TEST(MemoryStore, SizesBeyondEveryFileAreEfbig) {
    const auto store = make_store();
    const auto pin = store->pin(1, true);
    Segments memory;
    const auto far = store->begin_write(*pin, false);
    EXPECT_EQ(store->prepare_write(far, 1ULL << 62, 1, memory).err(), EFBIG);
    EXPECT_EQ(store->prepare_write(far, 1, ~0ULL, memory).err(), EFBIG);
    store->unpin(*pin);
    EXPECT_EQ(store->truncate(1, (1ULL << 62) + 1).err(), EFBIG);
    EXPECT_EQ(store->allocate(1, ~0ULL, 2).err(), EFBIG);
    ASSERT_TRUE(store->truncate(1, 1ULL << 62).ok());
    EXPECT_TRUE(is_zero(read(*store, 1, (1ULL << 62) - 100, 100)));
    EXPECT_EQ(store->usage().used, 0U);
}

// Found by the dispatch fuzzer: the store used to look at each block of such a range in turn.
TEST(MemoryStore, AnAllocationOfMoreThanThereIsFailsAtOnce) {
    const auto store = make_store();
    EXPECT_EQ(store->allocate(1, 0, 1ULL << 61).err(), ENOSPC);
    EXPECT_EQ(store->allocate(1, 1ULL << 60, 1ULL << 50).err(), ENOSPC);
    EXPECT_EQ(store->usage().used, 0U);
    EXPECT_EQ((*store->info(1)).size, 0U);
    EXPECT_TRUE(store->allocate(1, 1ULL << 60, kBlock).ok());
}

TEST(MemoryStore, TimesAreOfWritesUntilTheyAreForgotten) {
    const auto store = make_store();
    ASSERT_TRUE(write(*store, 1, 0, filled(1, 1)).ok());
    EXPECT_GT((*store->info(1)).mtime_ns, 0);
    store->forget_time(1);
    EXPECT_EQ((*store->info(1)).mtime_ns, 0);
    ASSERT_TRUE(store->truncate(1, 5).ok());
    EXPECT_GT((*store->info(1)).mtime_ns, 0);
}

// Objects as plain vectors, and the number of blocks each must have at least.
class Model {
  public:
    explicit Model(std::uint64_t seed) : random_(seed), store_(make_store()) { soil(*store_); }

    void step() {
        const std::uint64_t id = random_() % 4;
        const std::uint64_t offset = random_() % (12 * kBlock);
        const std::uint64_t length =
            random_() % 5 == 0 ? random_() % (8 * kBlock) + 1 : random_() % 3000 + 1;
        switch (random_() % 14) {
            case 0:
            case 1:
                return truncate(id, random_() % (14 * kBlock));
            case 2:
                store_->remove(id);
                objects_.erase(id);
                return;
            case 3:
                return allocate(id, offset, length);
            case 4:
                return fail_write(id, offset, length);
            case 5:
                return pin_or_unpin(id);
            case 6:
                return write_round(id, offset);
            case 7:
                return look(id, offset, length);
            default:
                return write_some(id, offset, length);
        }
    }

    void check() {
        for (const auto& [id, bytes] : objects_) {
            const auto info = store_->info(id);
            ASSERT_TRUE(info.ok());
            ASSERT_EQ((*info).size, bytes.size());
            if (bytes.empty()) continue;
            const Bytes found = read(*store_, id, 0, bytes.size());
            ASSERT_TRUE(found == bytes);
        }
    }

    void finish() {
        for (auto* pin : pins_)
            store_->unpin(pin);
        for (std::uint64_t id = 0; id < 4; ++id)
            store_->remove(id);
        EXPECT_EQ(store_->usage().used, 0U);
        EXPECT_EQ(store_->usage().objects, 0U);
        EXPECT_TRUE(write(*store_, 5, 0, filled(kLimit, 1)).ok());
    }

  private:
    void write_some(std::uint64_t id, std::uint64_t offset, std::uint64_t length) {
        const Bytes data = filled(length, static_cast<int>(random_() % 255 + 1));
        const Status written = write(*store_, id, offset, data, random_() % 2 == 0);
        if (!written.ok()) {
            ASSERT_EQ(written.err(), ENOSPC);
            objects_[id];
            return;
        }
        Bytes& bytes = objects_[id];
        bytes.resize(std::max<std::size_t>(bytes.size(), offset + length));
        std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    // Small pieces in any order, which are all prepared before the first one arrives.
    void write_round(std::uint64_t id, std::uint64_t base) {
        const auto pin = store_->pin(id, true);
        Bytes& bytes = objects_[id];
        const auto write = store_->begin_write(*pin, random_() % 2 == 0);
        const bool moved = random_() % 4 != 0;
        std::vector<std::pair<std::uint64_t, Segments>> pieces;
        const auto length_of = [](std::uint64_t at) { return at % 5000 + 1; };
        for (int i = 0; i < 5; ++i) {
            const std::uint64_t at = base + random_() % (2 * kBlock);
            const bool apart = std::none_of(pieces.begin(), pieces.end(), [&](const auto& piece) {
                return at < piece.first + length_of(piece.first) &&
                       piece.first < at + length_of(at);
            });
            Segments memory;
            if (apart && store_->prepare_write(write, at, length_of(at), memory).ok())
                pieces.emplace_back(at, memory);
        }
        for (const auto& [at, memory] : pieces) {
            const int value = static_cast<int>(random_() % 255 + 1);
            if (!moved) continue;
            for (const auto& segment : memory)
                std::memset(segment.data, value, segment.length);
            bytes.resize(std::max<std::size_t>(bytes.size(), at + length_of(at)));
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length_of(at),
                        static_cast<std::byte>(value));
        }
        for (const auto& piece : pieces)
            store_->finish_write(write, piece.first, length_of(piece.first), moved);
        store_->unpin(*pin);
    }
    void look(std::uint64_t id, std::uint64_t offset, std::uint64_t length) {
        const auto found = objects_.find(id);
        if (found == objects_.end() || offset + length > found->second.size()) return;
        const auto from = found->second.begin() + static_cast<std::ptrdiff_t>(offset);
        EXPECT_TRUE(read(*store_, id, offset, length) ==
                    Bytes(from, from + static_cast<std::ptrdiff_t>(length)));
    }
    // Nothing of it arrived.
    void fail_write(std::uint64_t id, std::uint64_t offset, std::uint64_t length) {
        const auto pin = store_->pin(id, true);
        objects_[id];
        Segments memory;
        const auto write = store_->begin_write(*pin, random_() % 2 == 0);
        if (store_->prepare_write(write, offset, length, memory).ok())
            store_->finish_write(write, offset, length, false);
        store_->unpin(*pin);
    }
    void truncate(std::uint64_t id, std::uint64_t size) {
        ASSERT_TRUE(store_->truncate(id, size).ok());
        if (size > 0 || objects_.count(id) != 0) objects_[id].resize(size);
    }
    void allocate(std::uint64_t id, std::uint64_t offset, std::uint64_t length) {
        Bytes& bytes = objects_[id];
        if (store_->allocate(id, offset, length).ok())
            bytes.resize(std::max<std::size_t>(bytes.size(), offset + length));
    }
    void pin_or_unpin(std::uint64_t id) {
        if (pins_.size() < 3) {
            if (const auto pin = store_->pin(id, false); pin.ok()) pins_.push_back(*pin);
            return;
        }
        store_->unpin(pins_.front());
        pins_.erase(pins_.begin());
    }

    std::mt19937_64 random_;
    std::unique_ptr<MemoryStore> store_;
    std::map<std::uint64_t, Bytes> objects_;
    std::vector<ObjectStore::Pin*> pins_;
};

TEST(MemoryStore, RandomOperationsAgreeWithAModel) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE(seed);
        Model model(seed);
        for (int step = 0; step < 600; ++step) {
            model.step();
            if (step % 20 == 0) model.check();
            if (::testing::Test::HasFatalFailure()) return;
        }
        model.finish();
    }
}

}  // namespace
}  // namespace orfa::server
