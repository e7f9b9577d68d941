/* SPDX-License-Identifier: MIT */
/* set_size, preallocate and get_size: sizes are exact and seen by all, contents are kept, what was
 * never written is zero, and preallocation never shrinks or changes a file. */
#include "mpiio_test.h"

enum { kPiece = 70001 };

static unsigned char data[kPiece];

static void size_is(int line, MPI_File file, MPI_Offset expected) {
    MPI_Offset size = -1;
    char text[100];

    OK(MPI_File_get_size(file, &size));
    if (size != expected) {
        snprintf(text, sizeof(text), "%lld, not %lld", (long long)size, (long long)expected);
        test_fail(__FILE__, line, "size", text);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

static int is_zero(size_t from, size_t to) {
    while (from < to && data[from] == 0)
        from++;
    return from == to;
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    MPI_File file = test_create(MPI_INFO_NULL);
    const MPI_Offset all = (MPI_Offset)kPiece * test_ranks;
    MPI_Status status;

    size_is(__LINE__, file, 0);
    test_fill(data, kPiece, (uint64_t)test_rank);
    OK(MPI_File_write_at(file, (MPI_Offset)kPiece * test_rank, data, kPiece, MPI_BYTE,
                         MPI_STATUS_IGNORE));
    MPI_Barrier(MPI_COMM_WORLD);
    size_is(__LINE__, file, all);

    OK(MPI_File_preallocate(file, all / 2));
    size_is(__LINE__, file, all);
    OK(MPI_File_preallocate(file, 3 * all));
    size_is(__LINE__, file, 3 * all);
    OK(MPI_File_read_at(file, (MPI_Offset)kPiece * test_rank, data, kPiece, MPI_BYTE, &status));
    CHECK(test_compare(data, kPiece, (uint64_t)test_rank) == kPiece);
    OK(MPI_File_read_at(file, 2 * all, data, kPiece, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == kPiece && is_zero(0, kPiece));
    MPI_Barrier(MPI_COMM_WORLD);

    OK(MPI_File_set_size(file, 1000));
    size_is(__LINE__, file, 1000);
    OK(MPI_File_set_size(file, 5 * all));
    size_is(__LINE__, file, 5 * all);
    OK(MPI_File_read_at_all(file, 0, data, kPiece, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == kPiece);
    CHECK(test_compare(data, 1000, 0) == 1000);
    CHECK(is_zero(1000, kPiece), "what was cut off came back");
    OK(MPI_File_set_size(file, 0));
    size_is(__LINE__, file, 0);

    OK(MPI_File_seek(file, 0, MPI_SEEK_END));
    OK(MPI_File_write_at_all(file, 10 * kPiece + test_rank, data, 1, MPI_BYTE, &status));
    size_is(__LINE__, file, 10 * kPiece + test_ranks);
    OK(MPI_File_close(&file));

    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_WRONLY, MPI_INFO_NULL, &file));
    OK(MPI_File_preallocate(file, 11 * kPiece));
    size_is(__LINE__, file, 11 * kPiece);
    OK(MPI_File_set_size(file, 77));
    size_is(__LINE__, file, 77);
    test_close_and_remove(&file);
    return test_end("sizes");
}
