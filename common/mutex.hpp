// SPDX-License-Identifier: MIT
// std::mutex with clang's thread-safety annotations; GUARDED_BY is checked by the clang CI job.
#pragma once

#include <mutex>

#if defined(__clang__)
#define ORFA_TSA(x) __attribute__((x))
#else
#define ORFA_TSA(x)
#endif
#define ORFA_GUARDED_BY(m) ORFA_TSA(guarded_by(m))
#define ORFA_REQUIRES(m) ORFA_TSA(requires_capability(m))
// For code whose locking the analysis can't follow; say why beside it.
#define ORFA_NO_ANALYSIS ORFA_TSA(no_thread_safety_analysis)

namespace orfa {

class ORFA_TSA(capability("mutex")) Mutex {
  public:
    void lock() ORFA_TSA(acquire_capability()) { m_.lock(); }
    void unlock() ORFA_TSA(release_capability()) { m_.unlock(); }

  private:
    std::mutex m_;
};

class ORFA_TSA(scoped_lockable) MutexLock {
  public:
    explicit MutexLock(Mutex& m) ORFA_TSA(acquire_capability(m)) : m_(m) { m_.lock(); }
    ~MutexLock() ORFA_TSA(release_capability()) { m_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

  private:
    Mutex& m_;
};

}  // namespace orfa
