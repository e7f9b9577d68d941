// SPDX-License-Identifier: MIT
#include "server/task.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace orfa::server {
namespace {

std::vector<std::coroutine_handle<>> waiting;

struct Wait {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) { waiting.push_back(handle); }
    void await_resume() const noexcept {}
};

void resume_all() {
    while (!waiting.empty()) {
        const auto next = waiting.front();
        waiting.erase(waiting.begin());
        next.resume();
    }
}

struct Guard {
    int& count;
    explicit Guard(int& c) : count(c) { ++count; }
    ~Guard() { --count; }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
};

Task<Result<int>> add(int a, int b, bool wait) {
    if (wait) co_await Wait{};
    co_return a + b;
}

Task<Status> sum(int depth, bool wait, int& alive, int& total) {
    const Guard guard(alive);
    if (depth == 0) co_return Status();
    const auto more = co_await add(depth, 0, wait);
    total += *more;
    co_return co_await sum(depth - 1, wait, alive, total);
}

Detached start(int depth, bool wait, int& alive, int& total, Status& out) {
    const Guard guard(alive);
    out = co_await sum(depth, wait, alive, total);
}

TEST(Task, RunsToItsEndAtOnceWhenNothingWaits) {
    int alive = 0;
    int total = 0;
    Status status = Status::from_errno(EINVAL);
    start(10, false, alive, total, status);
    EXPECT_TRUE(status.ok());
    EXPECT_EQ(total, 55);
    EXPECT_EQ(alive, 0);
}

TEST(Task, GivesTheThreadBackWhileItWaits) {
    int alive = 0;
    int total = 0;
    Status first = Status::from_errno(EINVAL);
    Status second = first;
    start(3, true, alive, total, first);
    start(4, true, alive, total, second);
    EXPECT_EQ(alive, 4);
    EXPECT_EQ(waiting.size(), 2U);
    resume_all();
    EXPECT_TRUE(first.ok());
    EXPECT_TRUE(second.ok());
    EXPECT_EQ(total, 6 + 10);
    EXPECT_EQ(alive, 0);
}

TEST(Task, ATaskThatIsNotAwaitedDoesNotRun) {
    int alive = 0;
    int total = 0;
    { const auto task = sum(3, false, alive, total); }
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(total, 0);
}

TEST(FramePool, GivesFreedFramesToTheNextOfTheirSize) {
    void* const first = FramePool::allocate(500);
    FramePool::release(first, 500);
    void* const second = FramePool::allocate(450);  // the same step of 256
    EXPECT_EQ(second, first);
    FramePool::release(second, 450);
    void* const large = FramePool::allocate(100'000);
    ASSERT_NE(large, nullptr);
    FramePool::release(large, 100'000);
}

TEST(FramePool, ManyFramesOfAllSizesDoNotOverlap) {
    std::vector<std::pair<unsigned char*, std::size_t>> frames;
    for (std::size_t i = 0; i < 2000; ++i) {
        const std::size_t size = i * 37 % 5000 + 1;
        auto* frame = static_cast<unsigned char*>(FramePool::allocate(size));
        std::fill_n(frame, size, static_cast<unsigned char>(i));
        frames.emplace_back(frame, size);
    }
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const auto& [frame, size] = frames[i];
        EXPECT_EQ(frame[0], static_cast<unsigned char>(i));
        EXPECT_EQ(frame[size - 1], static_cast<unsigned char>(i));
        FramePool::release(frame, size);
    }
}

}  // namespace
}  // namespace orfa::server
