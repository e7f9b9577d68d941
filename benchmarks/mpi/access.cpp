// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/access.hpp"

namespace orfa::benchmarks {

void Access::check_moved(const MPI_Status& status) const {
    MPI_Count moved = 0;
    MPI_Get_elements_x(&status, MPI_BYTE, &moved);
    if (static_cast<std::uint64_t>(moved) == bytes_) return;
    give_up(text_of("a call moved %lld of %llu bytes", static_cast<long long>(moved),
                    static_cast<unsigned long long>(bytes_)));
}

void Access::start(Direction direction, std::uint64_t offset, void* data) {
    const bool writing = direction == Direction::kWrite;
    const auto at = static_cast<MPI_Offset>(offset);
    const bool plain = type_ == MPI_DATATYPE_NULL;
    MPI_Datatype type = plain ? MPI_BYTE : type_;
    const int count = plain ? count_of(bytes_) : 1;
    const char* what = writing ? "writing" : "reading";
    MPI_Status status{};
    if (form_ == Form::kNonblocking) {
        MPI_Request& request = requests_[next_];
        next_ = (next_ + 1) % kDepth;
        if (request != MPI_REQUEST_NULL) {
            check(MPI_Wait(&request, &status), what);
            check_moved(status);
        }
        check(writing ? MPI_File_iwrite_at(file_, at, data, count, type, &request)
                      : MPI_File_iread_at(file_, at, data, count, type, &request),
              what);
        return;
    }
    const bool together = form_ == Form::kCollective;
    const auto write = together ? MPI_File_write_at_all : MPI_File_write_at;
    const auto read = together ? MPI_File_read_at_all : MPI_File_read_at;
    check(writing ? write(file_, at, data, count, type, &status)
                  : read(file_, at, data, count, type, &status),
          what);
    check_moved(status);
}

void Access::wait() {
    for (std::size_t i = 0; i < kDepth; ++i) {
        MPI_Request& request = requests_[next_];
        next_ = (next_ + 1) % kDepth;
        if (request == MPI_REQUEST_NULL) continue;
        MPI_Status status{};
        check(MPI_Wait(&request, &status), "waiting");
        check_moved(status);
    }
}

}  // namespace orfa::benchmarks
