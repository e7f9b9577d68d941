/* SPDX-License-Identifier: MIT */
/* Delete on close, append, independent opens of one file, and files that several handles have open.
 */
#include "mpiio_test.h"

static void delete_on_close(void) {
    MPI_File file;
    int number = -1;

    test_remove(test_file);
    OK(MPI_File_open(MPI_COMM_WORLD, test_file,
                     MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL,
                     &file));
    OK(MPI_File_write_at_all(file, 4 * test_rank, &test_rank, 1, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_read_at_all(file, 0, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    CHECK(number == 0);
    OK(MPI_File_close(&file));
    FAILS(MPI_ERR_NO_SUCH_FILE,
          MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDONLY, MPI_INFO_NULL, &file));
}

static void append(void) {
    MPI_File file;
    MPI_Offset position = -1;
    int numbers[3] = {0, 1, 2}, back[6] = {0};

    file = test_create(MPI_INFO_NULL);
    if (test_rank == 0) OK(MPI_File_write_at(file, 0, numbers, 3, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_close(&file));
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDWR | MPI_MODE_APPEND, MPI_INFO_NULL,
                     &file));
    OK(MPI_File_get_position(file, &position));
    CHECK(position == 3 * sizeof(int), "append opens at the end, on every rank");
    if (test_rank == 0) OK(MPI_File_write(file, numbers, 3, MPI_INT, MPI_STATUS_IGNORE));
    test_settle(file);
    OK(MPI_File_read_at(file, 0, back, 6, MPI_INT, MPI_STATUS_IGNORE));
    for (int i = 0; i < 6; i++)
        CHECK(back[i] == i % 3);
    MPI_Barrier(MPI_COMM_WORLD);
    /* Append is about where the pointer starts: explicit offsets are what they say. */
    if (test_rank == 0) {
        OK(MPI_File_write_at(file, 0, &numbers[2], 1, MPI_INT, MPI_STATUS_IGNORE));
        OK(MPI_File_read_at(file, 0, back, 1, MPI_INT, MPI_STATUS_IGNORE));
        CHECK(back[0] == 2);
    }
    test_close_and_remove(&file);
}

/* Every rank for itself, through MPI_COMM_SELF, and two handles at once. */
static void independent_opens(void) {
    MPI_File mine, shared;
    char name[4096];
    int number = -1;

    shared = test_create(MPI_INFO_NULL);
    OK(MPI_File_open(MPI_COMM_SELF, test_file, MPI_MODE_RDWR, MPI_INFO_NULL, &mine));
    OK(MPI_File_write_at(mine, 4 * test_rank, &test_rank, 1, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_close(&mine));
    MPI_Barrier(MPI_COMM_WORLD);
    OK(MPI_File_read_at_all(shared, 4 * (test_ranks - 1), &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    CHECK(number == test_ranks - 1);
    snprintf(name, sizeof(name), "%s.%d", test_file, test_rank);
    OK(MPI_File_open(MPI_COMM_SELF, name,
                     MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL,
                     &mine));
    OK(MPI_File_write(mine, &test_rank, 1, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_close(&mine));
    test_close_and_remove(&shared);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    for (int i = 0; i < 5; i++) {
        delete_on_close();
        append();
        independent_opens();
    }
    return test_end("open_modes");
}
