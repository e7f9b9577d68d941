// SPDX-License-Identifier: MIT
// Memory that the ranks of one host have in common.
#pragma once

#include "collective/ranks.hpp"
#include "common/status.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace orfa::collective {

// Pages of /dev/shm, mapped. They hold zeros at first, and live as long as one of their users.
class CommonMemory {
  public:
    // Makes memory of this name, which one rank does before the others open it. The name is to be
    // new on the host. ENOSPC: more than half of the room in /dev/shm; others of shm_open() and
    // mmap(), of which nothing is left behind.
    static Result<std::unique_ptr<CommonMemory>> create(const std::string& name, std::size_t bytes);
    // Opens what create() made. ENOENT: another host, or another /dev/shm on this one; EPROTO: it
    // has another size.
    static Result<std::unique_ptr<CommonMemory>> open(const std::string& name, std::size_t bytes);
    // Collective. On all ranks memory that all have, or null on all of them: seen by trying, as
    // names of hosts do not tell. Nothing of the name is left.
    static std::unique_ptr<CommonMemory> find(Ranks& ranks, const std::string& name,
                                              std::size_t bytes);
    // Takes the name away; those who have opened it keep the memory.
    static void unlink(const std::string& name);

    CommonMemory(const CommonMemory&) = delete;
    CommonMemory& operator=(const CommonMemory&) = delete;
    ~CommonMemory();

    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    // Which memory of the host it is: the same for all its users, never that of other memory that
    // lives at the same time, and never 0.
    [[nodiscard]] std::int64_t id() const { return id_; }

  private:
    static Result<std::unique_ptr<CommonMemory>> map(int fd, std::size_t bytes);
    CommonMemory(std::byte* data, std::size_t size, std::int64_t id)
        : data_(data), size_(size), id_(id) {}

    std::byte* data_;
    std::size_t size_;
    std::int64_t id_;
};

}  // namespace orfa::collective
