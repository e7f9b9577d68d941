/* SPDX-License-Identifier: MIT */
/* Contiguous writes and reads of all sizes around the interesting ones come back as they went. */
#include "mpiio_test.h"

static const size_t kSizes[] = {1,     7,     511,   4095,    4096,    4097,   65535,
                                65536, 65537, 99991, 1048576, 1048579, 5242883};
enum { kSizeCount = sizeof(kSizes) / sizeof(kSizes[0]) };

static void explicit_offsets(MPI_File file, size_t size, unsigned char* data) {
    const MPI_Offset mine = (MPI_Offset)(size * (size_t)test_rank);
    const int neighbour = (test_rank + 1) % test_ranks;
    MPI_Status status;

    test_fill(data, size, size * 100 + (size_t)test_rank);
    OK(MPI_File_write_at(file, mine, data, (int)size, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == (MPI_Count)size);
    test_settle(file);
    memset(data, 0, size);
    OK(MPI_File_read_at(file, (MPI_Offset)(size * (size_t)neighbour), data, (int)size, MPI_BYTE,
                        &status));
    CHECK(test_bytes(&status) == (MPI_Count)size);
    CHECK(test_compare(data, size, size * 100 + (size_t)neighbour) == size);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void file_pointer(MPI_File file, size_t size, unsigned char* data) {
    MPI_Offset position = -1;

    OK(MPI_File_seek(file, (MPI_Offset)(2 * size * (size_t)test_rank), MPI_SEEK_SET));
    for (int i = 0; i < 2; i++) {
        test_fill(data, size, size + (size_t)(2 * test_rank + i));
        OK(MPI_File_write(file, data, (int)size, MPI_BYTE, MPI_STATUS_IGNORE));
    }
    OK(MPI_File_get_position(file, &position));
    CHECK(position == (MPI_Offset)(2 * size * (size_t)(test_rank + 1)));
    OK(MPI_File_seek(file, -(MPI_Offset)size, MPI_SEEK_CUR));
    OK(MPI_File_read(file, data, (int)size, MPI_BYTE, MPI_STATUS_IGNORE));
    CHECK(test_compare(data, size, size + (size_t)(2 * test_rank + 1)) == size);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void collectively(MPI_File file, size_t size, unsigned char* data) {
    MPI_Status status;

    OK(MPI_File_seek(file, (MPI_Offset)(size * (size_t)test_rank), MPI_SEEK_SET));
    test_fill(data, size, size * 7 + (size_t)test_rank);
    OK(MPI_File_write_all(file, data, (int)size, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == (MPI_Count)size);
    memset(data, 0, size);
    OK(MPI_File_read_at_all(file, (MPI_Offset)(size * (size_t)(test_ranks - 1 - test_rank)), data,
                            (int)size, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == (MPI_Count)size);
    CHECK(test_compare(data, size, size * 7 + (size_t)(test_ranks - 1 - test_rank)) == size);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    MPI_File file = test_create(MPI_INFO_NULL);
    unsigned char* data = malloc(kSizes[kSizeCount - 1]);

    for (int i = 0; i < kSizeCount; i++) {
        explicit_offsets(file, kSizes[i], data);
        file_pointer(file, kSizes[i], data);
        collectively(file, kSizes[i], data);
    }
    free(data);
    test_close_and_remove(&file);
    return test_end("contiguous");
}
