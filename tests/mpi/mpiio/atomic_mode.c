/* SPDX-License-Identifier: MIT */
/* Atomic mode: ranks write and read the same bytes at the same time, in every kind of call, over
 * several servers; whatever is read is one access's bytes, wholly. With --atomic=0 the same without
 * atomic mode, which must find mixtures (to try the test itself; not for a machine of one core). */
#include "mpiio_test.h"

enum { kPieces = 192, kPiece = 8192, kBytes = kPieces * kPiece, kRounds = 12 };

static unsigned char *data, *spread;
static int mixtures;

enum Way { kContiguous, kStrided, kNonblocking, kMixedMemory, kWays };

/* Views that show the same bytes of the file for all ranks: the even pieces, or all in one. */
static void set_view(MPI_File file, int way) {
    MPI_Datatype pieces;

    if (way == kContiguous) {
        OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
        return;
    }
    MPI_Type_vector(kPieces, kPiece, 2 * kPiece, MPI_BYTE, &pieces);
    MPI_Type_commit(&pieces);
    OK(MPI_File_set_view(file, 77, MPI_BYTE, pieces, "native", MPI_INFO_NULL));
    MPI_Type_free(&pieces);
}

static void write_all_bytes(MPI_File file, int way, int value) {
    MPI_Datatype gaps;
    MPI_Request request;
    MPI_Status status = {0};

    memset(data, value, kBytes);
    if (way == kNonblocking) {
        OK(MPI_File_iwrite_at(file, 0, data, kBytes, MPI_BYTE, &request));
        OK(MPI_Wait(&request, &status));
    } else if (way == kMixedMemory) {
        MPI_Type_vector(kBytes / 512, 512, 1024, MPI_BYTE, &gaps);
        MPI_Type_commit(&gaps);
        memset(spread, value, 2 * kBytes);
        OK(MPI_File_write_at(file, 0, spread, 1, gaps, &status));
        MPI_Type_free(&gaps);
    } else {
        OK(MPI_File_write_at(file, 0, data, kBytes, MPI_BYTE, &status));
    }
    CHECK(test_bytes(&status) == kBytes);
}

static void count_mixture(void) {
    for (int i = 1; i < kBytes; i++)
        if (data[i] != data[0]) {
            mixtures++;
            return;
        }
}

static void read_all_bytes(MPI_File file, int way) {
    MPI_Request request;
    MPI_Status status;

    if (way == kNonblocking) {
        OK(MPI_File_iread_at(file, 0, data, kBytes, MPI_BYTE, &request));
        OK(MPI_Wait(&request, &status));
    } else {
        OK(MPI_File_read_at(file, 0, data, kBytes, MPI_BYTE, &status));
    }
    CHECK(test_bytes(&status) == kBytes);
    count_mixture();
}

/* Odd ranks read, the others write. */
static void at_the_same_time(MPI_File file, int way) {
    set_view(file, way);
    if (test_rank == 0) write_all_bytes(file, way, 1);
    MPI_Barrier(MPI_COMM_WORLD);
    for (int round = 0; round < kRounds; round++) {
        if (test_rank % 2 == 1)
            read_all_bytes(file, way);
        else
            write_all_bytes(file, way, 1 + round * test_ranks + test_rank);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

/* All write the same bytes in one collective call: one rank's are there in the end, wholly. */
static void collective(MPI_File file, int way) {
    MPI_Status status;
    MPI_Request request;

    set_view(file, way);
    for (int round = 0; round < kRounds; round++) {
        memset(data, 1 + round * test_ranks + test_rank, kBytes);
        if (way == kNonblocking) {
            OK(MPI_File_iwrite_at_all(file, 0, data, kBytes, MPI_BYTE, &request));
            OK(MPI_Wait(&request, &status));
            MPI_Barrier(MPI_COMM_WORLD);
        } else {
            OK(MPI_File_write_at_all(file, 0, data, kBytes, MPI_BYTE, &status));
        }
        memset(data, 0, kBytes);
        OK(MPI_File_read_at_all(file, 0, data, kBytes, MPI_BYTE, &status));
        count_mixture();
        CHECK(data[0] > round * test_ranks && data[0] <= (round + 1) * test_ranks);
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

/* Two nonblocking accesses of one rank to the same bytes, and shared pointers, get along. */
static void no_self_locking(MPI_File file) {
    MPI_Request requests[4];

    set_view(file, kContiguous);
    memset(data, 9, kBytes);
    for (int i = 0; i < 3; i++)
        OK(MPI_File_iwrite_at(file, 0, data, kBytes, MPI_BYTE, &requests[i]));
    OK(MPI_File_iwrite_shared(file, data, 1000, MPI_BYTE, &requests[3]));
    OK(MPI_Waitall(4, requests, MPI_STATUSES_IGNORE));
    OK(MPI_File_write_shared(file, data, 1000, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_write_ordered(file, data, 1000, MPI_BYTE, MPI_STATUS_IGNORE));
}

/* An access that fails gives its lock back: the next one would wait for minutes. */
static void locks_are_given_back(MPI_File file) {
    MPI_File reader;
    int flag = 0;

    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDONLY, MPI_INFO_NULL, &reader));
    OK(MPI_File_set_atomicity(reader, 1));
    OK(MPI_File_get_atomicity(reader, &flag));
    CHECK(flag == 1);
    FAILS(MPI_ERR_READ_ONLY, MPI_File_write_at(reader, 0, data, 10, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_read_at(reader, 0, data, 10, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_close(&reader));
    /* Memory that is not there. */
    /* Larger than what the program itself copies, which would end it. */
    CHECK(MPI_File_write_at(file, 0, (void*)16, 32 << 20, MPI_BYTE, MPI_STATUS_IGNORE) !=
          MPI_SUCCESS);
    OK(MPI_File_write_at(file, 0, data, 10, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_set_atomicity(file, 0));
    OK(MPI_File_get_atomicity(file, &flag));
    CHECK(flag == 0);
}

int main(int argc, char** argv) {
    MPI_Info info;

    test_start(&argc, &argv);
    const char* option = test_option(argc, argv, "--atomic");
    const int atomic = option == NULL || atoi(option) != 0;
    data = malloc(kBytes);
    spread = malloc(2 * kBytes);
    MPI_Info_create(&info);
    MPI_Info_set(info, "striping_unit", "65536"); /* pieces of one access on every server */
    MPI_File file = test_create(info);
    MPI_Info_free(&info);

    OK(MPI_File_set_atomicity(file, atomic));
    for (int way = 0; way < kWays; way++) {
        at_the_same_time(file, way);
        collective(file, way);
    }
    MPI_Allreduce(MPI_IN_PLACE, &mixtures, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    CHECK((mixtures == 0) == atomic, "mixtures of several accesses");
    if (atomic) {
        no_self_locking(file);
        locks_are_given_back(file);
    }
    test_close_and_remove(&file);
    free(data);
    free(spread);
    return test_end("atomic_mode");
}
