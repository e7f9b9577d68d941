/* SPDX-License-Identifier: MIT */
/* Split collective calls: begin, other work on the file, end; one at a time for each handle. */
#include "mpiio_test.h"

enum { kPiece = 50000 };

static unsigned char data[kPiece], other[100];

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    MPI_File file = test_create(MPI_INFO_NULL);
    const MPI_Offset mine = (MPI_Offset)kPiece * test_rank;
    const int neighbour = (test_rank + 1) % test_ranks;
    MPI_Offset position;
    MPI_Status status;

    for (int round = 0; round < 5; round++) {
        test_fill(data, kPiece, (uint64_t)(round * 50 + test_rank));
        OK(MPI_File_write_at_all_begin(file, mine, data, kPiece, MPI_BYTE));
        OK(MPI_File_write_at(file, 10 * kPiece * test_ranks, other, 100, MPI_BYTE, &status));
        CHECK(MPI_File_write_at_all_begin(file, mine, data, 1, MPI_BYTE) != MPI_SUCCESS,
              "two split collective calls at once");
        OK(MPI_File_write_at_all_end(file, data, &status));
        CHECK(test_bytes(&status) == kPiece);

        OK(MPI_File_seek(file, (MPI_Offset)kPiece * neighbour, MPI_SEEK_SET));
        OK(MPI_File_read_all_begin(file, data, kPiece, MPI_BYTE));
        OK(MPI_File_read_all_end(file, data, &status));
        CHECK(test_bytes(&status) == kPiece);
        CHECK(test_compare(data, kPiece, (uint64_t)(round * 50 + neighbour)) == kPiece);
        OK(MPI_File_get_position(file, &position));
        CHECK(position == (MPI_Offset)kPiece * (neighbour + 1));
        CHECK(MPI_File_read_all_end(file, data, &status) != MPI_SUCCESS, "end without begin");
        MPI_Barrier(MPI_COMM_WORLD);
    }
    test_close_and_remove(&file);
    return test_end("split_collective");
}
