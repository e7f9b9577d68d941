// SPDX-License-Identifier: MIT
// An ordinary parallel HDF5 program, with nothing of ORFA in it: a 3-D field written in hyperslabs
// by all ranks, once contiguous and once chunked, with attributes; closed, opened again, every
// value checked by ranks that did not write it.
//
//   mpirun -np 4 hdf5_demo FILE
#include <mpi.h>

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kX = 64, kY = 128, kZ = 128 };  // 8 MiB of doubles for each field

static int rank, ranks;

#define CHECK(call) check_call((long long)(call), #call)

static long long check_call(long long result, const char* call) {
    if (result < 0) {
        fprintf(stderr, "hdf5_demo: rank %d: failed: %s\n", rank, call);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    return result;
}

static double field(hsize_t x, hsize_t y, hsize_t z, int which) {
    return (double)((x * kY + y) * kZ + z) + 0.25 * which;
}

// The ranks' shares: slabs of x planes, rounded so that they cover the field.
static void share_of(int who, hsize_t start[3], hsize_t count[3]) {
    hsize_t first = (hsize_t)who * kX / (hsize_t)ranks;

    memset(start, 0, 3 * sizeof start[0]);
    start[0] = first;
    count[0] = (hsize_t)(who + 1) * kX / (hsize_t)ranks - first;
    count[1] = kY;
    count[2] = kZ;
}

static void write_attributes(hid_t object) {
    double spacing[3] = {0.5, 0.25, 0.125};
    hsize_t three = 3;
    const char* unit = "kelvin";
    hid_t space = (hid_t)CHECK(H5Screate_simple(1, &three, NULL));
    hid_t scalar = (hid_t)CHECK(H5Screate(H5S_SCALAR));
    hid_t text = (hid_t)CHECK(H5Tcopy(H5T_C_S1));
    hid_t attribute;

    CHECK(H5Tset_size(text, strlen(unit) + 1));
    attribute = (hid_t)CHECK(
        H5Acreate2(object, "spacing", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT));
    CHECK(H5Awrite(attribute, H5T_NATIVE_DOUBLE, spacing));
    CHECK(H5Aclose(attribute));
    attribute = (hid_t)CHECK(H5Acreate2(object, "unit", text, scalar, H5P_DEFAULT, H5P_DEFAULT));
    CHECK(H5Awrite(attribute, text, unit));
    CHECK(H5Aclose(attribute));
    CHECK(H5Tclose(text));
    CHECK(H5Sclose(scalar));
    CHECK(H5Sclose(space));
}

static void check_attributes(hid_t object) {
    double spacing[3] = {0, 0, 0};
    hid_t attribute = (hid_t)CHECK(H5Aopen(object, "spacing", H5P_DEFAULT));

    CHECK(H5Aread(attribute, H5T_NATIVE_DOUBLE, spacing));
    CHECK(H5Aclose(attribute));
    CHECK(spacing[0] == 0.5 && spacing[1] == 0.25 && spacing[2] == 0.125 ? 0 : -1);
}

static hid_t transfer_mode(H5FD_mpio_xfer_t mode) {
    hid_t list = (hid_t)CHECK(H5Pcreate(H5P_DATASET_XFER));

    CHECK(H5Pset_dxpl_mpio(list, mode));
    return list;
}

// Moves the share of `who` between memory and the data set.
static void move(hid_t set, int who, double* values, int writing, H5FD_mpio_xfer_t mode) {
    hsize_t start[3], count[3];
    hid_t file_space = (hid_t)CHECK(H5Dget_space(set)), memory_space, list = transfer_mode(mode);

    share_of(who, start, count);
    memory_space = (hid_t)CHECK(H5Screate_simple(3, count, NULL));
    CHECK(H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, count, NULL));
    if (writing)
        CHECK(H5Dwrite(set, H5T_NATIVE_DOUBLE, memory_space, file_space, list, values));
    else
        CHECK(H5Dread(set, H5T_NATIVE_DOUBLE, memory_space, file_space, list, values));
    CHECK(H5Pclose(list));
    CHECK(H5Sclose(memory_space));
    CHECK(H5Sclose(file_space));
}

