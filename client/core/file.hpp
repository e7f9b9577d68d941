// SPDX-License-Identifier: MIT
// An open file: what is needed to reach its data without asking where they are.
#pragma once

#include "client/core/file_locks.hpp"
#include "client/core/locations.hpp"
#include "client/core/transfer.hpp"
#include "client/orfa.h"
#include "common/status.hpp"
#include "protocol/messages.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace orfa::client {

class Session;

// Thread-safe. The session outlives its files.
class File {
  public:
    // flags and mode as in open(2). `layout` may be nullptr.
    static Result<std::unique_ptr<File>> open(Session& session, const std::string& path, int flags,
                                              mode_t mode, const orfa_layout* layout);
    // From bytes that encode() made. EINVAL.
    static Result<std::unique_ptr<File>> decode(Session& session, std::span<const std::byte> bytes);
    // Returns the length, at most ORFA_HANDLE_MAX; ERANGE when `out` is too small.
    [[nodiscard]] Result<std::size_t> encode(std::span<std::byte> out) const;
    // Ends its locks, and tells the home server, for a file that open() gave.
    Status close();

    // Blocking accesses; see orfa.h.
    Result<std::uint64_t> read(const orfa_access& access, const orfa_together* together = nullptr) {
        return transfer(Direction::kRead, access, together);
    }
    Result<std::uint64_t> write(const orfa_access& access,
                                const orfa_together* together = nullptr) {
        return transfer(Direction::kWrite, access, together);
    }
    Result<std::uint64_t> append(const void* data, std::size_t length);

    // Bytes, from the objects of all servers that hold the file.
    Result<std::uint64_t> size();
    Status truncate(std::uint64_t size);
    Status allocate(std::uint64_t offset, std::uint64_t length);
    Status sync();
    // Size and times as of all servers that hold the file.
    Result<protocol::Attributes> attributes();

    // Where its content lies in mapped stores. Needs the mesh's lock.
    Locations& locations() { return locations_; }
    // Asks the column's server about the miss's region, and learns the answer. What requests give.
    // May have the server make room there, to fill it.
    Status locate(std::uint32_t column, const Locations::Miss& miss, const Locations::Room& room);

    // Whether this process has mapped the stores of all servers that hold it, and so might do
    // without requests. Connects to them, unless the first one's is not mapped.
    bool is_mapped();

    FileLocks& locks() { return locks_; }
    [[nodiscard]] Session& session() const { return session_; }
    [[nodiscard]] const protocol::Layout& layout() const { return layout_; }
    [[nodiscard]] const protocol::Capability& capability() const { return capability_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    // The server that holds a column of the layout.
    [[nodiscard]] std::uint32_t server_of(std::uint32_t column) const;
    // Whether the home server knows that data may be on other servers than the first.
    [[nodiscard]] bool is_spread() const { return spread_.load(std::memory_order_relaxed); }
    // Tells it, unless it knows. What requests give.
    Status mark_spread();
    void set_spread() { spread_.store(true, std::memory_order_relaxed); }
    // The file's size, when the objects of some columns are known already: `sizes[column]`, or
    // kUnknown. Asks the servers of the others.
    static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
    Result<std::uint64_t> size_from(std::vector<std::uint64_t> sizes);

  private:
    File(Session& session, std::string path, const protocol::Capability& capability,
         const protocol::Layout& layout, bool spread, bool opened);
    Result<std::uint64_t> transfer(Direction direction, const orfa_access& access,
                                   const orfa_together* together);
    // Sends `requests[i]` to the server of `columns[i]` for each i, all at once, and waits for all;
    // the first error. `take` gets each reply.
    template <typename Request, typename Take>
    Status ask_columns(const std::vector<std::uint32_t>& columns, protocol::Op op,
                       const std::vector<Request>& requests, Take take);
    [[nodiscard]] std::vector<std::uint32_t> all_columns() const;

    Session& session_;
    const std::string path_;
    const protocol::Capability capability_;
    const protocol::Layout layout_;
    std::atomic<bool> spread_;
    const bool opened_;    // here, so that close() must tell the home server
    Locations locations_;  // protected by the mesh's lock
    FileLocks locks_{*this};
};

}  // namespace orfa::client
