// SPDX-License-Identifier: MIT
#include "collective/domains.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace orfa::collective {
namespace {

constexpr std::uint64_t kKiB = 1024;

TEST(Domains, EachServerTalksToOneAggregator) {
    for (std::uint32_t aggregators = 1; aggregators <= 9; ++aggregators) {
        for (std::uint32_t stripes = 1; stripes <= 8; ++stripes) {
            const Limits limits{64 * kKiB, stripes, 16, aggregators, 1024 * kKiB};
            const Domains domains = make_domains(limits);
            ASSERT_GE(domains.aggregators, 1U);
            ASSERT_LE(domains.aggregators, aggregators);
            const Window window(domains, 0);
            std::map<std::uint64_t, std::uint32_t> aggregator_of_server;
            for (std::uint64_t stripe = 0; stripe < 100; ++stripe) {
                // With more aggregators than servers a server has several, but always the same.
                const std::uint64_t server =
                    domains.aggregators > stripes ? stripe % domains.aggregators : stripe % stripes;
                const std::uint32_t aggregator = window.aggregator_of(stripe * 64 * kKiB + 17);
                const auto known = aggregator_of_server.emplace(server, aggregator);
                EXPECT_EQ(known.first->second, aggregator);
            }
        }
    }
}

TEST(Domains, BuffersKeepToTheirBound) {
    for (const std::uint64_t buffer : {4096ULL, 5000ULL, 70'000ULL, 1ULL << 20, (1ULL << 24) + 3}) {
        for (const std::uint64_t stripe : {4096ULL, 65536ULL, 1ULL << 20, 1ULL << 32}) {
            const Domains domains = make_domains({stripe, 4, 8, 4, buffer});
            EXPECT_LE(domains.buffer_bytes(), buffer);
            EXPECT_GE(domains.buffer_bytes(), kSmallestUnit);
            EXPECT_EQ(domains.unit % kSmallestUnit, 0U);
            if (stripe <= buffer) {
                EXPECT_EQ(domains.unit, stripe);
            }
        }
    }
}

TEST(Domains, ABufferThatSufficesHoldsAnyAccessOfThatSpan) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 1000; ++round) {
        const Domains domains =
            make_domains({4096 * (1 + random() % 5), static_cast<std::uint32_t>(1 + random() % 5),
                          8, static_cast<std::uint32_t>(1 + random() % 8), 1 << 20});
        const std::uint64_t hull = 1 + random() % (domains.window_bytes() * 2);
        const std::uint64_t buffer = buffer_for(domains, hull);
        const Domains smaller = within(domains, buffer);
        EXPECT_EQ(smaller.buffer_bytes(), buffer);
        EXPECT_LE(buffer, domains.buffer_bytes());
        EXPECT_EQ(smaller.aggregators, domains.aggregators);
        const Window window(smaller, random() % 1'000'000);
        const std::uint64_t begin = window.begin() + random() % smaller.unit;
        if (buffer < domains.buffer_bytes()) {
            EXPECT_LE(begin + hull, window.end());
        }
    }
    const Domains domains = make_domains({65536, 4, 8, 4, 1 << 20});
    EXPECT_EQ(within(domains, 1).buffer_bytes(), 65536U);
    EXPECT_EQ(within(domains, 1 << 30).buffer_bytes(), std::uint64_t{1} << 20);
}

TEST(Domains, AggregatorsAreDifferentRanks) {
    const Domains domains = make_domains({65536, 4, 10, 4, 1 << 20});
    for (std::uint32_t i = 1; i < domains.aggregators; ++i)
        EXPECT_GT(domains.rank_of(i, 10), domains.rank_of(i - 1, 10));
    EXPECT_LT(domains.rank_of(domains.aggregators - 1, 10), 10U);
}

TEST(Window, PlacesAreTheInverseOfOffsets) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 3000; ++round) {
        const Limits limits{4096 * (1 + random() % 5), static_cast<std::uint32_t>(1 + random() % 5),
                            static_cast<std::uint32_t>(1 + random() % 9),
                            static_cast<std::uint32_t>(1 + random() % 9), 4096 + random() % 90000};
        const Domains domains = make_domains(limits);
        const std::uint64_t first = random() % (1ULL << (random() % 62 + 1));
        const Window window(domains, first);
        ASSERT_LE(window.begin(), first);
        ASSERT_LT(first, window.end());
        const std::uint64_t offset = window.begin() + random() % (window.end() - window.begin());
        const std::uint32_t aggregator = window.aggregator_of(offset);
        const std::uint64_t place = window.place_of(offset);
        ASSERT_LT(aggregator, domains.aggregators);
        ASSERT_LT(place, domains.buffer_bytes());
        ASSERT_EQ(window.offset_of(aggregator, place), offset);
        // The next bytes of the unit lie behind each other, too.
        const std::uint64_t left = window.left_in_unit(offset);
        ASSERT_EQ(window.aggregator_of(offset + left - 1), aggregator);
        ASSERT_EQ(window.place_of(offset + left - 1), place + left - 1);
    }
}

}  // namespace
}  // namespace orfa::collective
