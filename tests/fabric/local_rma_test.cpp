// SPDX-License-Identifier: MIT
// Memory moved by the listening side, with process_vm_* and through shared memory.
#include "tests/fabric/local_fixture.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>

namespace orfa::fabric::test {
namespace {

// Cuts `total` bytes into `pieces` lengths, some of them zero.
std::vector<std::size_t> random_lengths(std::size_t total, std::size_t pieces, std::mt19937& rng) {
    std::vector<std::size_t> cuts{0, total};
    for (std::size_t i = 1; i < pieces; ++i)
        cuts.push_back(rng() % (total + 1));
    std::sort(cuts.begin(), cuts.end());
    std::vector<std::size_t> lengths;
    for (std::size_t i = 1; i < cuts.size(); ++i)
        lengths.push_back(cuts[i] - cuts[i - 1]);
    return lengths;
}

// Memory with pieces scattered over it, 3 bytes apart, the even ones before the odd ones.
struct Pieces {
    Pieces(std::size_t total, std::size_t count, std::mt19937& rng, std::uint64_t seed)
        : memory(total + 3 * count) {
        const auto lengths = random_lengths(total, count, rng);
        places.resize(count);
        std::size_t at = 0;
        for (std::size_t parity = 0; parity < 2; ++parity) {
            for (std::size_t i = parity; i < count; i += 2) {
                places[i] = {memory.data() + at, lengths[i]};
                at += lengths[i] + 3;
            }
        }
        fill(memory, seed);
    }
    [[nodiscard]] std::vector<std::byte> content() const {
        std::vector<std::byte> all;
        for (const auto& s : places)
            all.insert(all.end(), s.data, s.data + s.length);
        return all;
    }
    [[nodiscard]] std::vector<RemoteSegment> remote(const Registration& r) const {
        std::vector<RemoteSegment> list;
        for (const auto& s : places)
            list.push_back(
                {r.addr + static_cast<std::uint64_t>(s.data - memory.data()), r.key, s.length});
        return list;
    }

