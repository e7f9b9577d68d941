// SPDX-License-Identifier: MIT
// An ordinary MPI-IO program, with nothing of ORFA in it: one shared file, three ways to write it,
// each read back by other ranks in another way, and every value checked.
//
//   mpirun -np 4 mpi_io_demo FILE
#include <mpi.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    kValues = 1 << 19,  // per rank: 4 MiB
    kStrip = 1 << 9,    // values in turn for each rank: 4 KiB
    kSide = 1024        // the collective part's matrix: 8 MiB
};

static int rank, ranks;
static MPI_Info hints = MPI_INFO_NULL;

static void check(int error, const char* what) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;

    if (error == MPI_SUCCESS) return;
    MPI_Error_string(error, text, &length);
    fprintf(stderr, "mpi_io_demo: rank %d: %s: %s\n", rank, what, text);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

// What belongs at a place of the file: different everywhere, and in every part.
static uint64_t value_at(uint64_t index, uint64_t part) {
    return (index + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ part << 56;
}

static MPI_File open_file(const char* name, int mode) {
    MPI_File file;

    check(MPI_File_open(MPI_COMM_WORLD, name, mode, hints, &file), "open");
    return file;
}

static uint64_t* new_values(size_t count) {
    uint64_t* values = calloc(count, sizeof *values);

    if (values == NULL) check(MPI_ERR_NO_MEM, "memory");
    return values;
}

static void expect(uint64_t found, uint64_t wanted, const char* part, uint64_t index) {
    if (found == wanted) return;
    fprintf(stderr, "mpi_io_demo: rank %d: %s: value %llu is %016llx instead of %016llx\n", rank,
            part, (unsigned long long)index, (unsigned long long)found, (unsigned long long)wanted);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void report(const char* part, double seconds, double bytes) {
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        printf("  %-44s %5.0f MiB in %6.1f ms, all values right\n", part, bytes / (1 << 20),
               seconds * 1e3);
        fflush(stdout);
    }
}

// Each rank writes its own segment; the next rank reads it.
static void contiguous(const char* name) {
    uint64_t* values = new_values(kValues);
    uint64_t first = (uint64_t)rank * kValues;
    double start = MPI_Wtime();
    MPI_File file = open_file(name, MPI_MODE_CREATE | MPI_MODE_RDWR);

    for (uint64_t i = 0; i < kValues; ++i)
        values[i] = value_at(first + i, 1);
    check(MPI_File_write_at(file, (MPI_Offset)(first * 8), values, kValues, MPI_UINT64_T,
                            MPI_STATUS_IGNORE),
          "write_at");
    check(MPI_File_close(&file), "close");

    file = open_file(name, MPI_MODE_RDONLY);
    first = (uint64_t)((rank + 1) % ranks) * kValues;
    check(MPI_File_read_at(file, (MPI_Offset)(first * 8), values, kValues, MPI_UINT64_T,
                           MPI_STATUS_IGNORE),
          "read_at");
    for (uint64_t i = 0; i < kValues; ++i)
        expect(values[i], value_at(first + i, 1), "contiguous", first + i);
    check(MPI_File_close(&file), "close");
    report("contiguous segments, independent", MPI_Wtime() - start, 2.0 * 8 * kValues * ranks);
    free(values);
}

// Ranks take turns, strip by strip, through a vector view; read back as contiguous segments.
static void strided(const char* name) {
    uint64_t* values = new_values(kValues);
    uint64_t first = (uint64_t)rank * kValues;
    double start = MPI_Wtime();
    MPI_File file = open_file(name, MPI_MODE_RDWR);
    MPI_Datatype strips;

    check(MPI_Type_vector(kValues / kStrip, kStrip, kStrip * ranks, MPI_UINT64_T, &strips), "type");
    check(MPI_Type_commit(&strips), "type");
    check(MPI_File_set_view(file, (MPI_Offset)rank * kStrip * 8, MPI_UINT64_T, strips, "native",
                            hints),
          "view");
    for (uint64_t i = 0; i < kValues; ++i) {
        uint64_t index = (i / kStrip * (uint64_t)ranks + (uint64_t)rank) * kStrip + i % kStrip;
        values[i] = value_at(index, 2);
    }
    check(MPI_File_write(file, values, kValues, MPI_UINT64_T, MPI_STATUS_IGNORE), "write");
    check(MPI_File_close(&file), "close");

    file = open_file(name, MPI_MODE_RDONLY);
    check(MPI_File_read_at(file, (MPI_Offset)(first * 8), values, kValues, MPI_UINT64_T,
                           MPI_STATUS_IGNORE),
          "read_at");
    for (uint64_t i = 0; i < kValues; ++i)
        expect(values[i], value_at(first + i, 2), "strided", first + i);
    check(MPI_File_close(&file), "close");
    MPI_Type_free(&strips);
    report("strips of 4 KiB through a vector view", MPI_Wtime() - start, 2.0 * 8 * kValues * ranks);
    free(values);
}

// A matrix written by blocks of rows and read by blocks of columns, all ranks together.
static void collective(const char* name) {
    int rows = kSide / ranks, columns = kSide / ranks;
    int whole[2] = {rows * ranks, columns * ranks};
    int rows_at[2] = {rank * rows, 0}, rows_size[2] = {rows, whole[1]};
    int columns_at[2] = {0, rank * columns}, columns_size[2] = {whole[0], columns};
    size_t by_rows = (size_t)rows * (size_t)whole[1],
           by_columns = (size_t)whole[0] * (size_t)columns;
    uint64_t* values = new_values(by_rows > by_columns ? by_rows : by_columns);
    MPI_Datatype row_block, column_block;
    double start = MPI_Wtime();
    MPI_File file = open_file(name, MPI_MODE_RDWR);

    check(MPI_Type_create_subarray(2, whole, rows_size, rows_at, MPI_ORDER_C, MPI_UINT64_T,
                                   &row_block),
          "type");
    check(MPI_Type_create_subarray(2, whole, columns_size, columns_at, MPI_ORDER_C, MPI_UINT64_T,
                                   &column_block),
          "type");
    check(MPI_Type_commit(&row_block), "type");
    check(MPI_Type_commit(&column_block), "type");

    for (size_t i = 0; i < by_rows; ++i)
        values[i] = value_at((uint64_t)rank * by_rows + i, 3);
    check(MPI_File_set_view(file, 0, MPI_UINT64_T, row_block, "native", hints), "view");
    check(MPI_File_write_all(file, values, (int)by_rows, MPI_UINT64_T, MPI_STATUS_IGNORE),
          "write_all");
    check(MPI_File_close(&file), "close");

    file = open_file(name, MPI_MODE_RDONLY);
    check(MPI_File_set_view(file, 0, MPI_UINT64_T, column_block, "native", hints), "view");
    check(MPI_File_read_all(file, values, (int)by_columns, MPI_UINT64_T, MPI_STATUS_IGNORE),
          "read_all");
    for (size_t i = 0; i < by_columns; ++i) {
        uint64_t row = i / (size_t)columns, column = (size_t)columns_at[1] + i % (size_t)columns;
        uint64_t index = row * (uint64_t)whole[1] + column;
        expect(values[i], value_at(index, 3), "collective", index);
    }
    check(MPI_File_close(&file), "close");
    MPI_Type_free(&row_block);
    MPI_Type_free(&column_block);
    report("matrix by rows, then by columns, collective", MPI_Wtime() - start,
           16.0 * whole[0] * whole[1]);
    free(values);
}

// What the file system says it does with the file.
static void show_hints(const char* name) {
    static const char* const names[] = {"striping_factor", "striping_unit", "start_iodevice"};
    MPI_File file = open_file(name, MPI_MODE_RDONLY);
    MPI_Info info = MPI_INFO_NULL;
    MPI_Offset size = 0;
    char value[MPI_MAX_INFO_VAL + 1];
    int found;

    check(MPI_File_get_info(file, &info), "get_info");
    check(MPI_File_get_size(file, &size), "get_size");
    if (rank == 0) {
        printf("  %s: %lld bytes", name, (long long)size);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
            MPI_Info_get(info, names[i], MPI_MAX_INFO_VAL, value, &found);
            if (found) printf(", %s=%s", names[i], value);
        }
        printf("\n");
    }
    MPI_Info_free(&info);
    check(MPI_File_close(&file), "close");
}

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (argc != 2) {
        if (rank == 0) fprintf(stderr, "usage: mpirun -np N mpi_io_demo FILE\n");
        MPI_Finalize();
        return 2;
    }
    contiguous(argv[1]);
    strided(argv[1]);
    collective(argv[1]);
    show_hints(argv[1]);
    MPI_Finalize();
    return 0;
}