static void write_field(hid_t group, const char* name, int which, int chunked, double* values) {
    hsize_t whole[3] = {kX, kY, kZ}, chunk[3] = {16, 32, 64}, start[3], count[3], x, y, z;
    hid_t space = (hid_t)CHECK(H5Screate_simple(3, whole, NULL));
    hid_t list = (hid_t)CHECK(H5Pcreate(H5P_DATASET_CREATE)), set;
    double* value = values;

    if (chunked) CHECK(H5Pset_chunk(list, 3, chunk));
    set = (hid_t)CHECK(
        H5Dcreate2(group, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    share_of(rank, start, count);
    for (x = 0; x < count[0]; ++x)
        for (y = 0; y < count[1]; ++y)
            for (z = 0; z < count[2]; ++z)
                *value++ = field(start[0] + x, y, z, which);
    // One of the two by collective calls, the other by independent ones.
    move(set, rank, values, 1, chunked ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT);
    write_attributes(set);
    CHECK(H5Dclose(set));
    CHECK(H5Pclose(list));
    CHECK(H5Sclose(space));
}

static void check_field(hid_t group, const char* name, int which, double* values) {
    hsize_t start[3], count[3], x, y, z;
    hid_t set = (hid_t)CHECK(H5Dopen2(group, name, H5P_DEFAULT));
    int who = (rank + 1) % ranks;
    double* value = values;

    check_attributes(set);
    share_of(who, start, count);
    move(set, who, values, 0, which == 0 ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT);
    for (x = 0; x < count[0]; ++x)
        for (y = 0; y < count[1]; ++y)
            for (z = 0; z < count[2]; ++z, ++value) {
                if (*value == field(start[0] + x, y, z, which)) continue;
                fprintf(stderr, "hdf5_demo: rank %d: %s[%llu][%llu][%llu] is %g\n", rank, name,
                        (unsigned long long)(start[0] + x), (unsigned long long)y,
                        (unsigned long long)z, *value);
                MPI_Abort(MPI_COMM_WORLD, 1);
            }
    CHECK(H5Dclose(set));
}

int main(int argc, char** argv) {
    double start, *values;
    hid_t list, file, group;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (argc != 2) {
        if (rank == 0) fprintf(stderr, "usage: mpirun -np N hdf5_demo FILE\n");
        MPI_Finalize();
        return 2;
    }
    values = calloc(((size_t)kX / (size_t)ranks + 1) * kY * kZ, sizeof *values);
    CHECK(values == NULL ? -1 : 0);
    start = MPI_Wtime();
    list = (hid_t)CHECK(H5Pcreate(H5P_FILE_ACCESS));
    CHECK(H5Pset_fapl_mpio(list, MPI_COMM_WORLD, MPI_INFO_NULL));

    file = (hid_t)CHECK(H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, list));
    group = (hid_t)CHECK(H5Gcreate2(file, "fields", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    write_field(group, "contiguous", 0, 0, values);
    write_field(group, "chunked", 1, 1, values);
    CHECK(H5Gclose(group));
    CHECK(H5Fclose(file));

    file = (hid_t)CHECK(H5Fopen(argv[1], H5F_ACC_RDONLY, list));
    group = (hid_t)CHECK(H5Gopen2(file, "fields", H5P_DEFAULT));
    check_field(group, "contiguous", 0, values);
    check_field(group, "chunked", 1, values);
    CHECK(H5Gclose(group));
    CHECK(H5Fclose(file));
    CHECK(H5Pclose(list));

    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        printf(
            "  two fields of %d x %d x %d doubles by %d ranks in %.1f ms, all values and "
            "attributes right\n",
            kX, kY, kZ, ranks, (MPI_Wtime() - start) * 1e3);
    free(values);
    MPI_Finalize();
    return 0;
}
