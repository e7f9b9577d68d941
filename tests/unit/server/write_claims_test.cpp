// SPDX-License-Identifier: MIT
#include "server/write_claims.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace orfa::server {
namespace {

constexpr std::uint64_t kBytes = 256;  // of each object
constexpr std::uint64_t kBlock = 64;   // what is forgotten at once

struct TestPin final : ObjectStore::Pin {};

// Two objects, byte by byte: the write that claims each (0: none), and whether it is exposed.
class Model {
  public:
    struct Byte {
        std::uint64_t write = 0;
        bool exposed = false;
    };

    Byte& at(std::size_t object, std::uint64_t offset) { return bytes_[object][offset]; }

    WriteClaims::Stretch stretch(std::size_t object, std::uint64_t offset, std::uint64_t length) {
        const bool claimed = at(object, offset).write != 0;
        const Byte first = at(object, offset);
        std::uint64_t n = 1;
        while (n < length && (at(object, offset + n).write != 0) == claimed &&
               (!claimed || at(object, offset + n).write == first.write))
            ++n;
        return {n, claimed};
    }

  private:
    std::array<std::array<Byte, kBytes>, 2> bytes_{};
};

class WriteClaimsRandom : public ::testing::TestWithParam<unsigned> {};

TEST_P(WriteClaimsRandom, DoAsAModelDoesByteByByte) {
    std::mt19937 random(GetParam());
    const auto below = [&](std::uint64_t limit) { return random() % limit; };
    std::array<TestPin, 2> pins;
    std::array<std::vector<std::byte>, 2> memory;
    for (auto& bytes : memory)
        bytes.assign(kBytes, std::byte{0xEE});
    WriteClaims claims;
    Model model;
    std::uint64_t last = 0;
    for (int step = 0; step < 3000; ++step) {
        const std::size_t object = below(2);
        const std::uint64_t offset = below(kBytes);
        const std::uint64_t length = 1 + below(kBytes - offset);
        switch (below(4)) {
            case 0: {  // a write claims what nobody does
                const ObjectStore::Write write{&pins[object], below(2) == 0, ++last};
                for (std::uint64_t at = offset; at < offset + length;) {
                    const auto part = model.stretch(object, at, offset + length - at);
                    // Within a block, as the store has it.
                    const std::uint64_t n = std::min(part.length, kBlock - at % kBlock);
                    if (!part.claimed) {
                        claims.add(write, at, n, memory[object].data() + at);
                        for (std::uint64_t i = at; i < at + n; ++i) {
                            model.at(object, i) = {write.id, write.exposed};
                            memory[object][i] = std::byte{0xEE};
                        }
                    }
                    at += n;
                }
                break;
            }
            case 1: {
                const ObjectStore::Write write{&pins[object], true, 1 + below(last + 1)};
                claims.fulfil(write, offset, length);
                for (std::uint64_t i = offset; i < offset + length; ++i)
                    if (model.at(object, i).write <= write.id) model.at(object, i) = {};
                break;
            }
            case 2: {
                const std::uint64_t block = offset / kBlock * kBlock;
                claims.forget(&pins[object], block, kBlock);
                for (std::uint64_t i = block; i < block + kBlock; ++i)
                    model.at(object, i) = {};
                break;
            }
            default: {  // a write fails as a whole
                const ObjectStore::Write write{&pins[object], true, 1 + below(last + 1)};
                claims.give_up(write, 0, kBytes);
                for (std::uint64_t i = 0; i < kBytes; ++i) {
                    if (model.at(object, i).write != write.id) continue;
                    ASSERT_EQ(memory[object][i], std::byte{0}) << "step " << step << " at " << i;
                    model.at(object, i) = {};
                }
                break;
            }
        }
        bool filling = false;
        for (std::uint64_t i = offset; i < offset + length; ++i)
            filling = filling || (model.at(object, i).write != 0 && !model.at(object, i).exposed);
        ASSERT_EQ(claims.is_filling(&pins[object], offset, length), filling) << "step " << step;
        for (std::uint64_t at = offset; at < offset + length;) {
            const auto found = claims.stretch(&pins[object], at, offset + length - at);
            ASSERT_GT(found.length, 0U);
            for (std::uint64_t i = at; i < at + found.length; ++i)
                ASSERT_EQ(found.claimed, model.at(object, i).write != 0)
                    << "step " << step << " at " << i;
            at += found.length;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, WriteClaimsRandom, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace orfa::server
