// SPDX-License-Identifier: MIT
// What the exchange of two-phase I/O needs of the message passing below it, and of the file.
// Implemented with MPI (orfa_coll_mpi.cpp), and by tests without.
#pragma once

#include "client/orfa.h"
#include "common/status.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace orfa::collective {

// The ranks that make a collective call together. What fails here ends the program, as MPI does by
// default. One thread a rank.
class Ranks {
  public:
    enum class Tag : std::uint8_t { kDescription, kData };

    Ranks() = default;
    Ranks(const Ranks&) = delete;
    Ranks& operator=(const Ranks&) = delete;
    virtual ~Ranks() = default;

    [[nodiscard]] virtual std::uint32_t size() const = 0;
    [[nodiscard]] virtual std::uint32_t rank() const = 0;
    // Collective. Each value becomes the largest of all ranks'.
    virtual void maximum(std::span<std::int64_t> values) = 0;
    // Collective. Returns when all ranks are here.
    void meet() {
        std::int64_t nothing = 0;
        maximum({&nothing, 1});
    }
    // Collective. The r-th of size() equal parts of `out` goes to rank r, and that of rank r's own
    // comes to the r-th part of `in`.
    virtual void all_to_all(std::span<const std::byte> out, std::span<std::byte> in) = 0;
    // Messages. The memory is borrowed until the wait. Less than 2 GiB each.
    virtual void send(std::uint32_t to, Tag tag, std::span<const std::byte> data) = 0;
    virtual void receive(std::uint32_t from, Tag tag, std::span<std::byte> into) = 0;
    virtual void wait_sent() = 0;
    // The length of each message received since the last wait, in the order of receive().
    virtual std::vector<std::uint64_t> wait_received() = 0;
};

// The file, as an aggregator uses it. See orfa_readv() and orfa_writev().
class FileAccess {
  public:
    FileAccess() = default;
    FileAccess(const FileAccess&) = delete;
    FileAccess& operator=(const FileAccess&) = delete;
    virtual ~FileAccess() = default;

    virtual Result<std::uint64_t> read(const orfa_access& access) = 0;
    virtual Status write(const orfa_access& access) = 0;
};

}  // namespace orfa::collective
