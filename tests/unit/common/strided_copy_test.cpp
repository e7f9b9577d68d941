// SPDX-License-Identifier: MIT
#include "common/strided_copy.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace orfa {
namespace {

TEST(StridedCopy, SpreadsAndGathersPiecesOfAnyLengthEitherWay) {
    constexpr std::int64_t kPieces = 5;
    for (std::int64_t length = 1; length <= 70; ++length) {
        for (const std::int64_t stride : {length, length + 3, -length, -length - 7}) {
            const std::int64_t first = stride < 0 ? -stride * (kPieces - 1) : 0;
            const auto bytes = static_cast<std::uint64_t>(length);
            std::vector<std::byte> packed(bytes * kPieces);
            for (std::size_t i = 0; i < packed.size(); ++i)
                packed[i] = static_cast<std::byte>(i + 1);
            std::vector<std::byte> apart(400, std::byte{0});
            spread_pieces(&apart[static_cast<std::size_t>(first)], stride, packed.data(), bytes,
                          kPieces);
            std::vector<std::byte> wanted(apart.size(), std::byte{0});
            for (std::int64_t i = 0; i < kPieces * length; ++i)
                wanted[static_cast<std::size_t>(first + i / length * stride + i % length)] =
                    static_cast<std::byte>(i + 1);
            ASSERT_EQ(apart, wanted) << length << ' ' << stride;
            std::vector<std::byte> back(packed.size());
            gather_pieces(back.data(), &apart[static_cast<std::size_t>(first)], stride, bytes,
                          kPieces);
            ASSERT_EQ(back, packed) << length << ' ' << stride;
        }
    }
}

}  // namespace
}  // namespace orfa
