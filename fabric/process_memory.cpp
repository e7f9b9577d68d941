// SPDX-License-Identifier: MIT
#include "fabric/process_memory.hpp"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace orfa::fabric {
namespace {

// Stack arrays of this many pieces a call; the kernel's own limit.
constexpr std::size_t kMaxPieces = 1024;
static_assert(kMaxPieces <= IOV_MAX);

// Processors fetch memory ahead by themselves, but begin anew at each piece: gather() asks for it
// this far before it copies it, and so much at a time. In pieces of kLarge and more the processor
// is faster alone (docs/decisions.md has figures).
constexpr std::size_t kFetchedAhead = 4096;
constexpr std::size_t kFetchStep = 1024;
constexpr std::size_t kLarge = 16384;
constexpr std::size_t kCacheLine = 64;

// Has the next `bytes` at the cursor, or what is left, brought into the caches; moves it on.
void fetch(SegmentCursor<LocalSegment>& ahead, std::size_t bytes) {
    while (bytes > 0 && !ahead.at_end()) {
        const std::size_t n = std::min(bytes, ahead.piece_length());
        const std::byte* piece = ahead.rest()[0].data + ahead.used();
        for (std::size_t at = 0; at < n; at += kCacheLine)
            __builtin_prefetch(piece + at);
        ahead.advance(n);
        bytes -= n;
    }
}

template <typename Segment>
bool sum_lengths(std::span<const Segment> list, std::uint64_t& sum) {
    sum = 0;
    for (const Segment& s : list)
        if (__builtin_add_overflow(sum, std::uint64_t{s.length}, &sum)) return false;
    return sum <= static_cast<std::uint64_t>(SSIZE_MAX);
}

void* address_of(const LocalSegment& s) {
    return s.data;
}
void* address_of(const RemoteSegment& s) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): of another process, never followed here
    return reinterpret_cast<void*>(s.addr);
}

// The next pieces as the kernel wants them; returns how many.
template <typename Segment>
std::size_t fill(const SegmentCursor<Segment>& cursor, iovec* pieces) {
    const std::span<const Segment> rest = cursor.rest();
    const std::size_t n = std::min(rest.size(), kMaxPieces);
    for (std::size_t i = 0; i < n; ++i)
        pieces[i] = {address_of(rest[i]), rest[i].length};
    if (n > 0) {
        pieces[0].iov_base = static_cast<std::byte*>(pieces[0].iov_base) + cursor.used();
        pieces[0].iov_len -= cursor.used();
    }
    return n;
}

}  // namespace

Result<std::uint64_t> common_length(std::span<const LocalSegment> local,
                                    std::span<const RemoteSegment> remote) {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    if (!sum_lengths(local, a) || !sum_lengths(remote, b) || a != b)
        return Status::from_errno(EINVAL);
    return a;
}

Status copy_with_process(pid_t pid, Direction direction, std::span<const LocalSegment> local,
                         std::span<const RemoteSegment> remote) {
    // Not by libc's names, at which ThreadSanitizer looks: two clients may read and write the same
    // bytes of a file at once, which it would take for a fault of the threads that copy them.
    const long call =
        direction == Direction::kFromPeer ? SYS_process_vm_readv : SYS_process_vm_writev;
    SegmentCursor<LocalSegment> here(local);
    SegmentCursor<RemoteSegment> there(remote);
    iovec here_pieces[kMaxPieces];
    iovec there_pieces[kMaxPieces];
    while (!there.at_end()) {
        const std::size_t here_n = fill(here, here_pieces);
        const std::size_t there_n = fill(there, there_pieces);
        // Copies as much as the shorter of the two lists holds, or stops before an unmapped page.
        const long n = ::syscall(call, pid, here_pieces, here_n, there_pieces, there_n, 0UL);
        if (n <= 0) return Status::from_errno(n == 0 ? EFAULT : errno);
        here.advance(static_cast<std::size_t>(n));
        there.advance(static_cast<std::size_t>(n));
    }
    return {};
}

void gather(SegmentCursor<LocalSegment>& from, std::byte* into, std::size_t bytes) {
    SegmentCursor<LocalSegment> ahead = from;
    fetch(ahead, std::min(bytes, kFetchedAhead));
    while (bytes > 0) {
        const bool large = from.piece_length() >= kLarge;
        const std::size_t n = std::min({bytes, from.piece_length(), large ? bytes : kFetchStep});
        const std::byte* piece = from.rest()[0].data + from.used();
        from.advance(n);
        bytes -= n;
        if (large) ahead = from;
        fetch(ahead, std::min(bytes, large ? kFetchedAhead : n));
        std::memcpy(into, piece, n);
        into += n;
    }
}

void scatter(const std::byte* from, SegmentCursor<LocalSegment>& into, std::size_t bytes) {
    while (bytes > 0) {
        const std::size_t n = std::min(bytes, into.piece_length());
        std::memcpy(into.rest()[0].data + into.used(), from, n);
        into.advance(n);
        from += n;
        bytes -= n;
    }
}

}  // namespace orfa::fabric
