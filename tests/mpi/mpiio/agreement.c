/* SPDX-License-Identifier: MIT */
/* A collective call that fails on one rank fails on all of them with one error class, and hangs on
 * none; the file works on behind it. Whichever way collective calls go. */
#include "mpiio_test.h"

static void expect_failure(int line, const char* what, int code) {
    int class = MPI_SUCCESS, least, most;

    MPI_Error_class(code, &class);
    MPI_Allreduce(&class, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    MPI_Allreduce(&class, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    if (class == MPI_SUCCESS) test_fail(__FILE__, line, what, "- succeeded on this rank");
    if (least != most) test_fail(__FILE__, line, what, "- the ranks' error classes differ");
}

/* Rank 1's access is no whole number of etypes; the others' accesses are fine. */
static void bad_arguments(MPI_File file) {
    const int bytes = test_rank == 1 ? 3 : 4;
    char data[4] = {0};

    OK(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
    expect_failure(
        __LINE__, "write_at_all",
        MPI_File_write_at_all(file, test_rank, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE));
    expect_failure(__LINE__, "read_at_all",
                   MPI_File_read_at_all(file, test_rank, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE));
    expect_failure(__LINE__, "write_all",
                   MPI_File_write_all(file, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
}

/* Rank 1 writes behind the largest offset a file can have; only the servers know. */
static void refused_by_servers(MPI_File file) {
    const MPI_Offset offset = test_rank == 1 ? INT64_MAX - 10 : 100 * test_rank;
    char data[100] = {0};

    expect_failure(__LINE__, "write_at_all",
                   MPI_File_write_at_all(file, offset, data, 100, MPI_BYTE, MPI_STATUS_IGNORE));
}

static void works_still(MPI_File file) {
    int number = 0;

    OK(MPI_File_write_at_all(file, 4 * test_rank, &test_rank, 4, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_read_at_all(file, 4 * (test_ranks - 1), &number, 4, MPI_BYTE, MPI_STATUS_IGNORE));
    CHECK(number == test_ranks - 1);
}

/* Rank 1's view is refused and it keeps the one before. The calls behind that are the first ones of
 * a new view for the others. */
static void refused_view(MPI_File file) {
    const int refused = test_rank == 1;
    const char* datarep = refused ? "runes" : "native";

    const int code = MPI_File_set_view(file, 0, MPI_INT, MPI_INT, datarep, MPI_INFO_NULL);
    if (refused)
        FAILS(MPI_ERR_UNSUPPORTED_DATAREP, code);
    else
        OK(code);
    OK(MPI_File_write_at_all(file, 0, NULL, 0, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
}

/* Rank 1 is refused where the others agree on where the shared file pointer of a sequential file
 * stands. Nobody hangs, and the others' view begins there. */
static void refused_sequential_view(void) {
    MPI_File file = MPI_FILE_NULL;
    const int mode = MPI_MODE_CREATE | MPI_MODE_WRONLY | MPI_MODE_SEQUENTIAL;
    int number = -1;

    test_remove(test_file);
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, mode, MPI_INFO_NULL, &file));
    OK(MPI_File_write_ordered(file, &test_rank, 4, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_set_view(file, MPI_DISPLACEMENT_CURRENT, MPI_INT, MPI_INT, "native",
                         MPI_INFO_NULL));
    OK(MPI_File_write_ordered(file, &test_rank, 1, MPI_INT, MPI_STATUS_IGNORE));
    for (int i = 0; i < 2; i++) {
        const char* datarep = test_rank == 1 && i == 0 ? "runes" : "native";
        const MPI_Offset disp = test_rank == 1 && i == 1 ? 8 : MPI_DISPLACEMENT_CURRENT;
        const int code = MPI_File_set_view(file, disp, MPI_INT, MPI_INT, datarep, MPI_INFO_NULL);
        if (test_rank == 1)
            CHECK(code != MPI_SUCCESS);
        else
            OK(code);
    }
    /* Rank 0's view begins behind the two rounds of numbers. */
    if (test_rank == 0) OK(MPI_File_write_shared(file, &test_ranks, 1, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_close(&file));
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDONLY, MPI_INFO_NULL, &file));
    for (int i = 0; i < 2 * test_ranks + 1; i++) {
        OK(MPI_File_read_at(file, 4 * i, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
        CHECK(number == (i < 2 * test_ranks ? i % test_ranks : test_ranks));
    }
    test_close_and_remove(&file);
}

/* Rank 1's displacement is refused before anything else is looked at. */
static void refused_displacement(void) {
    MPI_File file = test_create(MPI_INFO_NULL);
    const int code =
        MPI_File_set_view(file, test_rank == 1 ? -5 : 4, MPI_INT, MPI_INT, "native", MPI_INFO_NULL);

    CHECK((code == MPI_SUCCESS) == (test_rank != 1));
    OK(MPI_File_write_at_all(file, 0, NULL, 0, MPI_INT, MPI_STATUS_IGNORE));
    test_close_and_remove(&file);
}

static void one_way(const char* way) {
    MPI_Info info;

    MPI_Info_create(&info);
    MPI_Info_set(info, "orfa_collective", way);
    MPI_File file = test_create(info);
    MPI_Info_free(&info);
    bad_arguments(file);
    works_still(file);
    refused_by_servers(file);
    works_still(file);
    refused_view(file);
    works_still(file);
    test_close_and_remove(&file);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    if (test_ranks < 2) return test_skip("needs two ranks");
    one_way("auto");
    one_way("independent");
    one_way("twophase");
    one_way("server");
    refused_displacement();
    refused_sequential_view();
    return test_end("agreement");
}
