/* SPDX-License-Identifier: MIT */
/* Datatypes together with the list of their bytes, made by hand beside MPI's constructors: the
 * model that tests compare with. */
#ifndef TYPE_MODEL_H
#define TYPE_MODEL_H

#include "mpiio_test.h"

/* A committed datatype; at[i] is where its i-th byte lies, from the origin. */
typedef struct Typed {
    MPI_Datatype type;
    int count; /* bytes */
    int* at;
    int lb, extent; /* as MPI says */
} Typed;

static inline Typed typed_begin(int most_bytes) {
    Typed result = {.type = MPI_DATATYPE_NULL};

    result.at = malloc(sizeof(int) * (size_t)(most_bytes > 0 ? most_bytes : 1));
    return result;
}

static inline Typed typed_end(Typed result) {
    MPI_Aint lb, extent;

    MPI_Type_commit(&result.type);
    MPI_Type_get_extent(result.type, &lb, &extent);
    result.lb = (int)lb;
    result.extent = (int)extent;
    return result;
}

static inline void typed_free(Typed* typed) {
    free(typed->at);
    MPI_Type_free(&typed->type);
}

/* Appends `count` instances of `part`, the first with its origin at `at`. */
static inline void typed_append(Typed* result, const Typed* part, int count, int at) {
    for (int i = 0; i < count; i++)
        for (int k = 0; k < part->count; k++)
            result->at[result->count++] = at + i * part->extent + part->at[k];
}

/* `count` elements of a predefined type of `size` bytes. */
static inline Typed typed_basic(MPI_Datatype basic, int size, int count) {
    Typed result = typed_begin(size * count);

    for (int i = 0; i < size * count; i++)
        result.at[result.count++] = i;
    MPI_Type_contiguous(count, basic, &result.type);
    return typed_end(result);
}

static inline Typed typed_contiguous(const Typed* part, int count) {
    Typed result = typed_begin(part->count * count);

    typed_append(&result, part, count, 0);
    MPI_Type_contiguous(count, part->type, &result.type);
    return typed_end(result);
}

static inline Typed typed_vector(const Typed* part, int count, int length, int stride) {
    Typed result = typed_begin(part->count * count * length);

    for (int i = 0; i < count; i++)
        typed_append(&result, part, length, i * stride * part->extent);
    MPI_Type_vector(count, length, stride, part->type, &result.type);
    return typed_end(result);
}

static inline Typed typed_hvector(const Typed* part, int count, int length, int stride) {
    Typed result = typed_begin(part->count * count * length);

    for (int i = 0; i < count; i++)
        typed_append(&result, part, length, i * stride);
    MPI_Type_create_hvector(count, length, stride, part->type, &result.type);
    return typed_end(result);
}

static inline int typed_sum(const int* lengths, int count) {
    int sum = 0;

    for (int i = 0; i < count; i++)
        sum += lengths[i];
    return sum;
}

/* Displacements in extents. */
static inline Typed typed_indexed(const Typed* part, int count, const int* lengths,
                                  const int* displacements) {
    Typed result = typed_begin(part->count * typed_sum(lengths, count));

    for (int i = 0; i < count; i++)
        typed_append(&result, part, lengths[i], displacements[i] * part->extent);
    MPI_Type_indexed(count, lengths, displacements, part->type, &result.type);
    return typed_end(result);
}

/* Displacements in bytes. */
static inline Typed typed_hindexed(const Typed* part, int count, const int* lengths,
                                   const MPI_Aint* displacements) {
    Typed result = typed_begin(part->count * typed_sum(lengths, count));

    for (int i = 0; i < count; i++)
        typed_append(&result, part, lengths[i], (int)displacements[i]);
    MPI_Type_create_hindexed(count, lengths, displacements, part->type, &result.type);
    return typed_end(result);
}

static inline Typed typed_indexed_block(const Typed* part, int count, int length,
                                        const int* displacements) {
    Typed result = typed_begin(part->count * count * length);

    for (int i = 0; i < count; i++)
        typed_append(&result, part, length, displacements[i] * part->extent);
    MPI_Type_create_indexed_block(count, length, displacements, part->type, &result.type);
    return typed_end(result);
}

static inline Typed typed_hindexed_block(const Typed* part, int count, int length,
                                         const MPI_Aint* displacements) {
    Typed result = typed_begin(part->count * count * length);

    for (int i = 0; i < count; i++)
        typed_append(&result, part, length, (int)displacements[i]);
    MPI_Type_create_hindexed_block(count, length, displacements, part->type, &result.type);
    return typed_end(result);
}

