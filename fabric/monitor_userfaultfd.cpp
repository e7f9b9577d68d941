// SPDX-License-Identifier: MIT
#include "fabric/monitor_userfaultfd.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <new>
#include <utility>

namespace orfa::fabric {

Result<std::unique_ptr<MemoryMonitor>> UserfaultfdMonitor::create(MemoryListener& listener) {
    UniqueFd events(
        static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)));
    if (!events) return Status::from_errno(errno);
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_REMAP;
    if (::ioctl(events.get(), UFFDIO_API, &api) != 0) return Status::from_errno(errno);
    UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stop) return Status::from_errno(errno);
    return std::unique_ptr<MemoryMonitor>(
        new UserfaultfdMonitor(listener, std::move(events), std::move(stop)));
}

UserfaultfdMonitor::UserfaultfdMonitor(MemoryListener& listener, UniqueFd events, UniqueFd stop)
    : listener_(listener), events_(std::move(events)), stop_(std::move(stop)) {
    // The thread must not run the program's signal handlers: one may wait for a change to be read.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { read_events(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

UserfaultfdMonitor::~UserfaultfdMonitor() {
    if (!thread_.joinable()) return;  // forgotten
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof one);
    thread_.join();
}

Status UserfaultfdMonitor::watch(const AddressRange& range) {
    uffdio_register wanted{};
    wanted.range = {range.start, range.length()};
    wanted.mode = UFFDIO_REGISTER_MODE_WP;
    return Status::from_errno(::ioctl(events_.get(), UFFDIO_REGISTER, &wanted) == 0 ? 0 : ENOTSUP);
}

// The kernel refuses to write-protect with EAGAIN while a change is under way, from before the
// range is unmapped until its event has been read; the address it would look at next is no one's.
bool UserfaultfdMonitor::settle() {
    while ((::ioctl(events_.get(), UFFDIO_WRITEPROTECT, nullptr) != 0 && errno == EAGAIN) ||
           reading_)
        ::sched_yield();
    return true;
}

// Nothing here may allocate or free: who waits for this thread may hold the allocator's locks.
void UserfaultfdMonitor::read_events() {
    pollfd fds[2] = {{events_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    while (true) {
        if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
        if (fds[1].revents != 0) return;
        // Before the read, which lets the change's thread go on.
        reading_ = true;
        uffd_msg message;
        while (::read(events_.get(), &message, sizeof message) == sizeof message) {
            if (message.event == UFFD_EVENT_UNMAP || message.event == UFFD_EVENT_REMOVE)
                listener_.on_memory_changed({message.arg.remove.start, message.arg.remove.end});
            else if (message.event == UFFD_EVENT_REMAP)
                listener_.on_memory_changed(
                    {message.arg.remap.from, message.arg.remap.from + message.arg.remap.len});
        }
        reading_ = false;
    }
}

void UserfaultfdMonitor::forget_after_fork() {
    new (&thread_) std::thread();  // it is the parent's
    events_.reset();
    stop_.reset();
}

}  // namespace orfa::fabric
