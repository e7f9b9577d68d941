/* SPDX-License-Identifier: MIT */
/* Opens the file on all ranks together, and closes it: nothing else. */
#include "mpiio_test.h"

int main(int argc, char** argv) {
    MPI_File file;

    test_start(&argc, &argv);
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL,
                     &file));
    OK(MPI_File_close(&file));
    return test_end("open_close");
}
