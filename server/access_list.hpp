// SPDX-License-Identifier: MIT
// What a data request asks for, parsed and checked: ranges of the object, memory of the client.
#pragma once

#include "common/status.hpp"
#include "fabric/fabric.hpp"
#include "protocol/codec.hpp"
#include "protocol/io_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace orfa::server {

struct AccessList {
    std::vector<protocol::Extent> extents;
    std::vector<fabric::RemoteSegment> segments;  // empty: the payload is in the message
};

// Appends to `list` what stands at `reader`; EPROTO when a list is short, a length is 0 or
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

    // The next `length` bytes, appended to `out`. They must be there.
    void take(std::uint64_t length, std::vector<fabric::RemoteSegment>& out);
    // Leaves out the next `length` bytes. They must be there.
    void skip(std::uint64_t length);

  private:
    const std::vector<fabric::RemoteSegment>& segments_;
    std::size_t index_ = 0;
    std::uint64_t within_ = 0;  // bytes of segments_[index_] that are done
};

}  // namespace orfa::server
