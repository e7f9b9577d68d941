/* SPDX-License-Identifier: MIT */
/* Views and buffers of nested datatypes, each written and read back against a model in memory:
 * every constructor, three levels deep, blocks of no length, bounds that are moved, buffers whose
 * pieces lie before their address. */
#include "type_model.h"

enum { kFileSize = 1 << 18, kMemory = 1 << 16 };

static unsigned char model[kFileSize], memory[2 * kMemory], expected[2 * kMemory], back[kFileSize];

static int bytes_of_view(const Typed* view, int wanted) {
    return wanted - wanted % view->count; /* whole instances */
}

/* Writes through `view` (at `displacement`) from `buffer` pieces around memory + kMemory. */
static void one_case(MPI_File file, const char* name, const Typed* view, const Typed* buffer,
                     int displacement) {
    const int count = 3, total = buffer->count * count, skip = bytes_of_view(view, 5 * view->count);
    const int offset = skip + view->count / 2; /* starts inside an instance */
    MPI_Status status;
    char text[200];

    memset(model, 0, sizeof(model));
    test_fill(memory, sizeof(memory), (uint64_t)total);
    for (int i = 0; i < total; i++)
        model[displacement + typed_place(view, offset + i)] =
            memory[kMemory + typed_place(buffer, i)];
    OK(MPI_File_set_size(file, 0));
    OK(MPI_File_set_size(file, kFileSize));
    OK(MPI_File_set_view(file, displacement, MPI_BYTE, view->type, "native", MPI_INFO_NULL));
    OK(MPI_File_write_at(file, offset, memory + kMemory, count, buffer->type, &status));
    CHECK(test_bytes(&status) == total);
    memset(memory, 0xEE, sizeof(memory));
    memset(expected, 0xEE, sizeof(expected));
    for (int i = 0; i < total; i++)
        expected[kMemory + typed_place(buffer, i)] =
            model[displacement + typed_place(view, offset + i)];
    OK(MPI_File_read_at(file, offset, memory + kMemory, count, buffer->type, &status));
    CHECK(test_bytes(&status) == total);
    CHECK(memcmp(memory, expected, sizeof(memory)) == 0, "memory behind a read");
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
    OK(MPI_File_read_at(file, 0, back, kFileSize, MPI_BYTE, &status));
    for (int i = 0; i < kFileSize; i++) {
        if (back[i] == model[i]) continue;
        snprintf(text, sizeof(text), "differs at byte %d", i);
        test_fail(__FILE__, __LINE__, name, text);
        return;
    }
}

typedef struct Case {
    const char* name;
    Typed typed;
} Case;

/* File types: monotone, from 0 on. */
static int make_views(Case* cases) {
    static const int sizes[] = {6, 5, 4}, subsizes[] = {2, 3, 2}, starts[] = {1, 1, 2};
    static const int lengths[] = {1, 0, 2, 1}, places[] = {0, 2, 3, 7};
    static const MPI_Aint bytes[] = {3, 200, 487, 2000};
    static const int kinds[] = {MPI_DISTRIBUTE_CYCLIC, MPI_DISTRIBUTE_BLOCK}, grid[] = {2, 2};
    static const int arguments[] = {2, MPI_DISTRIBUTE_DFLT_DARG}, shape[] = {9, 7};
    int n = 0;
    const Typed byte = typed_basic(MPI_BYTE, 1, 1), real = typed_basic(MPI_DOUBLE, 8, 1);
    const Typed cube = typed_subarray(&byte, 3, sizes, subsizes, starts, MPI_ORDER_C);
    const Typed slab = typed_subarray(&real, 2, sizes, subsizes, starts, MPI_ORDER_FORTRAN);
    const Typed comb = typed_vector(&real, 3, 1, 2);
    const Typed spread = typed_darray(&real, 1, 2, shape, kinds, arguments, grid, MPI_ORDER_C);

    cases[n++] = (Case){"bytes", byte};
    cases[n++] = (Case){"subarray", cube};
    cases[n++] = (Case){"indexed of subarray", typed_indexed(&cube, 4, lengths, places)};
    cases[n++] = (Case){"hindexed of subarray", typed_hindexed(&cube, 4, lengths, bytes)};
    cases[n++] = (Case){"darray", spread};
    cases[n++] = (Case){"vector of vector", typed_vector(&comb, 2, 2, 3)};
    const Typed deep = typed_hindexed(&slab, 4, lengths, bytes);
    cases[n++] = (Case){"resized hindexed of subarray", typed_resized(&deep, 0, 2777)};
    cases[n++] = (Case){"struct", typed_struct(&cube, &slab, 4, lengths, bytes)};
    const Typed blocks = typed_indexed_block(&comb, 4, 1, places);
    cases[n++] = (Case){"hindexed block of indexed block of vector",
                        typed_hindexed_block(&blocks, 2, 1, (MPI_Aint[]){40, 5000})};
    return n;
}

/* Buffers may have any order and lie on both sides of their address. */
static int make_buffers(Case* cases) {
    static const int lengths[] = {2, 0, 1}, places[] = {5, -20, -3};
    static const MPI_Aint bytes[] = {900, 100, -1300};
    static const int sizes[] = {4, 6}, subsizes[] = {2, 3}, starts[] = {1, 2};
    int n = 0;
    const Typed bytes16 = typed_basic(MPI_BYTE, 1, 16), real = typed_basic(MPI_DOUBLE, 8, 3);
    const Typed backwards = typed_hvector(&real, 4, 1, -56);
    const Typed tile = typed_subarray(&real, 2, sizes, subsizes, starts, MPI_ORDER_FORTRAN);

    cases[n++] = (Case){"contiguous", bytes16};
    cases[n++] = (Case){"backwards", backwards};
    cases[n++] =
        (Case){"before its address", typed_hindexed(&bytes16, 1, (int[]){2}, (MPI_Aint[]){-700})};
    cases[n++] = (Case){"indexed", typed_indexed(&real, 3, lengths, places)};
    cases[n++] =
        (Case){"struct of subarray and vector", typed_struct(&tile, &backwards, 3, lengths, bytes)};
    const Typed moved = typed_resized(&tile, -24, 700);
    cases[n++] = (Case){"resized", typed_vector(&moved, 2, 1, 2)};
    cases[n++] = (Case){"dup of vector", typed_dup(&backwards)};
    return n;
}

int main(int argc, char** argv) {
    static Case views[16], buffers[16];
    char text[200];

    test_start(&argc, &argv);
    if (test_rank != 0) return test_end("strided"); /* the work is one rank's */
    const int view_count = make_views(views), buffer_count = make_buffers(buffers);
    MPI_File file;
    MPI_File_delete(test_file, MPI_INFO_NULL);
    OK(MPI_File_open(MPI_COMM_SELF, test_file,
                     MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL,
                     &file));
    for (int i = 0; i < view_count; i++)
        for (int k = 0; k < buffer_count; k++) {
            snprintf(text, sizeof(text), "view: %s, buffer: %s", views[i].name, buffers[k].name);
            one_case(file, text, &views[i].typed, &buffers[k].typed, i % 2 * 1001);
        }
    OK(MPI_File_close(&file));
    return test_end("strided");
}
