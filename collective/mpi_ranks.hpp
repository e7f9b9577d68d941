// SPDX-License-Identifier: MIT
// Ranks over MPI. With orfa_coll_mpi.cpp the only file of this folder that calls it.
#pragma once

#include "collective/board.hpp"
#include "collective/ranks.hpp"

#include <mpi.h>

namespace orfa::collective {

// MPI calls by whose failure the ranks fall out of step: nothing but the end is left.
inline void must(int mpi_error, MPI_Comm comm) {
    if (mpi_error != MPI_SUCCESS) MPI_Abort(comm, mpi_error);
}

class MpiRanks final : public Ranks, public Board::Progress {
  public:
    // `board` is borrowed; may be null: then ranks agree by messages.
    MpiRanks(MPI_Comm comm, Board* board) : comm_(comm), board_(board) {
        int size = 1;
        int rank = 0;
        MPI_Comm_size(comm, &size);
        MPI_Comm_rank(comm, &rank);
        size_ = static_cast<std::uint32_t>(size);
        rank_ = static_cast<std::uint32_t>(rank);
    }

    [[nodiscard]] std::uint32_t size() const override { return size_; }
    [[nodiscard]] std::uint32_t rank() const override { return rank_; }

    void maximum(std::span<std::int64_t> values) override {
        if (board_ != nullptr) return board_->maximum(rank_, values, *this);
        must(MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()),
                           MPI_INT64_T, MPI_MAX, comm_),
             comm_);
    }

    void all_to_all(std::span<const std::byte> out, std::span<std::byte> in) override {
        const int each = static_cast<int>(out.size() / size_);
        must(MPI_Alltoall(out.data(), each, MPI_BYTE, in.data(), each, MPI_BYTE, comm_), comm_);
    }

    void send(std::uint32_t to, Tag tag, std::span<const std::byte> data) override {
        must(MPI_Isend(data.data(), static_cast<int>(data.size()), MPI_BYTE, static_cast<int>(to),
                       static_cast<int>(tag), comm_, &sends_.emplace_back()),
             comm_);
    }

    void receive(std::uint32_t from, Tag tag, std::span<std::byte> into) override {
        must(MPI_Irecv(into.data(), static_cast<int>(into.size()), MPI_BYTE, static_cast<int>(from),
                       static_cast<int>(tag), comm_, &receives_.emplace_back()),
             comm_);
    }

    void wait_sent() override {
        must(MPI_Waitall(static_cast<int>(sends_.size()), sends_.data(), MPI_STATUSES_IGNORE),
             comm_);
        sends_.clear();
    }

    std::vector<std::uint64_t> wait_received() override {
        std::vector<MPI_Status> statuses(receives_.size());
        std::vector<std::uint64_t> lengths;
        must(MPI_Waitall(static_cast<int>(receives_.size()), receives_.data(), statuses.data()),
             comm_);
        receives_.clear();
        for (const MPI_Status& status : statuses) {
            int length = 0;
            MPI_Get_count(&status, MPI_BYTE, &length);
            lengths.push_back(static_cast<std::uint64_t>(length));
        }
        return lengths;
    }

    // Other ranks may not get on with messages of before unless this one takes part.
    void progress() override {
        int found = 0;
        must(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &found, MPI_STATUS_IGNORE), comm_);
    }

  private:
    MPI_Comm comm_;
    Board* board_;
    std::uint32_t size_ = 1;
    std::uint32_t rank_ = 0;
    std::vector<MPI_Request> sends_;
    std::vector<MPI_Request> receives_;
};

}  // namespace orfa::collective
