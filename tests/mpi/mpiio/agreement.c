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
    return test_end("agreement");
}
