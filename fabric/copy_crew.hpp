// SPDX-License-Identifier: MIT
// Threads that help a server's own thread to copy to and from other processes of this host. One
// thread keeps up with all messages of a host's servers, but not with the copies.
#pragma once

#include "common/mutex.hpp"
#include "common/status.hpp"
#include "common/unique_fd.hpp"
#include "fabric/fabric.hpp"
#include "fabric/process_memory.hpp"

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <thread>
#include <vector>

namespace orfa::fabric {

// One copy: its lists are its own, the memory is the caller's until the end is told.
struct CopyJob {
    // Told the end of a copy, by CopyCrew's work() and reap(): job.status is how it ended.
    class Owner {
      public:
        virtual void on_copied(CopyJob& job) = 0;

      protected:
        ~Owner() = default;
    };

    Owner* owner = nullptr;
    PeerId peer{};
    pid_t pid = 0;
    Direction direction{};
    RmaCompletion* completion = nullptr;
    std::vector<LocalSegment> local;
    std::vector<RemoteSegment> remote;
    Status status;
};

// All methods belong to one thread, the owner's; the helpers are inside. The owner copies too:
// its loop is submit() while requests come in, then work() and reap() until both say no.
class CopyCrew {
  public:
    // `helpers`: threads beside the owner's; they sleep unless several copies wait. With none every
    // copy is the owner's.
    explicit CopyCrew(unsigned helpers);
    ~CopyCrew();
    CopyCrew(const CopyCrew&) = delete;
    CopyCrew& operator=(const CopyCrew&) = delete;

    [[nodiscard]] unsigned helpers() const { return static_cast<unsigned>(threads_.size()); }

    // A copy with empty lists, to be filled and submitted.
    std::unique_ptr<CopyJob> new_job();
    void submit(std::unique_ptr<CopyJob> job);
    // Makes one of the copies that wait. False: none does.
    bool work();
    // Tells the ends of copies to their owners; how many.
    std::size_t reap();
    // Until nothing is under way.
    void finish();
    // Copies submitted whose end has not been told.
    [[nodiscard]] std::size_t under_way() const { return under_way_; }

    // Before blocking on wait_fd(), which then becomes readable when reap() has something to tell.
    // False: there is something to do already. disarm(): afterwards, whatever arm() said.
    bool arm();
    void disarm();
    [[nodiscard]] int wait_fd() const { return wake_.get(); }

  private:
    void help();
    void tell(std::unique_ptr<CopyJob> job);
    std::unique_ptr<CopyJob> take(std::size_t leave) ORFA_REQUIRES(mutex_);

    Mutex mutex_;
    std::deque<std::unique_ptr<CopyJob>> waiting_ ORFA_GUARDED_BY(mutex_);
    std::vector<std::unique_ptr<CopyJob>> done_ ORFA_GUARDED_BY(mutex_);
    unsigned sleepers_ ORFA_GUARDED_BY(mutex_) = 0;
    bool stopping_ ORFA_GUARDED_BY(mutex_) = false;
    std::condition_variable_any changed_;
    std::atomic<std::size_t> waiting_count_{0};  // of waiting_, for looks without the lock
    std::atomic<std::size_t> done_count_{0};     // of done_
    std::atomic<bool> owner_copies_{false};      // the owner is in a copy
    std::atomic<bool> owner_sleeps_{false};
    UniqueFd wake_;
    // The owner's own.
    std::size_t under_way_ = 0;
    std::vector<std::unique_ptr<CopyJob>> told_;
    std::vector<std::unique_ptr<CopyJob>> spare_;
    std::vector<std::thread> threads_;
};

}  // namespace orfa::fabric
