/* SPDX-License-Identifier: MIT */
/* Error classes of the common mistakes, the same on all ranks. */
#include "mpiio_test.h"

static void opening(void) {
    MPI_File file, again;
    char name[4096];

    test_remove(test_file);
    FAILS(MPI_ERR_NO_SUCH_FILE,
          MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDWR, MPI_INFO_NULL, &file));
    FAILS(MPI_ERR_NO_SUCH_FILE, MPI_File_delete(test_file, MPI_INFO_NULL));
    snprintf(name, sizeof(name), "%s.no-such-folder/x", test_file);
    FAILS(MPI_ERR_NO_SUCH_FILE, MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR,
                                              MPI_INFO_NULL, &file));
    file = test_create(MPI_INFO_NULL);
    FAILS(MPI_ERR_FILE_EXISTS,
          MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_RDWR,
                        MPI_INFO_NULL, &again));
    FAILS(MPI_ERR_FILE_EXISTS,
          MPI_File_open(MPI_COMM_SELF, test_file, MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_RDWR,
                        MPI_INFO_NULL, &again));
    snprintf(name, sizeof(name), "%s/x", test_file); /* a file is no folder */
    FAILS(MPI_ERR_BAD_FILE, MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR,
                                          MPI_INFO_NULL, &again));
    memset(name, 'n', sizeof(name));
    memcpy(name, test_file, strlen(test_file));
    name[strlen(test_file) + 1000] = '\0';
    FAILS(MPI_ERR_BAD_FILE, MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR,
                                          MPI_INFO_NULL, &again));
    OK(MPI_File_close(&file));
}

static void wrong_direction(void) {
    MPI_File file;
    MPI_Request request;
    int number = 0, amode = 0;

    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDONLY, MPI_INFO_NULL, &file));
    FAILS(MPI_ERR_READ_ONLY, MPI_File_write_at(file, 0, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    FAILS(MPI_ERR_READ_ONLY, MPI_File_write_all(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    FAILS(MPI_ERR_READ_ONLY, MPI_File_iwrite_at_all(file, 0, &number, 1, MPI_INT, &request));
    FAILS(MPI_ERR_READ_ONLY, MPI_File_set_size(file, 100));
    OK(MPI_File_get_amode(file, &amode));
    CHECK(amode == MPI_MODE_RDONLY);
    OK(MPI_File_close(&file));
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_WRONLY, MPI_INFO_NULL, &file));
    FAILS(MPI_ERR_ACCESS, MPI_File_read_at(file, 0, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    FAILS(MPI_ERR_ACCESS, MPI_File_read_all(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    FAILS(MPI_ERR_ACCESS, MPI_File_iread_at(file, 0, &number, 1, MPI_INT, &request));
    OK(MPI_File_get_amode(file, &amode));
    CHECK(amode == MPI_MODE_WRONLY);
    OK(MPI_File_close(&file));
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    opening();
    wrong_direction();
    test_remove(test_file);
    return test_end("errors");
}
