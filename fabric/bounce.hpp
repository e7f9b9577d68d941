// SPDX-License-Identifier: MIT
// Remote memory access where process_vm_* is not permitted: the listener asks the dialer, piece by
// piece, to copy between its registered memory and slots of the shared memory.
#pragma once

#include "common/status.hpp"
#include "fabric/fabric.hpp"
#include "fabric/local_peer.hpp"
#include "fabric/process_memory.hpp"
#include "fabric/registrations.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <vector>

namespace orfa::fabric {

// The listener's half for one connection: transfers in order, several slots under way.
class BounceTransfers {
  public:
    // Borrows the connection, which outlives this.
    explicit BounceTransfers(LocalConnection& connection);

    // Starts a transfer of `bytes` > 0 (the sum of both lists; the lists are copied, the memory is
    // borrowed until `completion` is told). EPROTO: the other side broke the ring.
    Status start(Direction direction, std::span<const LocalSegment> local,
                 std::span<const RemoteSegment> remote, std::uint64_t bytes,
                 RmaCompletion* completion);
    // A kCopyDone record. EPROTO: it answers nothing that was asked.
    Status on_done(std::span<const std::byte> record);
    // The end: tells all completions `why`.
    void fail_all(Status why);

    [[nodiscard]] bool empty() const { return transfers_.empty(); }

  private:
    struct Transfer {
        Direction direction;
        std::vector<LocalSegment> local;
        std::vector<RemoteSegment> remote;
        SegmentCursor<LocalSegment> here;    // what is asked next
        SegmentCursor<RemoteSegment> there;  // the same
        std::uint64_t to_ask;                // bytes
        std::size_t slots_out = 0;           // asked, not answered
        Status status;                       // the first error
        RmaCompletion* completion;
    };
    using TransferList = std::list<Transfer>;
    struct Slot {
        bool busy = false;
        TransferList::iterator transfer;
        SegmentCursor<LocalSegment> here;
        std::size_t bytes = 0;
    };

    // Asks for more while there are transfers and free slots.
    Status pump();
    Status ask(TransferList::iterator transfer, std::uint32_t slot_index);

    LocalConnection& connection_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    TransferList transfers_;
};

// The dialer's half: does what a kCopyAsk record asks and answers. Only registered memory is
// touched: an ask for other memory is answered with EFAULT. EPROTO: not a valid ask.
Status serve_copy(LocalConnection& connection, std::span<const std::byte> record,
                  const Registrations& registrations);

}  // namespace orfa::fabric
