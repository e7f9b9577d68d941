/* SPDX-License-Identifier: MIT */
/* Shared file pointers: no two accesses get the same etypes, in any view, in any kind of call; the
 * pointer belongs to one open and one view; seeking, the end of the file, and what is refused. */
#include "mpiio_test.h"

enum { kRounds = 25, kMost = 5 };

/* A record of `count` etypes is a run of doubles: who, which, count, ... each with its index. */
static double word(int rank, int round, int index) {
    return rank * 1e6 + round * 1e3 + index + 1;
}

static int count_of(int rank, int round) {
    return (int)(test_mix((uint64_t)rank, (uint64_t)round) % (kMost + 1));
}

static MPI_Offset total_of_all(void) {
    MPI_Offset total = 0;

    for (int rank = 0; rank < test_ranks; rank++)
        for (int round = 0; round < kRounds; round++)
            total += count_of(rank, round);
    return total;
}

static void write_records(MPI_File file, int nonblocking) {
    static double data[kRounds][kMost];
    MPI_Request requests[kRounds];
    MPI_Status status;

    for (int round = 0; round < kRounds; round++) {
        const int count = count_of(test_rank, round);
        for (int i = 0; i < count; i++)
            data[round][i] = word(test_rank, round, i);
        if (nonblocking) {
            OK(MPI_File_iwrite_shared(file, data[round], count, MPI_DOUBLE, &requests[round]));
        } else {
            OK(MPI_File_write_shared(file, data[round], count, MPI_DOUBLE, &status));
            CHECK(test_bytes(&status) == 8 * count);
        }
    }
    if (nonblocking) OK(MPI_Waitall(kRounds, requests, MPI_STATUSES_IGNORE));
}

/* Each record is there once and in one piece, those of a rank in their order. */
static void check_records(const double* all, MPI_Offset total, int in_order) {
    int* seen = calloc((size_t)test_ranks * kRounds, sizeof(int));
    int* last = calloc((size_t)test_ranks, sizeof(int));

    for (MPI_Offset at = 0; at < total;) {
        const int64_t first = (int64_t)all[at] - 1;
        const int rank = (int)(first / 1000000), round = (int)(first / 1000 % 1000);
        CHECK(first >= 0 && first % 1000 == 0 && rank < test_ranks && round < kRounds,
              "no record begins here");
        if (test_failures > 0) break;
        CHECK(++seen[rank * kRounds + round] == 1, "a record twice");
        CHECK(!in_order || round >= last[rank], "a rank's records in another order");
        last[rank] = round;
        const int count = count_of(rank, round);
        for (int i = 0; i < count; i++)
            CHECK(at + i < total && all[at + i] == word(rank, round, i), "a record in pieces");
        at += count;
    }
    for (int i = 0; i < test_ranks * kRounds; i++)
        CHECK(seen[i] == (count_of(i / kRounds, i % kRounds) > 0), "a record is missing");
    free(seen);
    free(last);
}

