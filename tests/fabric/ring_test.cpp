// SPDX-License-Identifier: MIT
#include "fabric/ring.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace orfa::fabric {
namespace {

struct Ring {
    explicit Ring(std::size_t size = 4096, std::size_t max_length = 2000)
        : words(size / 8),
          writer(positions, std::as_writable_bytes(std::span(words))),
          reader(positions, std::as_bytes(std::span(words)), max_length) {}

    bool write(const std::string& text, RecordKind kind = RecordKind::kMessage) {
        const auto all = std::as_bytes(std::span(text));
        const std::size_t cut = text.size() / 2;
        Result<bool> done = writer.write(kind, all.first(cut), all.subspan(cut));
        EXPECT_TRUE(done.ok());
        return done.ok() && *done;
    }
    std::optional<std::string> read() {
        Result<std::optional<Record>> got = reader.next();
        EXPECT_TRUE(got.ok());
        if (!got.ok() || !got->has_value()) return std::nullopt;
        const auto bytes = (*got)->bytes;
        return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void set_header(std::size_t at, std::uint64_t length, std::uint64_t kind) {
        words[at / 8] = kind << 32 | length;
    }
    int next_error() { return reader.next().status().err(); }

    RingPositions positions{};
    std::vector<std::uint64_t> words;
    RingWriter writer;
    RingReader reader;
};

TEST(Ring, RecordsComeOutAsTheyWentIn) {
    Ring ring;
    EXPECT_FALSE(ring.reader.has_more());
    EXPECT_TRUE(ring.write(""));
    EXPECT_TRUE(ring.write("abc", RecordKind::kCopyAsk));
    EXPECT_TRUE(ring.reader.has_more());
    EXPECT_EQ(ring.read(), "");
    Result<std::optional<Record>> second = ring.reader.next();
    EXPECT_EQ((*second)->kind, RecordKind::kCopyAsk);
    EXPECT_EQ((*second)->bytes.size(), 3U);
    EXPECT_EQ(ring.read(), std::nullopt);
    EXPECT_FALSE(ring.reader.has_more());
}

TEST(Ring, IsFullUntilTheReaderPublishes) {
    Ring ring;
    const std::string text(1016, 'x');  // a quarter of the ring with its header
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(ring.write(text));
    EXPECT_FALSE(ring.write(text));
    EXPECT_FALSE(ring.write(""));
    EXPECT_FALSE(*ring.writer.has_room(0));
    EXPECT_EQ(ring.read(), text);
    EXPECT_FALSE(ring.write(text));
    EXPECT_TRUE(ring.reader.publish());
    EXPECT_FALSE(ring.reader.publish());
    EXPECT_TRUE(ring.write(text));
    EXPECT_FALSE(ring.write(text));
}

// A writer that sleeps until there is room is woken only when publish() says there is.
TEST(Ring, RoomThatNextGaveIsToldByPublish) {
    Ring ring(4096);
    ASSERT_TRUE(ring.write(std::string(1500, 'x')));
    EXPECT_TRUE(ring.read());
    EXPECT_FALSE(ring.read());  // gives the room, of more than a quarter
    EXPECT_TRUE(ring.reader.publish());
    EXPECT_FALSE(ring.reader.publish());
}

TEST(Ring, ARecordOfMoreThanHalfTheRingIsEmsgsize) {
    Ring ring(4096, 4096);
    const std::vector<std::byte> big(2041);
    EXPECT_EQ(ring.writer.write(RecordKind::kMessage, big, {}).status().err(), EMSGSIZE);
    EXPECT_TRUE(*ring.writer.write(RecordKind::kMessage, std::span(big).first(2040), {}));
}

TEST(Ring, AnySequenceOfSizesWrapsAroundIntact) {
    std::mt19937 rng(7);
    Ring ring(1024, 504);
    std::deque<std::string> expected;
    std::size_t read = 0;
    for (int i = 0; i < 200'000; ++i) {
        if (rng() % 2 == 0) {
            std::string text(rng() % 505, static_cast<char>('a' + rng() % 26));
            if (ring.write(text)) expected.push_back(std::move(text));
        } else if (auto got = ring.read()) {
            ASSERT_FALSE(expected.empty());
            ASSERT_EQ(*got, expected.front());
            expected.pop_front();
            ++read;
        } else {
            ring.reader.publish();
        }
    }
    EXPECT_GT(read, 10'000U);
}

TEST(Ring, AFullSizedRecordFitsAnEmptyRingWhereverItStands) {
    Ring ring(1024, 504);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(ring.write(std::string(static_cast<std::size_t>(i % 17), 's')));
        ASSERT_TRUE(ring.read());
        ring.reader.publish();
        ASSERT_TRUE(ring.write(std::string(504, 'b')));
        ASSERT_TRUE(ring.read());
        ring.reader.publish();
    }
}

TEST(Ring, TwoThreadsSeeWholeRecords) {
    Ring ring(4096, 2000);
    constexpr std::uint64_t kCount = 200'000;
    std::thread producer([&] {
        std::vector<std::uint64_t> body(128);
        for (std::uint64_t i = 0; i < kCount; ++i) {
            const std::size_t n = 1 + i % 128;
            std::fill_n(body.begin(), n, i);
            const auto bytes = std::as_bytes(std::span(body).first(n));
            while (!*ring.writer.write(RecordKind::kMessage, bytes, {}))
                std::this_thread::yield();
        }
    });
    for (std::uint64_t i = 0; i < kCount;) {
        Result<std::optional<Record>> got = ring.reader.next();
        ASSERT_TRUE(got.ok());
        if (!got->has_value()) {
            ring.reader.publish();
            std::this_thread::yield();
            continue;
        }
        const auto bytes = (*got)->bytes;
        ASSERT_EQ(bytes.size(), (1 + i % 128) * 8);
        for (std::size_t k = 0; k < bytes.size(); k += 8) {
            std::uint64_t value = 0;
            std::memcpy(&value, bytes.data() + k, 8);
            ASSERT_EQ(value, i);
        }
        ++i;
    }
    producer.join();
}

TEST(Ring, ImpossibleWritePositionsAreEproto) {
    for (const std::uint64_t bad :
         {std::uint64_t{4104}, std::uint64_t{4}, ~std::uint64_t{0} - 7, std::uint64_t{1} << 63}) {
        Ring ring;
        ring.positions.written = bad;
        EXPECT_EQ(ring.next_error(), EPROTO) << bad;
    }
}

TEST(Ring, ImpossibleFreePositionsAreEproto) {
    for (const std::uint64_t bad : {std::uint64_t{4096}, std::uint64_t{4}, ~std::uint64_t{0} - 7}) {
        Ring ring;
        EXPECT_TRUE(ring.write(std::string(1000, 'x')));
        ring.positions.freed = bad;  // beyond what was written, or not aligned
        const std::vector<std::byte> big(2040);
        EXPECT_TRUE(*ring.writer.write(RecordKind::kMessage, big, {}));  // fits: doesn't look
        EXPECT_EQ(ring.writer.write(RecordKind::kMessage, big, {}).status().err(), EPROTO) << bad;
    }
}

TEST(Ring, ImpossibleRecordsAreEproto) {
    struct Case {
        std::uint64_t written, length, kind;
    };
    const Case cases[] = {
        {16, 16, 1},            // longer than what was written
        {4096, 2001, 1},        // longer than allowed
        {4096, 0xffffffff, 1},  // longer than the ring
        {4096, 8, 0},           // a skip that ends elsewhere than at the end
        {16, 4088, 0},          // a skip of more than was written
    };
    for (const Case& c : cases) {
        Ring ring;
        ring.set_header(0, c.length, c.kind);
        ring.positions.written = c.written;
        EXPECT_EQ(ring.next_error(), EPROTO) << c.length << " of kind " << c.kind;
    }
}

TEST(Ring, ARecordAcrossTheEndIsEproto) {
    Ring ring(1024, 504);
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(ring.write(std::string(496, 'x')));
        EXPECT_TRUE(ring.read());
    }
    ring.reader.publish();  // 16 bytes to the end
    ring.set_header(1008, 100, 1);
    ring.positions.written = 1008 + 108;
    EXPECT_EQ(ring.next_error(), EPROTO);
}

TEST(Ring, AnyGarbageEndsInEprotoOrRecordsWithinTheRing) {
    std::mt19937_64 rng(11);
    for (int round = 0; round < 20'000; ++round) {
        Ring ring(1024, 504);
        for (auto& w : ring.words) {
            w = rng();
            if (rng() % 2 == 0) w = (w & 0x3ULL) << 32 | (w >> 40 & 0x1ff);
        }
        ring.positions.written = rng() % 2 == 0 ? rng() : (rng() % 130) * 8;
        for (int i = 0; i < 300; ++i) {
            Result<std::optional<Record>> got = ring.reader.next();
            if (!got.ok() || !got->has_value()) break;
            const std::byte* first = std::as_bytes(std::span(ring.words)).data();
            const auto bytes = (*got)->bytes;
            ASSERT_GE(bytes.data(), first);
            ASSERT_LE(bytes.data() + bytes.size(), first + 1024);
            ASSERT_LE(bytes.size(), 504U);
        }
    }
}

}  // namespace
}  // namespace orfa::fabric