/* Blocks of two kinds in turn. */
static inline Typed typed_struct(const Typed* one, const Typed* two, int count, const int* lengths,
                                 const MPI_Aint* displacements) {
    MPI_Datatype types[16];
    Typed result = typed_begin((one->count + two->count) * typed_sum(lengths, count));

    for (int i = 0; i < count; i++) {
        types[i] = i % 2 == 0 ? one->type : two->type;
        typed_append(&result, i % 2 == 0 ? one : two, lengths[i], (int)displacements[i]);
    }
    MPI_Type_create_struct(count, lengths, displacements, types, &result.type);
    return typed_end(result);
}

static inline Typed typed_resized(const Typed* part, int lb, int extent) {
    Typed result = typed_begin(part->count);

    typed_append(&result, part, 1, 0);
    MPI_Type_create_resized(part->type, lb, extent, &result.type);
    return typed_end(result);
}

static inline Typed typed_dup(const Typed* part) {
    Typed result = typed_begin(part->count);

    typed_append(&result, part, 1, 0);
    MPI_Type_dup(part->type, &result.type);
    return typed_end(result);
}

/* Elements of an array (at most 3 dimensions) for which owns[dimension][index] is set, in the
 * array's order in memory. */
static inline void typed_elements(Typed* result, const Typed* part, int dimensions,
                                  const int* sizes, char owns[3][64], int order) {
    int slow[3] = {0, 1, 2}, index[3], total = 1;

    if (order == MPI_ORDER_FORTRAN)
        for (int i = 0; i < dimensions; i++)
            slow[i] = dimensions - 1 - i;
    for (int i = 0; i < dimensions; i++)
        total *= sizes[i];
    for (int element = 0; element < total; element++) {
        int rest = element, mine = 1;
        for (int i = dimensions - 1; i >= 0; i--) { /* the fastest first */
            index[slow[i]] = rest % sizes[slow[i]];
            rest /= sizes[slow[i]];
        }
        for (int i = 0; i < dimensions; i++)
            mine = mine && owns[i][index[i]];
        if (mine) typed_append(result, part, 1, element * part->extent);
    }
}

static inline Typed typed_subarray(const Typed* part, int dimensions, const int* sizes,
                                   const int* subsizes, const int* starts, int order) {
    char owns[3][64] = {{0}};
    int total = 1;

    for (int i = 0; i < dimensions; i++) {
        total *= subsizes[i];
        for (int k = 0; k < subsizes[i]; k++)
            owns[i][starts[i] + k] = 1;
    }
    Typed result = typed_begin(part->count * total);
    typed_elements(&result, part, dimensions, sizes, owns, order);
    MPI_Type_create_subarray(dimensions, sizes, subsizes, starts, order, part->type, &result.type);
    return typed_end(result);
}

/* `arguments`: block sizes, or MPI_DISTRIBUTE_DFLT_DARG. */
static inline Typed typed_darray(const Typed* part, int rank, int dimensions, const int* sizes,
                                 const int* kinds, const int* arguments, const int* grid,
                                 int order) {
    char owns[3][64] = {{0}};
    int processes = 1, total = 1, rest, all;

    for (int i = 0; i < dimensions; i++)
        processes *= grid[i];
    for (int i = 0, left = processes, r = rank; i < dimensions; i++) {
        left /= grid[i];
        const int me = r / left;
        r %= left;
        int block = arguments[i];
        if (block == MPI_DISTRIBUTE_DFLT_DARG)
            block = kinds[i] == MPI_DISTRIBUTE_CYCLIC ? 1 : (sizes[i] + grid[i] - 1) / grid[i];
        all = 0;
        for (int k = 0; k < sizes[i]; k++) {
            owns[i][k] = kinds[i] == MPI_DISTRIBUTE_NONE || (k / block) % grid[i] == me;
            all += owns[i][k];
        }
        total *= all;
    }
    rest = part->count * total;
    Typed result = typed_begin(rest);
    typed_elements(&result, part, dimensions, sizes, owns, order);
    MPI_Type_create_darray(processes, rank, dimensions, sizes, kinds, arguments, grid, order,
                           part->type, &result.type);
    return typed_end(result);
}

/* Where byte `position` of an endless row of instances lies. */
static inline long long typed_place(const Typed* typed, long long position) {
    return position / typed->count * typed->extent + typed->at[position % typed->count];
}

#endif
