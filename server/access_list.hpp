// SPDX-License-Identifier: MIT
// What a data request asks for, parsed and checked: ranges of the object, memory of the client.
#pragma once

#include "common/status.hpp"
#include "fabric/fabric.hpp"
#include "protocol/codec.hpp"
#include "protocol/io_messages.hpp"
#include "protocol/walk.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace orfa::server {

struct AccessList {
    std::vector<protocol::Strided> pattern;
    protocol::Striping striping{};
    std::vector<fabric::RemoteSegment> segments;  // empty: the payload is in the message
    bool whole_memory = false;  // the segments hold all the pattern's bytes, not this server's only

    // Over the object's pieces; this must outlive it.
    [[nodiscard]] protocol::Walk walk() const { return {pattern, striping}; }
};

// Fills `list` with what stands at `reader`; EPROTO when a list is short, a length is 0 or
// overflows, or the sums do not agree with `request`.
Status parse_lists(const protocol::IoRequest& request, protocol::Reader& reader, AccessList& list);

// Bytes of one entry of the request's pattern.
std::size_t entry_bytes(const protocol::IoRequest& request);

// The bounds of a request by themselves, before anything is fetched or allocated. EPROTO.
Status check_bounds(const protocol::IoRequest& request);

// Walks through a client's segments, giving the next bytes as segments of their own.
class SegmentCursor {
  public:
    explicit SegmentCursor(const std::vector<fabric::RemoteSegment>& segments)
        : segments_(segments) {}

    // Goes on to byte `position` of the segments' bytes, which must not lie before the current one.
    void move_to(std::uint64_t position);
    // The next `length` bytes, appended to `out`, joined with its last where they continue it. They
    // must be there.
    void take(std::uint64_t length, std::vector<fabric::RemoteSegment>& out);

  private:
    const std::vector<fabric::RemoteSegment>& segments_;
    std::size_t index_ = 0;
    std::uint64_t within_ = 0;    // bytes of segments_[index_] that are done
    std::uint64_t position_ = 0;  // bytes of all that are done
};

}  // namespace orfa::server
