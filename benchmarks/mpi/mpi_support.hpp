// SPDX-License-Identifier: MIT
// MPI's handles as owners, and its errors as the end of the program.
#pragma once

#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace orfa::benchmarks {

// Says what failed on this rank and ends all ranks: the others may be waiting for this one.
[[noreturn]] void give_up(const std::string& what);

// As give_up() with MPI's words, unless `mpi_error` is MPI_SUCCESS.
void check(int mpi_error, const std::string& call);

// A committed datatype; empty: none.
class Type {
  public:
    Type() = default;
    // Commits `raw` and owns it from now on.
    explicit Type(MPI_Datatype raw) : raw_(raw) {
        check(MPI_Type_commit(&raw_), "MPI_Type_commit");
    }
    Type(Type&& other) noexcept : raw_(std::exchange(other.raw_, MPI_DATATYPE_NULL)) {}
    Type& operator=(Type&& other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    Type(const Type&) = delete;
    Type& operator=(const Type&) = delete;
    ~Type() {
        if (raw_ != MPI_DATATYPE_NULL) MPI_Type_free(&raw_);
    }
    MPI_Datatype get() const { return raw_; }

    // `count` pieces of `piece` bytes, their beginnings `stride` bytes apart.
    static Type strided(std::uint64_t count, std::uint64_t piece, std::uint64_t stride);
    // A block of an array of MPI_BYTE in C order; the lists have one length.
    static Type subarray(const std::vector<std::uint64_t>& array,
                         const std::vector<std::uint64_t>& block,
                         const std::vector<std::uint64_t>& start);

  private:
    MPI_Datatype raw_ = MPI_DATATYPE_NULL;
};

// An open file, closed at the end of its life (by all ranks of its communicator).
class File {
  public:
    File(MPI_Comm comm, const std::string& name, int mode, MPI_Info info = MPI_INFO_NULL) {
        check(MPI_File_open(comm, name.c_str(), mode, info, &raw_), "opening " + name);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { MPI_File_close(&raw_); }
    MPI_File get() const { return raw_; }

    // Bytes of `type` (none: all bytes) from `displacement` on become what offsets mean.
    void set_view(std::uint64_t displacement, const Type& type) const {
        check(MPI_File_set_view(raw_, static_cast<MPI_Offset>(displacement), MPI_BYTE,
                                type.get() == MPI_DATATYPE_NULL ? MPI_BYTE : type.get(), "native",
                                MPI_INFO_NULL),
              "MPI_File_set_view");
    }
    std::uint64_t size() const {
        MPI_Offset bytes = 0;
        check(MPI_File_get_size(raw_, &bytes), "MPI_File_get_size");
        return static_cast<std::uint64_t>(bytes);
    }

  private:
    MPI_File raw_ = MPI_FILE_NULL;
};

// A number for an MPI call that takes an int.
int count_of(std::uint64_t number);

// The shape nearest to a cube (or square) that `ranks` processes can be laid out in.
std::vector<std::uint64_t> grid_of(std::uint64_t ranks, std::size_t dimensions);

}  // namespace orfa::benchmarks
