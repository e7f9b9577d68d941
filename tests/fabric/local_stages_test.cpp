// SPDX-License-Identifier: MIT
// Small transfers through memory that both sides map.
#include "fabric/local_wire.hpp"
#include "tests/fabric/local_fixture.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace orfa::fabric::test {
namespace {

LocalOptions small_stages() {
    LocalOptions options;
    options.geometry.stage_bytes = 4096;
    options.geometry.stage_count = 2;
    return options;
}

RemoteSegment remote(const Registration& r, std::uint64_t length) {
    return {r.addr, r.key, length};
}

Result<RmaState> move(Pair& p, bool read, std::span<const LocalSegment> local,
                      std::span<const RemoteSegment> there) {
    return read ? p.server->rma_read(p.to_client, local, there, nullptr)
                : p.server->rma_write(p.to_client, local, there, nullptr);
}

class LocalStages : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(ProcessVm, LocalStages, testing::Values(true));
INSTANTIATE_TEST_SUITE_P(Bounce, LocalStages, testing::Values(false));

TEST_P(LocalStages, BytesTravelBothWaysWithoutTheClient) {
    Pair p(GetParam(), small_stages());
    auto staged = p.client->stage(p.to_server, 4096);
    ASSERT_TRUE(staged.ok());
    ASSERT_EQ(staged->memory.size(), 4096U);
    fill(staged->memory, 3);
    std::vector<std::byte> ours(4096);
    const std::array<LocalSegment, 3> pieces{
        {{ours.data(), 1}, {ours.data() + 1, 0}, {ours.data() + 1, 4095}}};
    const RemoteSegment there = remote(staged->registration, 4096);
    EXPECT_EQ(*move(p, true, pieces, {&there, 1}), RmaState::kDone);
    EXPECT_TRUE(std::equal(ours.begin(), ours.end(), staged->memory.begin()));
    fill(ours, 4);
    EXPECT_EQ(*move(p, false, pieces, {&there, 1}), RmaState::kDone);
    EXPECT_TRUE(std::equal(ours.begin(), ours.end(), staged->memory.begin()));
}

TEST_P(LocalStages, ThereAreSoManyAndTheyComeBack) {
    Pair p(GetParam(), small_stages());
    std::vector<std::byte> memory(5000);
    const LocalSegment all{memory.data(), memory.size()};
    const auto copies = [&](std::uint64_t bytes) {
        return p.client->copies(p.to_server, {&all, 1}, bytes);
    };
    EXPECT_TRUE(copies(4096));
    EXPECT_FALSE(copies(4097));
    EXPECT_EQ(p.client->stage(p.to_server, 4097).status().err(), ENOMEM);
    auto first = p.client->stage(p.to_server, 1);
    auto second = p.client->stage(p.to_server, 4096);
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_NE(first->memory.data(), second->memory.data());
    EXPECT_FALSE(copies(1));
    EXPECT_EQ(p.client->stage(p.to_server, 1).status().err(), ENOMEM);
    p.client->release_memory(first->registration);
    EXPECT_TRUE(copies(1));
    EXPECT_EQ(p.client->stage(p.to_server, 1)->memory.data(), first->memory.data());
}

TEST_P(LocalStages, WhatLiesOutsideIsEfaultAndTheConnectionLives) {
    Pair p(GetParam(), small_stages());
    std::vector<std::byte> ours(4096), theirs(4096);
    const Registration other = *p.client->register_memory(theirs, Access::kBoth);
    const LocalSegment one{ours.data(), 1};
    const LocalSegment all{ours.data(), 4096};
    for (const bool read : {true, false}) {
        for (const std::uint64_t at : {std::uint64_t{8192}, ~std::uint64_t{0}, other.addr}) {
            const RemoteSegment wrong{at, kStagedKey, 1};
            EXPECT_EQ(move(p, read, {&one, 1}, {&wrong, 1}).status().err(), EFAULT);
        }
        const RemoteSegment beyond{8192 - 4095, kStagedKey, 4096};
        EXPECT_EQ(move(p, read, {&all, 1}, {&beyond, 1}).status().err(), EFAULT);
        const std::array<RemoteSegment, 2> mixed{
            {{0, kStagedKey, 96}, {other.addr, other.key, 4000}}};
        EXPECT_EQ(move(p, read, {&all, 1}, mixed).status().err(), EFAULT);
    }
    const RemoteSegment fine{8192 - 4096, kStagedKey, 4096};
    EXPECT_TRUE(move(p, true, {&all, 1}, {&fine, 1}).ok());
    EXPECT_TRUE(p.server_events.down.empty());
}

TEST_P(LocalStages, AreGoneWithTheirConnection) {
    Pair p(GetParam(), small_stages());
    auto staged = p.client->stage(p.to_server, 100);
    ASSERT_TRUE(staged.ok());
    p.client->disconnect(p.to_server);
    EXPECT_EQ(p.client->stage(p.to_server, 100).status().err(), ENOTCONN);
    p.client->poll();
    p.client->release_memory(staged->registration);  // nothing happens
    const LocalSegment memory{nullptr, 1};
    EXPECT_FALSE(p.client->copies(p.to_server, {&memory, 1}, 1));
}

TEST(LocalStagesLimit, CanBeSetToNothing) {
    LocalOptions options = small_stages();
    options.stage_max = 0;
    Pair p(true, options);
    std::byte byte{};
    const LocalSegment memory{&byte, 1};
    EXPECT_FALSE(p.client->copies(p.to_server, {&memory, 1}, 1));
}

}  // namespace
}  // namespace orfa::fabric::test
