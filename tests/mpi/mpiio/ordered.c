/* SPDX-License-Identifier: MIT */
/* Ordered access: the ranks' data lie in the order of the ranks, whatever each brings, nothing
 * included; blocking and split; mixed with single shared accesses; a rank that is refused. */
#include "mpiio_test.h"

enum { kMost = 400 };

static int etypes_of(int rank, int round) {
    return (int)(test_mix((uint64_t)rank + 50, (uint64_t)round) % 4) * (kMost / 4);
}

static int value(int rank, int round, int index) {
    return (round * 100 + rank) * 1000 + index;
}

/* Writes this rank's share from every second int of its memory. */
static void write_one(MPI_File file, int round, int split) {
    static int memory[2 * kMost];
    const int count = etypes_of(test_rank, round);
    MPI_Datatype every_second;
    MPI_Status status;

    MPI_Type_create_resized(MPI_INT, 0, 2 * sizeof(int), &every_second);
    MPI_Type_commit(&every_second);
    for (int i = 0; i < count; i++)
        memory[2 * i] = value(test_rank, round, i);
    if (split) {
        OK(MPI_File_write_ordered_begin(file, memory, count, every_second));
        OK(MPI_File_write_ordered_end(file, memory, &status));
    } else {
        OK(MPI_File_write_ordered(file, memory, count, every_second, &status));
    }
    CHECK(test_bytes(&status) == 4 * count);
    MPI_Type_free(&every_second);
}

/* Reads another rank's share: the counts are shifted by one rank, so ranges are as when written. */
static void read_one(MPI_File file, int round, int split) {
    static int back[kMost];
    const int count = etypes_of(test_rank, round);
    MPI_Status status;

    if (split) {
        OK(MPI_File_read_ordered_begin(file, back, count, MPI_INT));
        OK(MPI_File_read_ordered_end(file, back, &status));
    } else {
        OK(MPI_File_read_ordered(file, back, count, MPI_INT, &status));
    }
    CHECK(test_bytes(&status) == 4 * count);
    for (int i = 0; i < count; i++)
        CHECK(back[i] == value(test_rank, round, i));
}

static void rounds(MPI_File file, MPI_Datatype view) {
    int number = 0;
    MPI_Offset at = 0;

    OK(MPI_File_set_size(file, 0));
    OK(MPI_File_set_view(file, 12, MPI_INT, view, "native", MPI_INFO_NULL));
    for (int round = 0; round < 8; round++)
        write_one(file, round, round % 2);
    test_settle(file);
    for (int round = 0; round < 8; round++)
        for (int rank = 0; rank < test_ranks; rank++) {
            const int count = etypes_of(rank, round);
            if (count > 0) {
                OK(MPI_File_read_at(file, at, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
                CHECK(number == value(rank, round, 0), "the ranks' order");
            }
            at += count;
        }
    OK(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
    for (int round = 0; round < 8; round++)
        read_one(file, round, (round + 1) % 2);
    OK(MPI_File_get_position_shared(file, &at));
    MPI_Barrier(MPI_COMM_WORLD);
    /* Nobody has anything; then all go on behind a single rank's write. */
    OK(MPI_File_write_ordered(file, NULL, 0, MPI_INT, MPI_STATUS_IGNORE));
    if (test_rank == test_ranks - 1)
        OK(MPI_File_write_shared(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    MPI_Barrier(MPI_COMM_WORLD);
    OK(MPI_File_write_ordered(file, &test_rank, 1, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_read_at(file, at + 1 + test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    CHECK(number == test_rank);
}

/* The end of the file is in the middle of a rank's part. */
static void short_read(MPI_File file) {
    char data[100];
    MPI_Status status;
    const MPI_Offset size = 100 * (test_ranks - 1) + 30;

    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
    OK(MPI_File_set_size(file, size));
    OK(MPI_File_read_ordered(file, data, 100, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == (test_rank == test_ranks - 1 ? 30 : 100));
    OK(MPI_File_read_ordered(file, data, 100, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == 0);
}

/* One rank's arguments are refused: all hear of it, none waits for ever, and all goes on. */
static void refused(MPI_File file) {
    const int bytes = test_rank == 0 ? 3 : 4;
    char data[4] = {0};

    OK(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
    CHECK(MPI_File_write_ordered(file, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE) != MPI_SUCCESS);
    CHECK(MPI_File_read_ordered(file, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE) != MPI_SUCCESS);
    OK(MPI_File_write_ordered(file, data, 4, MPI_BYTE, MPI_STATUS_IGNORE));
}

int main(int argc, char** argv) {
    MPI_Datatype holes;

    test_start(&argc, &argv);
    MPI_File file = test_create(MPI_INFO_NULL);
    MPI_Type_vector(2, 3, 5, MPI_INT, &holes);
    MPI_Type_commit(&holes);
    rounds(file, MPI_INT);
    rounds(file, holes);
    MPI_Type_free(&holes);
    short_read(file);
    refused(file);
    test_close_and_remove(&file);
    return test_end("ordered");
}
