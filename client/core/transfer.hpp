// SPDX-License-Identifier: MIT
// One vectored access under way: a request to each server it touches, until the last reply.
#pragma once

#include "client/core/access.hpp"
#include "client/core/transfer_times.hpp"
#include "client/orfa.h"
#include "common/status.hpp"
#include "protocol/io_messages.hpp"
#include "protocol/messages.hpp"

#include <cstdint>
#include <memory>
#include <vector>

#include "rpc/mesh.hpp"

namespace orfa::client {

class File;
class Group;
class Part;

// What a transfer does with the file.
enum class Direction : std::uint8_t { kRead, kWrite };

// Used by one thread at a time; its replies are handled by whoever drives the mesh.
class Transfer {
  public:
    Transfer();
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    // Sends the requests and returns; the lists are copied, the memory is borrowed until done().
    // `background`: the caller may compute meanwhile. An error here means that nothing is under
    // way. With `group` the end is noted there. With `together` this is a part of a collective
    // access (see orfa.h).
    Status start(File& file, Direction direction, const orfa_access& access, bool background,
                 Group* group, void* tag, const orfa_together* together = nullptr);

    // Needs the mesh's lock.
    [[nodiscard]] bool done() const { return left_ == 0; }

    // After done(), without the lock: the bytes transferred, as orfa_readv() and orfa_writev()
    // count them. May ask servers for the file's size. To be called once.
    Result<std::uint64_t> finish();

    // The program may compute while it is under way.
    [[nodiscard]] bool in_background() const { return background_; }
    [[nodiscard]] void* tag() const { return tag_; }
    [[nodiscard]] Group* group() const { return group_; }
    [[nodiscard]] File& file() const { return *file_; }

    // The reply to a request has come. Needs the mesh's lock.
    void part_replied() { times_.replied(); }
    // A request that start() sent to `server` has ended. Needs the mesh's lock.
    void part_ended(std::uint32_t server, Status status);

  private:
    class SpreadMarking;  // tells the home server that data leave the first server
    class Joining;        // tells a server that a part of a collective access is empty there

    Result<std::uint64_t> finish_bytes();
    Status connect_servers(bool all);
    void move_in_place();
    Status start_parts(const orfa_together* together);
    void part_started(std::uint32_t server, Status status);
    void note_error(std::uint32_t server, Status status);
    [[nodiscard]] bool needs_marking() const;
    Status connect_to(std::uint32_t server);
    [[nodiscard]] Status failure() const;
    Status mark_spread();
    void start_together(const protocol::Together& together);
    Status join(std::uint32_t column, const protocol::Together& together);
    [[nodiscard]] bool moves_alone() const;
    Part& part(std::size_t index);
    Result<std::uint64_t> finish_read();
    void note_ranges(const orfa_access& access);
    std::uint64_t bytes_before(std::uint64_t file_size) const;

    File* file_ = nullptr;
    Direction direction_ = Direction::kRead;
    Group* group_ = nullptr;
    void* tag_ = nullptr;
    Shares shares_;
    std::vector<std::unique_ptr<Part>> parts_;
    std::vector<bool> in_place_;  // by share: it needs no request
    std::unique_ptr<SpreadMarking> marking_;
    std::vector<std::unique_ptr<Joining>> joinings_;
    std::vector<protocol::Strided> ranges_;  // of a read, to count what lies before the file's end
    std::size_t left_ = 0;                   // replies to come
    bool background_ = false;
    bool holds_progress_ = false;
    TransferTimes times_;
    Status status_;                    // the first error
    std::uint32_t failed_server_ = 0;  // and whose it is
};

}  // namespace orfa::client
