// SPDX-License-Identifier: MIT
#include "benchmarks/pattern.hpp"

#include <gtest/gtest.h>

namespace orfa::benchmarks {
namespace {

constexpr Geometry kSegments{4, 12000, 12000, 3000};
constexpr Geometry kRecords{3, 4700, 470, 470};
constexpr Geometry kStrips{4, 4096, 256, 1024};

// The file as correct writes would leave it.
std::vector<std::byte> written(const Geometry& g, const PatternSource& source) {
    std::vector<std::byte> file(g.file_size());
    for (std::uint64_t rank = 0; rank < g.ranks; ++rank) {
        for (std::uint64_t position = 0; position < g.block; ++position) {
            file[g.file_offset(rank, position)] =
                source.window(rank, position / g.transfer)[position % g.transfer];
        }
    }
    return file;
}

class Pattern : public testing::TestWithParam<Geometry> {};

TEST_P(Pattern, EveryByteOfTheFileBelongsToOneRank) {
    const Geometry g = GetParam();
    std::vector<int> times(g.file_size());
    for (std::uint64_t rank = 0; rank < g.ranks; ++rank) {
        for (std::uint64_t position = 0; position < g.block; ++position) {
            ++times[g.file_offset(rank, position)];
        }
    }
    EXPECT_EQ(std::count(times.begin(), times.end(), 1), static_cast<std::ptrdiff_t>(times.size()));
}

TEST_P(Pattern, RightDataIsRightFromAnyOffset) {
    const Geometry g = GetParam();
    const PatternSource source(g.transfer, 7);
    const auto file = written(g, source);
    for (std::uint64_t from = 0; from < file.size(); from += 331) {
        const auto rest = std::span(file).subspan(from);
        EXPECT_EQ(source.right_bytes(g, from, rest), rest.size());
    }
}

TEST_P(Pattern, OneWrongByteIsFoundAndLocated) {
    const Geometry g = GetParam();
    const PatternSource source(g.transfer, 7);
    auto file = written(g, source);
    for (std::uint64_t at = 0; at < file.size(); at += 97) {
        file[at] ^= std::byte{1};
        EXPECT_EQ(source.right_bytes(g, 0, file), at);
        file[at] ^= std::byte{1};
    }
}

TEST_P(Pattern, DataOfAnotherAccessRankOrRepetitionIsWrong) {
    const Geometry g = GetParam();
    const PatternSource source(g.transfer, 7);
    const PatternSource older(g.transfer, 6);
    const std::span right(source.window(1, 1), g.transfer);
    EXPECT_EQ(source.right_bytes_of_access(1, 1, right), g.transfer);
    EXPECT_LT(source.right_bytes_of_access(1, 2, right), 64U);
    EXPECT_LT(source.right_bytes_of_access(2, 1, right), 64U);
    EXPECT_LT(older.right_bytes_of_access(1, 1, right), 64U);
}

INSTANTIATE_TEST_SUITE_P(Geometries, Pattern, testing::Values(kSegments, kRecords, kStrips));

}  // namespace
}  // namespace orfa::benchmarks
