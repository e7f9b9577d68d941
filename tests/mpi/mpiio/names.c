/* SPDX-License-Identifier: MIT */
/* File names: colons in them, and folders that this machine does not have. FILE's folder must exist
 * in the file system under test. */
#include "mpiio_test.h"

static void round_trip(const char* name, int amode) {
    MPI_File file;
    int number = 0;

    test_remove(name);
    OK(MPI_File_open(MPI_COMM_WORLD, name, amode, MPI_INFO_NULL, &file));
    OK(MPI_File_write_at_all(file, 4 * test_rank, &test_rank, 1, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_close(&file));
    OK(MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_RDONLY, MPI_INFO_NULL, &file));
    OK(MPI_File_read_at_all(file, 4 * (test_ranks - 1), &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    CHECK(number == test_ranks - 1, "in another file than was written?");
    OK(MPI_File_close(&file));
    MPI_Barrier(MPI_COMM_WORLD);
    if (test_rank == 0) {
        OK(MPI_File_delete(name, MPI_INFO_NULL));
        FAILS(MPI_ERR_NO_SUCH_FILE, MPI_File_delete(name, MPI_INFO_NULL));
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

int main(int argc, char** argv) {
    static const char* const endings[] = {"",        ":1",     ".run:2:3", ":", " with space",
                                          ".orfa:x", "-ufs:/y"};
    char name[4096];

    test_start(&argc, &argv);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", test_file, endings[i]);
        if (strchr(endings[i], '/') != NULL) { /* names a folder that is not there */
            MPI_File file;
            FAILS(MPI_ERR_NO_SUCH_FILE,
                  MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR,
                                MPI_INFO_NULL, &file));
            continue;
        }
        round_trip(name, MPI_MODE_CREATE | MPI_MODE_RDWR);
        round_trip(name, MPI_MODE_CREATE | MPI_MODE_WRONLY);
    }
    return test_end("names");
}
