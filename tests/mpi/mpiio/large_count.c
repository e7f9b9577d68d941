/* SPDX-License-Identifier: MIT */
/* One call of more than 2 GiB, written and read back by rank 0, contiguous, or with holes in memory
 * by a derived type; or a collective call in which every rank has a part of it, in turns.
 *
 *     large_count FILE [--blocks=524289] [--strided=1] [--collective=twophase]
 *
 * A block is 4 KiB. Needs as much memory here, and in the servers, as the blocks have (and an
 * eighth more with --strided). */
#include "mpiio_test.h"

enum { kBlock = 4096 };

static size_t blocks = 524289;

static void fill(unsigned char* data, size_t stride) {
    for (size_t i = 0; i < blocks; i++)
        for (size_t k = 0; k < kBlock; k += 512)
            data[i * stride + k] = (unsigned char)(i + k / 512);
}

static size_t wrong(const unsigned char* data, size_t stride) {
    size_t count = 0;

    for (size_t i = 0; i < blocks; i++)
        for (size_t k = 0; k < kBlock; k += 512)
            count += data[i * stride + k] != (unsigned char)(i + k / 512);
    return count;
}

static void round_trip(MPI_File file, unsigned char* data, size_t stride) {
    const size_t length = blocks * stride;
    MPI_Datatype block, spaced;
    MPI_Status status;

    MPI_Type_contiguous(kBlock, MPI_BYTE, &block);
    MPI_Type_create_resized(block, 0, (MPI_Aint)stride, &spaced);
    MPI_Type_commit(&spaced);
    fill(data, stride);
    OK(MPI_File_write_at(file, 0, data, (int)blocks, spaced, &status));
    CHECK(test_bytes(&status) == (MPI_Count)(blocks * kBlock));
    memset(data, 0, length);
    OK(MPI_File_read_at(file, 0, data, (int)blocks, spaced, &status));
    CHECK(test_bytes(&status) == (MPI_Count)(blocks * kBlock));
    CHECK(wrong(data, stride) == 0);
    MPI_Type_free(&block);
    MPI_Type_free(&spaced);
}

/* Block b of the file is rank b % ranks's; each rank has a whole number of them, in one call. */
static void round_trip_together(const char* way) {
    const size_t mine = blocks / test_ranks;
    MPI_Datatype block, turns;
    MPI_Offset size = -1;
    MPI_Status status;
    MPI_Info info;
    unsigned char* data = malloc(mine * kBlock);

    MPI_Info_create(&info);
    MPI_Info_set(info, "orfa_collective", way);
    MPI_File file = test_create(info);
    MPI_Type_contiguous(kBlock, MPI_BYTE, &block);
    MPI_Type_commit(&block);
    MPI_Type_create_resized(block, 0, (MPI_Aint)test_ranks * kBlock, &turns);
    MPI_Type_commit(&turns);
    OK(MPI_File_set_view(file, (MPI_Offset)test_rank * kBlock, block, turns, "native", info));
    for (size_t i = 0; i < mine; i++)
        memset(data + i * kBlock, (int)(i * test_ranks + test_rank), kBlock);
    OK(MPI_File_write_all(file, data, (int)mine, block, &status));
    CHECK(test_bytes(&status) == (MPI_Count)(mine * kBlock));
    memset(data, 0xEE, mine * kBlock);
    OK(MPI_File_read_at_all(file, 0, data, (int)mine, block, &status));
    CHECK(test_bytes(&status) == (MPI_Count)(mine * kBlock));
    for (size_t i = 0; i < mine * kBlock; i += 509)
        CHECK(data[i] == (unsigned char)(i / kBlock * test_ranks + test_rank));
    OK(MPI_File_get_size(file, &size));
    CHECK(size == (MPI_Offset)(mine * test_ranks * kBlock));
    MPI_Info_free(&info);
    MPI_Type_free(&block);
    MPI_Type_free(&turns);
    free(data);
    test_close_and_remove(&file);
}

static void round_trip_alone(size_t stride) {
    MPI_File file = test_create(MPI_INFO_NULL);
    MPI_Offset size = -1;
    unsigned char* data = test_rank == 0 ? malloc(blocks * stride) : NULL;

    if (test_rank == 0 && data == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
    if (test_rank == 0) round_trip(file, data, stride);
    MPI_Barrier(MPI_COMM_WORLD);
    OK(MPI_File_get_size(file, &size));
    CHECK(size == (MPI_Offset)(blocks * kBlock));
    free(data);
    test_close_and_remove(&file);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    const char* wanted = test_option(argc, argv, "--blocks");
    const char* collective = test_option(argc, argv, "--collective");

    if (wanted != NULL) blocks = (size_t)atoll(wanted);
    if (collective != NULL)
        round_trip_together(collective);
    else
        round_trip_alone(test_option(argc, argv, "--strided") != NULL ? kBlock + 512 : kBlock);
    return test_end("large_count");
}
