// SPDX-License-Identifier: MIT
#include "fabric/pinned_pages.hpp"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace orfa::fabric {
namespace {

constexpr std::uint32_t kSlots = 1 << 14;                 // the kernel's limit
constexpr std::size_t kSlotBytes = std::size_t{1} << 30;  // likewise, of one buffer
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kFrame = (std::uint64_t{1} << 55) - 1;

std::size_t page_size() {
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

// An io_uring with a table of buffers that is empty.
UniqueFd open_ring() {
    io_uring_params parameters{};
    UniqueFd ring(static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters)));
    if (!ring) return {};
    (void)::fcntl(ring.get(), F_SETFD, FD_CLOEXEC);
    io_uring_rsrc_register table{};
    table.nr = kSlots;
    table.flags = IORING_RSRC_REGISTER_SPARSE;
    if (::syscall(SYS_io_uring_register, ring.get(), IORING_REGISTER_BUFFERS2, &table,
                  sizeof table) != 0)
        return {};
    return ring;
}

}  // namespace

std::unique_ptr<PinnedPages> PinnedPages::open() {
    std::unique_ptr<PinnedPages> made(new PinnedPages());
    made->ring_ = open_ring();
    for (std::uint32_t slot = made->ring_ ? kSlots : 0; slot > 0; --slot)
        made->free_slots_.push_back(slot - 1);
    made->pagemap_.reset(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    if (made->pagemap_) {
        // Our own stack is there; without the privilege its frame reads as 0.
        const auto here = reinterpret_cast<std::uintptr_t>(&made) & ~(page_size() - 1);
        std::vector<std::uint64_t> frame;
        made->sees_frames_ =
            made->read_frames({here, here + page_size()}, frame) && (frame[0] & kFrame) != 0;
    }
    return made;
}

bool PinnedPages::read_frames(const AddressRange& range, std::vector<std::uint64_t>& into) const {
    into.resize(range.length() / page_size());
    const auto offset = static_cast<off_t>(range.start / page_size() * sizeof into[0]);
    const std::size_t bytes = into.size() * sizeof into[0];
    if (::pread(pagemap_.get(), into.data(), bytes, offset) != static_cast<ssize_t>(bytes))
        return false;
    for (std::uint64_t& frame : into)
        frame &= kPresent | kFrame;
    return true;
}

// An errno.
int PinnedPages::update(std::uint32_t slot, void* start, std::size_t length) const {
    iovec buffer{start, length};
    io_uring_rsrc_update2 change{};
    change.offset = slot;
    change.data = reinterpret_cast<std::uintptr_t>(&buffer);
    change.nr = 1;
    const long done = ::syscall(SYS_io_uring_register, ring_.get(), IORING_REGISTER_BUFFERS_UPDATE,
                                &change, sizeof change);
    return done == 1 ? 0 : errno;
}

Result<PinnedPages::Pin> PinnedPages::pin(const AddressRange& range) {
    Pin made;
    made.range = range;
    for (std::uintptr_t at = range.start; ring_ && at < range.end; at += kSlotBytes) {
        if (free_slots_.empty()) {
            unpin(made);
            return Status::from_errno(ENOMEM);
        }
        const std::uint32_t slot = free_slots_.back();
        const int error = update(slot, pointer_to(at), std::min(kSlotBytes, range.end - at));
        if (error == ENOMEM || error == EAGAIN) {
            unpin(made);
            return Status::from_errno(ENOMEM);
        }
        if (error != 0) break;  // EFAULT, EOPNOTSUPP: not to be written to
        free_slots_.pop_back();
        made.slots.push_back(slot);
    }
    if (sees_frames_) (void)read_frames(range, made.frames);
    return made;
}

void PinnedPages::unpin(const Pin& pin) {
    for (const std::uint32_t slot : pin.slots) {
        (void)update(slot, nullptr, 0);
        free_slots_.push_back(slot);
    }
}

bool PinnedPages::unchanged(const Pin& pin, const AddressRange& range) {
    if (!sees_frames_) return true;
    if (!read_frames(range, scratch_)) return false;
    const std::size_t first = (range.start - pin.range.start) / page_size();
    return std::equal(scratch_.begin(), scratch_.end(),
                      pin.frames.begin() + static_cast<std::ptrdiff_t>(first));
}

}  // namespace orfa::fabric
