// SPDX-License-Identifier: MIT
// Copies that several threads share, alone and under an endpoint.
#include "fabric/copy_crew.hpp"

#include "tests/fabric/local_fixture.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace orfa::fabric::test {
namespace {

constexpr std::size_t kBytes = 256 << 10;  // more than an endpoint copies itself

// Until nothing is under way; false after ten seconds.
bool drain(CopyCrew& crew) {
    const auto deadline = Clock::now() + milliseconds(10'000);
    while (crew.under_way() > 0) {
        if (Clock::now() > deadline) return false;
        if (!crew.work() && crew.reap() == 0) std::this_thread::yield();
    }
    return true;
}

struct Owner final : CopyJob::Owner {
    void on_copied(CopyJob& job) override {
        const Status status = job.status;
        EXPECT_EQ(std::this_thread::get_id(), thread);
        EXPECT_EQ(job.owner, this);
        ++told;
        failed += status.ok() ? 0 : 1;
        last = status;
    }
    std::thread::id thread = std::this_thread::get_id();
    int told = 0;
    int failed = 0;
    Status last;
};

std::unique_ptr<CopyJob> job_for(CopyCrew& crew, Owner& owner, std::span<std::byte> to,
                                 std::span<std::byte> from) {
    auto job = crew.new_job();
    EXPECT_TRUE(job->local.empty() && job->remote.empty());
    job->owner = &owner;
    job->pid = ::getpid();
    job->direction = Direction::kFromPeer;
    job->local.push_back({to.data(), to.size()});
    job->remote.push_back({reinterpret_cast<std::uint64_t>(from.data()), 0, from.size()});
    return job;
}

class CopyCrewTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Helpers, CopyCrewTest, testing::Values(0U, 1U, 3U));

TEST_P(CopyCrewTest, EachCopyIsMadeAndToldOnceOnTheOwnersThread) {
    CopyCrew crew(GetParam());
    EXPECT_EQ(crew.helpers(), GetParam());
    Owner owner;
    constexpr std::size_t kCount = 64;
    std::vector<std::byte> from(kCount * kBytes), to(kCount * kBytes);
    fill(from, 1);
    for (int round = 1; round <= 3; ++round) {
        std::fill(to.begin(), to.end(), std::byte{0});
        for (std::size_t i = 0; i < kCount; ++i)
            crew.submit(job_for(crew, owner, std::span(to).subspan(i * kBytes, kBytes),
                                std::span(from).subspan(i * kBytes, kBytes)));
        EXPECT_EQ(crew.under_way(), kCount);
        ASSERT_TRUE(drain(crew));
        EXPECT_EQ(owner.told, round * static_cast<int>(kCount));
        EXPECT_EQ(owner.failed, 0);
        ASSERT_EQ(from, to);
        EXPECT_FALSE(crew.work());
        EXPECT_EQ(crew.reap(), 0U);
    }
}

TEST_P(CopyCrewTest, AnErrorIsToldWithItsCopy) {
    CopyCrew crew(GetParam());
    Owner owner;
    std::vector<std::byte> to(4096);
    auto job = job_for(crew, owner, to, to);
    job->remote[0].addr = 0;  // nothing is mapped there
    crew.submit(std::move(job));
    ASSERT_TRUE(drain(crew));
    EXPECT_EQ(owner.failed, 1);
    EXPECT_EQ(owner.last.err(), EFAULT);
}

TEST(CopyCrew, WakesAnOwnerThatSleepsWhenAHelperIsDone) {
    CopyCrew crew(1);
    Owner owner;
    std::vector<std::byte> from(4 * kBytes), to(4 * kBytes);
    for (std::size_t i = 0; i < 4; ++i)
        crew.submit(job_for(crew, owner, std::span(to).subspan(i * kBytes, kBytes),
                            std::span(from).subspan(i * kBytes, kBytes)));
    EXPECT_FALSE(crew.arm()) << "copies wait for the owner too";
    crew.disarm();
    const auto deadline = Clock::now() + milliseconds(10'000);
    while (crew.under_way() > 0 && Clock::now() < deadline) {
        while (crew.work()) {
        }
        crew.reap();
        if (crew.under_way() > 0 && crew.arm()) {
            pollfd p{crew.wait_fd(), POLLIN, 0};
            EXPECT_EQ(::poll(&p, 1, 5000), 1);
        }
        crew.disarm();
    }
    EXPECT_EQ(owner.told, 4);
}

class CrewedEndpoint : public testing::TestWithParam<unsigned> {
  protected:
    LocalOptions options() {
        LocalOptions made;
        made.crew = &crew;
        return made;
    }
    CopyCrew crew{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Helpers, CrewedEndpoint, testing::Values(0U, 2U));

TEST_P(CrewedEndpoint, LargeCopiesAreHandedOverAndSmallOnesAreNot) {
    Pair p(true, options());
    if (!p.server->moves_alone(p.to_client)) GTEST_SKIP() << "no process_vm here";
    constexpr std::size_t kCount = 20;
    std::vector<std::byte> theirs(kCount * kBytes), ours(kCount * kBytes);
    fill(theirs, 7);
    const Registration r = *p.client->register_memory(theirs, Access::kBoth);
    std::vector<Completion> done(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        const LocalSegment into{ours.data() + i * kBytes, kBytes};
        const RemoteSegment from{r.addr + i * kBytes, r.key, kBytes};
        EXPECT_EQ(*p.server->rma_read(p.to_client, {&into, 1}, {&from, 1}, &done[i]),
                  RmaState::kStarted);
    }
    ASSERT_TRUE(drain(crew));
    for (const Completion& c : done) {
        EXPECT_EQ(c.calls, 1);
        EXPECT_TRUE(c.status.ok());
    }
    EXPECT_EQ(ours, theirs);
    const LocalSegment few{ours.data(), 4096};
    const RemoteSegment there{r.addr, r.key, 4096};
    EXPECT_EQ(*p.server->rma_write(p.to_client, {&few, 1}, {&there, 1}, nullptr), RmaState::kDone);
}

TEST_P(CrewedEndpoint, APeerGoesOnlyWhenItsCopiesHaveEnded) {
    Pair p(true, options());
    if (!p.server->moves_alone(p.to_client)) GTEST_SKIP() << "no process_vm here";
    std::vector<std::byte> theirs(kBytes), ours(kBytes);
    const Registration r = *p.client->register_memory(theirs, Access::kBoth);
    const LocalSegment into{ours.data(), kBytes};
    const RemoteSegment from{r.addr, r.key, kBytes};
    Completion done;
    ASSERT_TRUE(p.server->rma_read(p.to_client, {&into, 1}, {&from, 1}, &done).ok());
    p.server->disconnect(p.to_client);
    p.server->poll();
    if (done.calls == 0) {
        EXPECT_TRUE(p.server_events.down.empty());
    }
    ASSERT_TRUE(drain(crew));
    EXPECT_EQ(done.calls, 1);
    p.server->poll();
    EXPECT_EQ(p.server_events.down.size(), 1U);
}

TEST_P(CrewedEndpoint, DestructionWaitsForItsCopies) {
    std::vector<std::byte> theirs(8 * kBytes), ours(8 * kBytes);
    std::vector<Completion> done(8);
    {
        Pair p(true, options());
        if (!p.server->moves_alone(p.to_client)) GTEST_SKIP() << "no process_vm here";
        const Registration r = *p.client->register_memory(theirs, Access::kBoth);
        for (std::size_t i = 0; i < 8; ++i) {
            const LocalSegment into{ours.data() + i * kBytes, kBytes};
            const RemoteSegment from{r.addr + i * kBytes, r.key, kBytes};
            ASSERT_TRUE(p.server->rma_read(p.to_client, {&into, 1}, {&from, 1}, &done[i]).ok());
        }
    }
    EXPECT_EQ(crew.under_way(), 0U);
    for (const Completion& c : done)
        EXPECT_EQ(c.calls, 0) << "told by an endpoint that is no more";
}

}  // namespace
}  // namespace orfa::fabric::test