    std::vector<std::byte> memory;
    std::vector<LocalSegment> places;
};

class LocalRma : public testing::TestWithParam<bool> {
  protected:
    // Runs one to its end and returns how it ended.
    Status run(Pair& p, bool read, std::span<const LocalSegment> local,
               std::span<const RemoteSegment> remote) {
        Completion done;
        Result<RmaState> state = read ? p.server->rma_read(p.to_client, local, remote, &done)
                                      : p.server->rma_write(p.to_client, local, remote, &done);
        if (!state.ok()) return state.status();
        EXPECT_EQ(*state == RmaState::kDone, GetParam());
        if (*state == RmaState::kDone) return {};
        EXPECT_TRUE(poll_until(*p.server, *p.client, [&] { return done.calls > 0; }));
        EXPECT_EQ(done.calls, 1);
        return done.status;
    }
};
INSTANTIATE_TEST_SUITE_P(ProcessVm, LocalRma, testing::Values(true));
INSTANTIATE_TEST_SUITE_P(Bounce, LocalRma, testing::Values(false));

TEST_P(LocalRma, TheModeIsKnownToBothSides) {
    Pair p(GetParam());
    EXPECT_EQ(p.server->moves_alone(p.to_client), GetParam());
    EXPECT_EQ(p.client->moves_alone(p.to_server), GetParam());
}

TEST_P(LocalRma, ListsOfAnyShapeCarryTheSameBytes) {
    Pair p(GetParam());
    std::mt19937 rng(1);
    std::vector<std::size_t> counts{1, 2, 7, 127, 128, 129, 1023, 1024, 1025, 3000};
    if (kSanitized) counts = {1, 129, 1025, 3000};
    for (const std::size_t here : counts) {
        for (const std::size_t there : counts) {
            const std::size_t total = 1 + rng() % 700'000;
            Pieces local(total, here, rng, 1);
            Pieces remote(total, there, rng, 2);
            const Registration r = *p.client->register_memory(remote.memory, Access::kBoth);
            const bool read = rng() % 2 == 0;
            ASSERT_TRUE(run(p, read, local.places, remote.remote(r)).ok());
            ASSERT_EQ(local.content(), remote.content()) << here << " " << there;
            // The bytes between the pieces are as they were.
            Pieces& target = read ? local : remote;
            std::vector<std::byte> untouched(target.memory.size());
            fill(untouched, read ? 1 : 2);
            for (const auto& s : target.places)
                std::memcpy(untouched.data() + (s.data - target.memory.data()), s.data, s.length);
            ASSERT_EQ(untouched, target.memory);
            p.client->release_memory(r);
        }
    }
}

TEST_P(LocalRma, ManyAtOnceEachCompleteOnce) {
    Pair p(GetParam());
    constexpr std::size_t kCount = 40;
    constexpr std::size_t kBytes = 300'001;
    std::vector<std::byte> theirs(kCount * kBytes), ours(kCount * kBytes);
    fill(theirs, 5);
    const Registration r = *p.client->register_memory(theirs, Access::kRemoteRead);
    std::vector<Completion> done(kCount);
    std::size_t at_once = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
        const LocalSegment into{ours.data() + i * kBytes, kBytes};
        const RemoteSegment from{r.addr + i * kBytes, r.key, kBytes};
        auto state = p.server->rma_read(p.to_client, {&into, 1}, {&from, 1}, &done[i]);
        ASSERT_TRUE(state.ok());
        at_once += *state == RmaState::kDone ? 1 : 0;
    }
    std::size_t later = 0;
    ASSERT_TRUE(poll_until(*p.server, *p.client, [&] {
        later = 0;
        for (const Completion& c : done)
            later += static_cast<std::size_t>(c.calls);
        return at_once + later == kCount;
    }));
    EXPECT_EQ(ours, theirs);
}

TEST_P(LocalRma, UnequalSumsAreEinvalAndEmptyListsAreDone) {
    Pair p(GetParam());
    std::vector<std::byte> a(100), b(100);
    const Registration r = *p.client->register_memory(b, Access::kBoth);
    const LocalSegment local{a.data(), 100};
    for (const std::uint64_t length : {std::uint64_t{99}, std::uint64_t{0}, ~std::uint64_t{0}}) {
        const RemoteSegment remote{r.addr, r.key, length};
        EXPECT_EQ(
            p.server->rma_read(p.to_client, {&local, 1}, {&remote, 1}, nullptr).status().err(),
            EINVAL);
    }
    const RemoteSegment twice[2] = {{r.addr, r.key, ~0ULL}, {r.addr, r.key, 101}};
    EXPECT_EQ(p.server->rma_read(p.to_client, {&local, 1}, twice, nullptr).status().err(), EINVAL);
    EXPECT_EQ(*p.server->rma_write(p.to_client, {}, {}, nullptr), RmaState::kDone);
}

TEST_P(LocalRma, MemoryThatIsNotThereIsEfaultAndTheConnectionLives) {
    Pair p(GetParam());
    constexpr std::size_t kBytes = 1 << 20;
    std::vector<std::byte> ours(kBytes), good(kBytes);
    void* hole = ::mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(hole, MAP_FAILED);
    const Registration r = *p.client->register_memory(good, Access::kBoth);
    const LocalSegment local{ours.data(), kBytes};
    const RemoteSegment remote[2] = {{r.addr, r.key, kBytes - 5},
                                     {reinterpret_cast<std::uint64_t>(hole), r.key, 5}};
    EXPECT_EQ(run(p, true, {&local, 1}, remote).err(), EFAULT);
    EXPECT_EQ(run(p, false, {&local, 1}, remote).err(), EFAULT);
    const RemoteSegment fine{r.addr, r.key, kBytes};
    EXPECT_TRUE(run(p, true, {&local, 1}, {&fine, 1}).ok());
    ::munmap(hole, kBytes);
}

TEST(LocalRmaBounce, OnlyRegisteredMemoryIsTouched) {
    Pair p(false);
    std::vector<std::byte> ours(64), theirs(64);
    const auto attempt = [&](bool read, RemoteSegment remote) {
        const LocalSegment local{ours.data(), remote.length};
        Completion done;
        auto state = read ? p.server->rma_read(p.to_client, {&local, 1}, {&remote, 1}, &done)
                          : p.server->rma_write(p.to_client, {&local, 1}, {&remote, 1}, &done);
        EXPECT_TRUE(state.ok());
        EXPECT_TRUE(poll_until(*p.server, *p.client, [&] { return done.calls > 0; }));
        return done.status.err();
    };
    const Registration r =
        *p.client->register_memory(std::span(theirs).subspan(8, 40), Access::kRemoteRead);
    EXPECT_EQ(attempt(true, {r.addr, r.key, 40}), 0);
    EXPECT_EQ(attempt(false, {r.addr, r.key, 40}), EFAULT);     // may only be read
    EXPECT_EQ(attempt(true, {r.addr - 1, r.key, 8}), EFAULT);   // before it
    EXPECT_EQ(attempt(true, {r.addr + 1, r.key, 40}), EFAULT);  // beyond it
    EXPECT_EQ(attempt(true, {r.addr, r.key + 1, 8}), EFAULT);   // another key
    EXPECT_EQ(attempt(true, {r.addr, 0, 8}), EFAULT);
    p.client->release_memory(r);
    EXPECT_EQ(attempt(true, {r.addr, r.key, 8}), EFAULT);
    const Registration again = *p.client->register_memory(theirs, Access::kBoth);
    EXPECT_EQ(attempt(true, {again.addr, r.key, 8}), EFAULT);  // the old key stays dead
    EXPECT_EQ(attempt(false, {again.addr, again.key, 64}), 0);
}

TEST(LocalRmaBounce, AnotherCanBeStartedFromACompletion) {
    Pair p(false);
    std::vector<std::byte> ours(1000), theirs(1000);
    fill(theirs, 9);
    const Registration r = *p.client->register_memory(theirs, Access::kBoth);
    struct Chain final : RmaCompletion {
        void on_rma_done(Status s) override {
            EXPECT_TRUE(s.ok());
            if (++runs < 50) next();
        }
        int runs = 0;
        std::function<void()> next;
    } chain;
    chain.next = [&] {
        const LocalSegment into{ours.data(), 1000};
        const RemoteSegment from{r.addr, r.key, 1000};
        EXPECT_TRUE(p.server->rma_read(p.to_client, {&into, 1}, {&from, 1}, &chain).ok());
    };
    chain.next();
    ASSERT_TRUE(poll_until(*p.server, *p.client, [&] { return chain.runs == 50; }));
    EXPECT_EQ(ours, theirs);
}

TEST(LocalRmaBounce, DisconnectReportsWhatWasUnderWayBeforeTheEnd) {
    Pair p(false);
    std::vector<std::byte> ours(4 << 20), theirs(4 << 20);
    const Registration r = *p.client->register_memory(theirs, Access::kBoth);
    struct Check final : RmaCompletion {
        explicit Check(Recorder& recorder) : events(recorder) {}
        void on_rma_done(Status s) override {
            ++calls;
            EXPECT_EQ(s.err(), ECONNRESET);
            EXPECT_TRUE(events.down.empty());
        }
        Recorder& events;
        int calls = 0;
    } check(p.server_events);
    const LocalSegment into{ours.data(), ours.size()};
    const RemoteSegment from{r.addr, r.key, theirs.size()};
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(p.server->rma_read(p.to_client, {&into, 1}, {&from, 1}, &check).ok());
    p.server->disconnect(p.to_client);
    EXPECT_EQ(check.calls, 0);
    p.server->poll();
    EXPECT_EQ(check.calls, 3);
    EXPECT_EQ(p.server_events.down.size(), 1U);
}

TEST(LocalRmaSides, TheDialingSideCannot) {
    Pair p;
    std::vector<std::byte> a(8), b(8);
    const LocalSegment local{a.data(), 8};
    const RemoteSegment remote{reinterpret_cast<std::uint64_t>(b.data()), 0, 8};
    EXPECT_EQ(p.client->rma_read(p.to_server, {&local, 1}, {&remote, 1}, nullptr).status().err(),
              EOPNOTSUPP);
}

}  // namespace
}  // namespace orfa::fabric::test
