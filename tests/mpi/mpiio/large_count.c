/* SPDX-License-Identifier: MIT */
/* One call of 2 GiB + 4 KiB, written and read back by rank 0, contiguous and with holes in memory.
 * Needs 2.1 GiB of memory here and as much in the servers (twice that with --strided=1). */
#include "mpiio_test.h"

enum { kBlock = 4096, kBlocks = 524289 };

static void fill(unsigned char* data, size_t stride) {
    for (size_t i = 0; i < kBlocks; i++)
        for (size_t k = 0; k < kBlock; k += 512)
            data[i * stride + k] = (unsigned char)(i + k / 512);
}

static size_t wrong(const unsigned char* data, size_t stride) {
    size_t count = 0;

    for (size_t i = 0; i < kBlocks; i++)
        for (size_t k = 0; k < kBlock; k += 512)
            count += data[i * stride + k] != (unsigned char)(i + k / 512);
    return count;
}

static void round_trip(MPI_File file, unsigned char* data, size_t stride) {
    const size_t length = (size_t)kBlocks * stride;
    MPI_Datatype block, spaced;
    MPI_Status status;

    MPI_Type_contiguous(kBlock, MPI_BYTE, &block);
    MPI_Type_create_resized(block, 0, (MPI_Aint)stride, &spaced);
    MPI_Type_commit(&spaced);
    fill(data, stride);
    OK(MPI_File_write_at(file, 0, data, kBlocks, spaced, &status));
    CHECK(test_bytes(&status) == (MPI_Count)kBlocks * kBlock);
    memset(data, 0, length);
    OK(MPI_File_read_at(file, 0, data, kBlocks, spaced, &status));
    CHECK(test_bytes(&status) == (MPI_Count)kBlocks * kBlock);
    CHECK(wrong(data, stride) == 0);
    MPI_Type_free(&block);
    MPI_Type_free(&spaced);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    const size_t stride = test_option(argc, argv, "--strided") != NULL ? 2 * kBlock : kBlock;
    MPI_File file = test_create(MPI_INFO_NULL);
    MPI_Offset size = -1;
    unsigned char* data = test_rank == 0 ? calloc(kBlocks, stride) : NULL;
    int enough = test_rank != 0 || data != NULL;

    MPI_Bcast(&enough, 1, MPI_INT, 0, MPI_COMM_WORLD);
    if (!enough) return test_skip("not enough memory");
    if (test_rank == 0) round_trip(file, data, stride);
    MPI_Barrier(MPI_COMM_WORLD);
    OK(MPI_File_get_size(file, &size));
    CHECK(size == (MPI_Offset)kBlocks * kBlock);
    free(data);
    test_close_and_remove(&file);
    return test_end("large_count");
}
