// SPDX-License-Identifier: MIT
// MPI-IO calls in the form that a run asks for.
#pragma once

#include <array>

#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {

enum class Direction { kWrite, kRead };

// Makes calls on one file; each has `bytes` of data, in memory as `type` has them (none: in one).
// A call that moves fewer bytes ends the program.
class Access {
  public:
    // Calls of Form::kNonblocking that are under way at once.
    static constexpr std::size_t kDepth = 8;

    Access(MPI_File file, Form form, std::uint64_t bytes, MPI_Datatype type)
        : file_(file), form_(form), bytes_(bytes), type_(type) {
        requests_.fill(MPI_REQUEST_NULL);
    }

    // One call, at `offset` of the view. A nonblocking one is over when kDepth more have begun, or
    // with wait().
    void start(Direction direction, std::uint64_t offset, void* data);
    void wait();

  private:
    void check_moved(const MPI_Status& status) const;

    MPI_File file_;
    Form form_;
    std::uint64_t bytes_;
    MPI_Datatype type_;
    std::array<MPI_Request, kDepth> requests_{};
    std::size_t next_ = 0;
};

}  // namespace orfa::benchmarks
