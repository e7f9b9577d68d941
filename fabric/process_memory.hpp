// SPDX-License-Identifier: MIT
// Copies between lists of memory pieces: within this process, and with another one of this host
// (process_vm_readv, process_vm_writev).
#pragma once

#include "common/status.hpp"
#include "fabric/fabric.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace orfa::fabric {

// A place in a list of segments. Borrows the list.
template <typename Segment>
class SegmentCursor {
  public:
    SegmentCursor() = default;
    explicit SegmentCursor(std::span<const Segment> list) : rest_(list) { skip_empty(); }

    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    // Bytes left in the piece it stands in. Not at the end.
    [[nodiscard]] std::size_t piece_length() const { return rest_[0].length - used_; }
    // Bytes of that piece before it.
    [[nodiscard]] std::size_t used() const { return used_; }
    // The pieces from the one it stands in.
    [[nodiscard]] std::span<const Segment> rest() const { return rest_; }
    // Moves on by `bytes`, which must be there.
    void advance(std::size_t bytes) {
        while (bytes > 0) {
            const std::size_t step = bytes < piece_length() ? bytes : piece_length();
            used_ += step;
            bytes -= step;
            if (used_ == rest_[0].length) {
                rest_ = rest_.subspan(1);
                used_ = 0;
                skip_empty();
            }
        }
    }

  private:
    void skip_empty() {
        while (!rest_.empty() && rest_[0].length == 0)
            rest_ = rest_.subspan(1);
    }

    std::span<const Segment> rest_;
    std::size_t used_ = 0;
};

// The bytes both lists have. EINVAL: their sums differ or overflow.
Result<std::uint64_t> common_length(std::span<const LocalSegment> local,
                                    std::span<const RemoteSegment> remote);

enum class Direction : std::uint32_t {
    kFromPeer = 0,  // rma_read: the peer's memory -> ours
    kToPeer = 1,    // rma_write: ours -> the peer's
};

// Copies all bytes of both lists, however many pieces. The sums must be equal (common_length()).
// ESRCH: no such process; EPERM, ENOSYS: not permitted; EFAULT: not mapped so, part may be copied.
Status copy_with_process(pid_t pid, Direction direction, std::span<const LocalSegment> local,
                         std::span<const RemoteSegment> remote);

// Copies `bytes` between one contiguous piece and the place of the cursor, and moves it on.
void gather(SegmentCursor<LocalSegment>& from, std::byte* into, std::size_t bytes);
void scatter(const std::byte* from, SegmentCursor<LocalSegment>& into, std::size_t bytes);

}  // namespace orfa::fabric
