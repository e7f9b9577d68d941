// SPDX-License-Identifier: MIT
#include "fabric/copy_crew.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <utility>

namespace orfa::fabric {
namespace {

// How long a helper without work only yields before it sleeps, as in server/loop.cpp.
constexpr std::chrono::microseconds kLongestYielding{50};

Status copy(const CopyJob& job) {
    return copy_with_process(job.pid, job.direction, job.local, job.remote);
}

}  // namespace

CopyCrew::CopyCrew(unsigned helpers) : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    // Signals are for the owner's thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < helpers; ++i)
        threads_.emplace_back([this] { help(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

CopyCrew::~CopyCrew() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    for (auto& thread : threads_)
        thread.join();
}

std::unique_ptr<CopyJob> CopyCrew::new_job() {
    if (spare_.empty()) return std::make_unique<CopyJob>();
    auto job = std::move(spare_.back());
    spare_.pop_back();
    job->local.clear();
    job->remote.clear();
    return job;
}

void CopyCrew::submit(std::unique_ptr<CopyJob> job) {
    ++under_way_;
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(job));
    waiting_count_.store(waiting_.size(), std::memory_order_relaxed);
    // The owner makes the first itself.
    if (waiting_.size() > 1 && sleepers_ > 0) changed_.notify_one();
}

// The job that has waited longest, if it leaves so many to others.
std::unique_ptr<CopyJob> CopyCrew::take(std::size_t leave) {
    if (waiting_.size() <= leave) return nullptr;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_count_.store(waiting_.size(), std::memory_order_relaxed);
    return job;
}

bool CopyCrew::work() {
    if (waiting_count_.load(std::memory_order_relaxed) == 0) return false;
    std::unique_ptr<CopyJob> job;
    {
        const MutexLock lock(mutex_);
        job = take(0);
    }
    if (job == nullptr) return false;
    owner_copies_.store(true, std::memory_order_relaxed);
    job->status = copy(*job);
    owner_copies_.store(false, std::memory_order_relaxed);
    tell(std::move(job));
    return true;
}

void CopyCrew::tell(std::unique_ptr<CopyJob> job) {
    --under_way_;
    job->owner->on_copied(*job);
    spare_.push_back(std::move(job));
}

std::size_t CopyCrew::reap() {
    if (done_count_.load(std::memory_order_acquire) == 0) return 0;
    {
        const MutexLock lock(mutex_);
        told_.swap(done_);
        done_count_.store(0, std::memory_order_relaxed);
    }
    const std::size_t events = told_.size();
    for (auto& job : told_)
        tell(std::move(job));
    told_.clear();
    return events;
}

void CopyCrew::finish() {
    while (under_way_ > 0)
        if (!work() && reap() == 0) sched_yield();
}

bool CopyCrew::arm() {
    owner_sleeps_.store(true, std::memory_order_seq_cst);
    return waiting_count_.load(std::memory_order_relaxed) == 0 &&
           done_count_.load(std::memory_order_seq_cst) == 0;
}

void CopyCrew::disarm() {
    owner_sleeps_.store(false, std::memory_order_relaxed);
    std::uint64_t drained = 0;
    if (under_way_ > 0) [[maybe_unused]]
        const auto got = ::read(wake_.get(), &drained, sizeof(drained));
}

void CopyCrew::help() {
    using Clock = std::chrono::steady_clock;
    auto idle_until = Clock::now() + kLongestYielding;
    while (true) {
        std::unique_ptr<CopyJob> job;
        if (waiting_count_.load(std::memory_order_relaxed) > 0) {
            const MutexLock lock(mutex_);
            job = take(owner_copies_.load(std::memory_order_relaxed) ? 0 : 1);
        }
        if (job != nullptr) {
            job->status = copy(*job);
            {
                const MutexLock lock(mutex_);
                done_.push_back(std::move(job));
                done_count_.store(done_.size(), std::memory_order_seq_cst);
            }
            if (owner_sleeps_.load(std::memory_order_seq_cst)) {
                const std::uint64_t one = 1;
                [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
            }
            idle_until = Clock::now() + kLongestYielding;
            continue;
        }
        if (Clock::now() < idle_until) {
            sched_yield();
            continue;
        }
        const MutexLock lock(mutex_);
        ++sleepers_;
        while (!stopping_ && waiting_.size() < 2)
            changed_.wait(mutex_);
        --sleepers_;
        if (stopping_) return;
        idle_until = Clock::now() + kLongestYielding;
    }
}

}  // namespace orfa::fabric
