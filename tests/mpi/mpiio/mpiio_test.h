/* SPDX-License-Identifier: MIT */
/* What the MPI-IO tests share. Each program tests one behaviour:
 *
 *     mpirun -np 4 PROGRAM FILE [options]
 *
 * FILE is created anew and deleted again. Exit code 0: all is well; 1: a line on standard error
 * says what is not; 77: not tried here, and why. A test that hangs fails by the runner's time
 * limit.
 */
#ifndef MPIIO_TEST_H
#define MPIIO_TEST_H

#include <mpi.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_rank, test_ranks, test_failures;
static const char* test_file;

#define CHECK(condition, ...)                                                        \
    do {                                                                             \
        if (!(condition)) test_fail(__FILE__, __LINE__, #condition, "" __VA_ARGS__); \
    } while (0)

/* A call that must succeed. */
#define OK(call) test_ok(__FILE__, __LINE__, #call, (call))
/* A call that must fail with this error class. */
#define FAILS(class, call) test_class(__FILE__, __LINE__, #call, (call), (class), #class)

static inline void test_fail(const char* file, int line, const char* what, const char* detail) {
    if (test_failures++ < 5)
        fprintf(stderr, "FAIL %s:%d rank %d: %s %s\n", file, line, test_rank, what, detail);
}

static inline void test_ok(const char* file, int line, const char* what, int code) {
    char text[MPI_MAX_ERROR_STRING];
    int length;

    if (code == MPI_SUCCESS) return;
    MPI_Error_string(code, text, &length);
    test_fail(file, line, what, text);
}

static inline void test_class(const char* file, int line, const char* what, int code, int expected,
                              const char* expected_name) {
    char text[2 * MPI_MAX_ERROR_STRING];
    int class = MPI_SUCCESS, length = 0;

    if (code != MPI_SUCCESS) MPI_Error_class(code, &class);
    if (class == expected) return;
    const int start = snprintf(text, sizeof(text), "- expected %s, got ", expected_name);
    MPI_Error_string(code, text + start, &length);
    test_fail(file, line, what, text);
}

static inline void test_start(int* argc, char*** argv) {
    int provided;

    MPI_Init_thread(argc, argv, MPI_THREAD_MULTIPLE, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &test_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &test_ranks);
    if (*argc < 2) {
        fprintf(stderr, "usage: %s FILE [options]\n", (*argv)[0]);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    test_file = (*argv)[1];
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}

/* The value of the option `--name=value`, or NULL. */
static inline const char* test_option(int argc, char** argv, const char* name) {
    const size_t length = strlen(name);

    for (int i = 2; i < argc; i++)
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return argv[i] + length + 1;
    return NULL;
}

/* Says the result and ends MPI; the value is main's. */
static inline int test_end(const char* name) {
    int all = 0;

    MPI_Allreduce(&test_failures, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (test_rank == 0) {
        if (all == 0)
            printf("ok: %s\n", name);
        else
            fprintf(stderr, "%s: %d checks failed\n", name, all);
    }
    MPI_Finalize();
    return all == 0 ? 0 : 1;
}

static inline int test_skip(const char* why) {
    if (test_rank == 0) printf("skipped: %s\n", why);
    MPI_Finalize();
    return 77;
}

/* Deletes `name` if it is there, on rank 0; all wait for it. */
static inline void test_remove(const char* name) {
    if (test_rank == 0) MPI_File_delete(name, MPI_INFO_NULL);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* The test's file, new and empty, open for reading and writing on all ranks. */
static inline MPI_File test_create(MPI_Info info) {
    MPI_File file = MPI_FILE_NULL;

    test_remove(test_file);
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_RDWR,
                     info, &file));
    if (file == MPI_FILE_NULL) MPI_Abort(MPI_COMM_WORLD, 1);
    return file;
}

static inline void test_close_and_remove(MPI_File* file) {
    OK(MPI_File_close(file));
    test_remove(test_file);
}

/* What any rank wrote before is seen by every rank behind this. */
static inline void test_settle(MPI_File file) {
    OK(MPI_File_sync(file));
    MPI_Barrier(MPI_COMM_WORLD);
    OK(MPI_File_sync(file));
}

/* A number that looks random, the same for the same arguments everywhere. */
static inline uint64_t test_mix(uint64_t a, uint64_t b) {
    uint64_t x = a * 0x9E3779B97F4A7C15u + b + 0x632BE59BD9B4E019u;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static inline void test_fill(unsigned char* data, size_t length, uint64_t seed) {
    for (size_t i = 0; i < length; i++)
        data[i] = (unsigned char)test_mix(seed, i);
}

/* Index of the first byte that is not test_fill()'s, or `length`. */
static inline size_t test_compare(const unsigned char* data, size_t length, uint64_t seed) {
    for (size_t i = 0; i < length; i++)
        if (data[i] != (unsigned char)test_mix(seed, i)) return i;
    return length;
}

static inline MPI_Count test_bytes(const MPI_Status* status) {
    MPI_Count bytes = -1;

    MPI_Get_elements_x((MPI_Status*)status, MPI_BYTE, &bytes);
    return bytes;
}

#endif
