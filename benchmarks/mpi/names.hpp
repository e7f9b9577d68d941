// SPDX-License-Identifier: MIT
// The name space of the file system that a path selects, as far as benchmarks need it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace orfa::benchmarks {

// One process' access to names. Paths are as MPI takes them, with a driver's prefix. What fails
// ends the program.
class Names {
  public:
    virtual ~Names() = default;
    // A new file with `content`.
    virtual void create(const std::string& path, std::span<const std::byte> content) = 0;
    // Opens, fills `content` from the beginning (the file must have as much), and closes.
    virtual void read(const std::string& path, std::span<std::byte> content) = 0;
    virtual void unlink(const std::string& path) = 0;

    // Bytes of a file; -1: not there.
    virtual std::int64_t size(const std::string& path) = 0;
    virtual void make_directory(const std::string& path) = 0;
    virtual void remove_directory(const std::string& path) = 0;
    // Entries of a directory.
    virtual std::uint64_t list(const std::string& path) = 0;
};

// By orfa.h for paths of ORFA, else by POSIX calls.
std::unique_ptr<Names> direct_names(const std::string& path);

// Files by MPI-IO calls of each rank alone; what MPI-IO has no call for goes to `others`, which
// must outlive it.
std::unique_ptr<Names> mpi_names(Names& others);

}  // namespace orfa::benchmarks
