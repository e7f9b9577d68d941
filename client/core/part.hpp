// SPDX-License-Identifier: MIT
// One data request of a transfer: how its bytes travel, and its reply.
#pragma once

#include "client/core/access.hpp"
#include "client/core/locations.hpp"
#include "common/status.hpp"
#include "fabric/fabric.hpp"
#include "protocol/codec.hpp"
#include "protocol/io_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rpc/mesh.hpp"

namespace orfa::client {

class Transfer;
enum class Direction : std::uint8_t;

// Owned by a Transfer and used again with it. Its methods need the mesh's lock, but for
// zero_holes() and reply() after the reply.
class Part final : public rpc::Call {
  public:
    explicit Part(Transfer& transfer) : transfer_(transfer) {}

    // Moves the share's bytes without a request, to or from the store that this process has mapped.
    // False: it needs one (some bytes may have been moved). May ask the server where the bytes are.
    // Takes the mesh's lock.
    bool move_in_place(Share& share, Direction direction);

    // Sends the request; `share` lives until the reply. Small payloads travel in the message; of
    // larger ones the server is told where they are in memory, directly, or, when the pieces are
    // small, packed into one. With `together` it is a part of a collective access. ENOTCONN, and
    // what registering memory gives.
    Status start(Share& share, Direction direction, const protocol::Together* together);

    [[nodiscard]] const protocol::IoReply& reply() const { return reply_; }
    // After a read: zeros in the memory of what lies beyond the object's end, but below the file's.
    void zero_holes(const protocol::Layout& layout, std::uint64_t file_size);

    void on_reply(Status status, std::span<const std::byte> body) override;

  private:
    enum class Way : std::uint8_t { kInline, kDirect, kPacked };

    [[nodiscard]] Way choose_way() const;
    Status register_segments();
    Status register_packed(fabric::Access access);
    Status register_memory(std::span<std::byte> memory, fabric::Access access,
                           std::vector<protocol::MemorySegment>& out);
    Status send(std::uint32_t server);
    void choose_pattern();
    [[nodiscard]] std::size_t head_bytes() const;
    [[nodiscard]] std::size_t pattern_bytes() const;
    void put_lists(protocol::Writer& writer) const;
    void release();
    void gather(std::span<std::byte> out) const;
    void scatter(std::span<const std::byte> in);
    enum class Copied : std::uint8_t { kAll, kSome, kNothingThere, kMissed };
    Copied copy_in_place(std::uint64_t& done, Locations::Miss& miss);
    [[nodiscard]] Locations::Room room_for(const Locations::Miss& miss, Locations::Purpose purpose,
                                           std::uint64_t done) const;

    Transfer& transfer_;
    Share* share_ = nullptr;
    std::optional<protocol::Together> together_;
    Direction direction_{};
    Way way_ = Way::kDirect;
    fabric::Endpoint* endpoint_ = nullptr;
    fabric::PeerId peer_{};
    std::vector<protocol::Strided> folded_;  // what is sent; empty: the share's extents
    std::vector<std::byte> head_;  // the request, without an inline payload of one segment
    std::span<std::byte> packed_;  // payload in one piece: staged by the endpoint, or ours
    std::vector<std::byte> packed_store_;
    std::vector<std::byte> lists_;                 // those too long for the message
    std::vector<protocol::MemorySegment> remote_;  // segments_ or packed_, as the server sees them
    std::vector<fabric::Registration> registrations_;
    protocol::IoReply reply_{};
};

}  // namespace orfa::client