/* All records through the shared pointer, then back through it, one double at a time. */
static void round_trip(MPI_File file, int nonblocking) {
    const MPI_Offset total = total_of_all();
    double* all = calloc((size_t)total, sizeof(double));
    MPI_Offset position = -1;
    MPI_Status status;
    double sum = 0, expected = 0, all_sums = 0;

    OK(MPI_File_get_position_shared(file, &position));
    CHECK(position == 0, "a new view starts at 0");
    MPI_Barrier(MPI_COMM_WORLD);
    write_records(file, nonblocking);
    test_settle(file);
    OK(MPI_File_get_position_shared(file, &position));
    CHECK(position == total);
    OK(MPI_File_read_at(file, 0, all, (int)total, MPI_DOUBLE, &status));
    CHECK(test_bytes(&status) == 8 * total);
    check_records(all, total, !nonblocking || test_ranks == 1);
    for (MPI_Offset i = 0; i < total; i++)
        expected += all[i];
    OK(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
    for (;;) {
        double one = 0;
        MPI_Request request;
        if (nonblocking) {
            OK(MPI_File_iread_shared(file, &one, 1, MPI_DOUBLE, &request));
            OK(MPI_Wait(&request, &status));
        } else {
            OK(MPI_File_read_shared(file, &one, 1, MPI_DOUBLE, &status));
        }
        if (test_bytes(&status) != 8) break; /* beyond the end: the pointer still moves */
        sum += one;
    }
    MPI_Allreduce(&sum, &all_sums, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    CHECK(all_sums == expected, "each was read once");
    OK(MPI_File_get_position_shared(file, &position));
    CHECK(position == total + test_ranks);
    free(all);
}

static void views(MPI_File file) {
    MPI_Datatype holes;

    MPI_Type_vector(3, 1, 2, MPI_DOUBLE, &holes);
    MPI_Type_commit(&holes);
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        OK(MPI_File_set_size(file, 0));
        OK(MPI_File_set_view(file, 0, MPI_DOUBLE, MPI_DOUBLE, "native", MPI_INFO_NULL));
        round_trip(file, nonblocking);
        OK(MPI_File_set_size(file, 0));
        OK(MPI_File_set_view(file, 1001, MPI_DOUBLE, holes, "native", MPI_INFO_NULL));
        round_trip(file, nonblocking);
    }
    MPI_Type_free(&holes);
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
}

/* Ranks run through many views without waiting for each other; none sees another view's pointer. */
static void many_views(MPI_File file) {
    MPI_Offset position = -1;
    int number = 0, sum = 0;

    OK(MPI_File_set_size(file, 0));
    for (int i = 0; i < 150; i++) {
        const MPI_Offset start = (MPI_Offset)i * 4 * test_ranks;
        OK(MPI_File_set_view(file, start, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
        if (i % 3 != 1) OK(MPI_File_write_shared(file, &i, 1, MPI_INT, MPI_STATUS_IGNORE));
    }
    test_settle(file);
    OK(MPI_File_get_position_shared(file, &position));
    CHECK(position == test_ranks);
    OK(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
    for (int i = 0; i < 150 * test_ranks; i++) {
        OK(MPI_File_read_at(file, i, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
        sum += number != (i / test_ranks % 3 != 1 ? i / test_ranks : 0);
    }
    CHECK(sum == 0, "each view's writes lie side by side");
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
}

static void expect_position(int line, MPI_File file, MPI_Offset expected) {
    MPI_Offset position = -1;
    char text[100];

    OK(MPI_File_get_position_shared(file, &position));
    if (position != expected) {
        snprintf(text, sizeof(text), "%lld instead of %lld", (long long)position,
                 (long long)expected);
        test_fail(__FILE__, line, "shared position", text);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

static void seeking(MPI_File file) {
    int number = 7;

    OK(MPI_File_set_size(file, 42)); /* 10 and a half ints */
    OK(MPI_File_set_view(file, 4, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
    OK(MPI_File_seek_shared(file, 5, MPI_SEEK_SET));
    expect_position(__LINE__, file, 5);
    OK(MPI_File_seek_shared(file, -2, MPI_SEEK_CUR));
    expect_position(__LINE__, file, 3);
    OK(MPI_File_seek_shared(file, 2, MPI_SEEK_END));
    expect_position(__LINE__, file, 12); /* the first etype not all there is the tenth */
    FAILS(MPI_ERR_ARG, MPI_File_seek_shared(file, -1, MPI_SEEK_SET));
    FAILS(MPI_ERR_ARG, MPI_File_seek_shared(file, -13, MPI_SEEK_CUR));
    FAILS(MPI_ERR_ARG, MPI_File_seek_shared(file, -11, MPI_SEEK_END));
    FAILS(MPI_ERR_ARG, MPI_File_seek_shared(file, 0, 12345));
    if (test_ranks > 1) {
        FAILS(MPI_ERR_NOT_SAME, MPI_File_seek_shared(file, test_rank == 1, MPI_SEEK_SET));
        FAILS(MPI_ERR_NOT_SAME,
              MPI_File_seek_shared(file, 0, test_rank == 1 ? MPI_SEEK_CUR : MPI_SEEK_SET));
    }
    expect_position(__LINE__, file, 12);
    /* No bytes move nothing; what is no whole number of etypes is refused, and moves nothing. */
    OK(MPI_File_write_shared(file, &number, 0, MPI_INT, MPI_STATUS_IGNORE));
    CHECK(MPI_File_write_shared(file, &number, 3, MPI_BYTE, MPI_STATUS_IGNORE) != MPI_SUCCESS);
    expect_position(__LINE__, file, 12);
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
    expect_position(__LINE__, file, 0);
    /* A view that is refused changes neither the view nor the pointer. */
    OK(MPI_File_seek_shared(file, 9, MPI_SEEK_SET));
    CHECK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "no such", MPI_INFO_NULL) != MPI_SUCCESS);
    expect_position(__LINE__, file, 9);
}

/* Each open has a pointer of its own, also of the same file by the same ranks. */
static void two_opens(MPI_File file) {
    MPI_File again;
    MPI_Offset position = -1;

    OK(MPI_File_seek_shared(file, 3, MPI_SEEK_SET));
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDWR, MPI_INFO_NULL, &again));
    expect_position(__LINE__, again, 0);
    OK(MPI_File_seek_shared(again, 100, MPI_SEEK_SET));
    expect_position(__LINE__, file, 3);
    OK(MPI_File_close(&again));
    expect_position(__LINE__, file, 3);
    OK(MPI_File_open(MPI_COMM_SELF, test_file, MPI_MODE_RDWR, MPI_INFO_NULL, &again));
    OK(MPI_File_seek_shared(again, 1000 + test_rank, MPI_SEEK_SET));
    MPI_Barrier(MPI_COMM_WORLD);
    OK(MPI_File_get_position_shared(again, &position));
    CHECK(position == 1000 + test_rank);
    OK(MPI_File_close(&again));
}

/* Append starts at the end; a sequential file is written and read by the shared pointer alone. */
static void modes(void) {
    MPI_File file;
    int sum = 0, number = 0;
    MPI_Status status;

    test_remove(test_file);
    OK(MPI_File_open(MPI_COMM_WORLD, test_file,
                     MPI_MODE_CREATE | MPI_MODE_WRONLY | MPI_MODE_SEQUENTIAL, MPI_INFO_NULL,
                     &file));
    OK(MPI_File_write_shared(file, &test_rank, 4, MPI_BYTE, MPI_STATUS_IGNORE));
    CHECK(MPI_File_seek_shared(file, 0, MPI_SEEK_SET) != MPI_SUCCESS);
    CHECK(MPI_File_write_at(file, 0, &number, 4, MPI_BYTE, &status) != MPI_SUCCESS);
    /* From where the pointer is: behind what all have written. */
    OK(MPI_File_set_view(file, MPI_DISPLACEMENT_CURRENT, MPI_INT, MPI_INT, "native",
                         MPI_INFO_NULL));
    OK(MPI_File_write_shared(file, &test_rank, 1, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_close(&file));
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDWR | MPI_MODE_APPEND, MPI_INFO_NULL,
                     &file));
    expect_position(__LINE__, file, 8 * test_ranks);
    OK(MPI_File_write_shared(file, &test_rank, 4, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_close(&file));
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDONLY | MPI_MODE_SEQUENTIAL,
                     MPI_INFO_NULL, &file));
    /* What the mode forbids moves no pointer. */
    MPI_Request request;
    FAILS(MPI_ERR_READ_ONLY, MPI_File_write_shared(file, &number, 4, MPI_BYTE, &status));
    FAILS(MPI_ERR_READ_ONLY, MPI_File_iwrite_shared(file, &number, 4, MPI_BYTE, &request));
    FAILS(MPI_ERR_READ_ONLY, MPI_File_write_ordered(file, &number, 4, MPI_BYTE, &status));
    for (int i = 0; i < 3; i++) {
        OK(MPI_File_read_shared(file, &number, 4, MPI_BYTE, &status));
        sum += number;
    }
    MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    CHECK(sum == 3 * test_ranks * (test_ranks - 1) / 2);
    OK(MPI_File_close(&file));
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    MPI_File file = test_create(MPI_INFO_NULL);

    views(file);
    many_views(file);
    seeking(file);
    two_opens(file);
    OK(MPI_File_close(&file));
    modes();
    test_remove(test_file);
    return test_end("shared_pointer");
}
