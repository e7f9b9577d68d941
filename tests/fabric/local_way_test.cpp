// SPDX-License-Identifier: MIT
// Who waits for a busy peer leaves that peer's processor.
#include "fabric/processors.hpp"
#include "tests/fabric/local_fixture.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace orfa::fabric::test {
namespace {

constexpr int kTries = 20;

class LocalWay : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(sched_getaffinity(0, sizeof allowed_, &allowed_), 0);
        if (CPU_COUNT(&allowed_) < 2) GTEST_SKIP() << "there is one processor only";
    }
    void TearDown() override { sched_setaffinity(0, sizeof allowed_, &allowed_); }

    // The first processor that this thread may run on.
    [[nodiscard]] int first() const {
        int processor = 0;
        while (!CPU_ISSET(static_cast<std::size_t>(processor), &allowed_))
            ++processor;
        return processor;
    }

    // This thread is the server's, then the client's, on one processor. How many times of kTries it
    // was elsewhere after make_way(); the kernel itself may move it now and then.
    int moves(Pair& p, bool may_move) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<std::size_t>(first()), &one);
        int moved = 0;
        for (int i = 0; i < kTries; ++i) {
            sched_setaffinity(0, sizeof one, &one);
            EXPECT_TRUE(p.client->send(p.to_server, bytes_of("work"), {}).ok());
            EXPECT_EQ(p.server->poll(), 1U);
            if (may_move) sched_setaffinity(0, sizeof allowed_, &allowed_);
            p.client->make_way();
            if (current_processor() != first()) ++moved;
            cpu_set_t now;
            sched_getaffinity(0, sizeof now, &now);
            EXPECT_TRUE(CPU_EQUAL(&now, may_move ? &allowed_ : &one));
        }
        return moved;
    }

    cpu_set_t allowed_{};
};

TEST_F(LocalWay, IsMadeForABusyServer) {
    Pair p;
    p.server->set_busy(true);
    EXPECT_GE(moves(p, true), kTries / 2);
}

TEST_F(LocalWay, IsNotMadeForAServerWithLittleToDo) {
    Pair p;
    EXPECT_LT(moves(p, true), kTries / 2);
    p.server->set_busy(true);
    moves(p, true);
    p.server->set_busy(false);
    EXPECT_LT(moves(p, true), kTries / 2);
}

TEST_F(LocalWay, IsNotMadeByAThreadThatIsBoundToOneProcessor) {
    Pair p;
    p.server->set_busy(true);
    EXPECT_EQ(moves(p, false), 0);
}

TEST_F(LocalWay, IsNotMadeWhereTheEnvironmentForbidsIt) {
    setenv("ORFA_MAKE_WAY", "0", 1);
    Pair p;
    unsetenv("ORFA_MAKE_WAY");
    p.server->set_busy(true);
    EXPECT_LT(moves(p, true), kTries / 2);
}

TEST_F(LocalWay, NothingHappensWithoutAPeer) {
    Recorder events;
    auto alone = LocalEndpoint::create(events, {});
    ASSERT_TRUE(alone.ok());
    (*alone)->make_way();
}

}  // namespace
}  // namespace orfa::fabric::test
