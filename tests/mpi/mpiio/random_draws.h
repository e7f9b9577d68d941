/* SPDX-License-Identifier: MIT */
/* What random tests draw: numbers, datatypes up to 3 levels deep, hints. All ranks draw the same,
 * so each knows what every other one does. */
#ifndef RANDOM_DRAWS_H
#define RANDOM_DRAWS_H

#include "type_model.h"

enum { kTypeMost = 700 }; /* bytes of a type */

static uint64_t state;

static int pick(int low, int high) {
    state = test_mix(state, 1);
    return low + (int)(state % (uint64_t)(high - low + 1));
}

/* ---- What is written, and what is wrong ---------------------------------------------------- */

static int seed_now, step_now;

/* Byte `i` of call `call` of rank `rank` in this step. */
static unsigned char value(int rank, int call, int i) {
    return (unsigned char)test_mix((uint64_t)(seed_now * 1000 + step_now),
                                   (uint64_t)(rank * 100000 + call * 30000 + i));
}

/* The memory of one call: 0xEE from `low` to below `high` (bytes that the type's instances lie in),
 * and when `writing` the `total` bytes to be written. The address that the type is relative to;
 * + low goes to free(). */
static inline unsigned char* new_data(const Typed* type, int total, int low, int high, int call,
                                      int writing) {
    const size_t span = (size_t)(high - low);
    unsigned char* memory = malloc(span + 1);
    unsigned char* data = memory - low;

    memset(memory, 0xEE, span + 1);
    for (int i = 0; i < total && writing; i++)
        data[typed_place(type, i)] = value(test_rank, call, i);
    return data;
}

/* A failure that names its seed and step. */
static void complain(const char* what, int kind, int writing, long long detail) {
    char text[200];

    snprintf(text, sizeof(text), "- seed %d step %d kind %d %s: %lld", seed_now, step_now, kind,
             writing ? "write" : "read", detail);
    test_fail(__FILE__, __LINE__, what, text);
}

/* Seeds `--first` on, `--seeds` of them, each with one_seed(); by default 20 from 1 on, of 8 steps.
 */
static void run_seeds(int argc, char** argv, void (*one_seed)(int steps)) {
    const char* seeds = test_option(argc, argv, "--seeds");
    const char* first = test_option(argc, argv, "--first");
    const char* steps = test_option(argc, argv, "--steps");
    const int start = first != NULL ? atoi(first) : 1;

    for (int i = 0; i < (seeds != NULL ? atoi(seeds) : 20); i++) {
        seed_now = start + i;
        state = (uint64_t)seed_now;
        one_seed(steps != NULL ? atoi(steps) : 8);
    }
}

/* ---- Random datatypes ---------------------------------------------------------------------- */

/* Displacements in bytes of `count` blocks that do not touch each other. Buffers: in any order, on
 * both sides of 0; files: ascending from 0. */
static void scatter(const Typed* part, int count, const int* lengths, int for_file,
                    MPI_Aint* places) {
    int next = for_file ? pick(0, 9) : pick(-500, 100);

    for (int i = 0; i < count; i++) {
        places[i] = next - (for_file ? 0 : part->lb);
        next += lengths[i] * part->extent + pick(0, 3) * pick(0, 20);
    }
    for (int i = 0; i < count && !for_file; i++) {
        const int k = pick(0, count - 1);
        if (lengths[i] != lengths[k]) continue; /* each fits the other's gap */
        const MPI_Aint swap = places[i];
        places[i] = places[k];
        places[k] = swap;
    }
}

static Typed random_array(const Typed* part) {
    int sizes[3], subsizes[3], starts[3];
    const int dimensions = pick(1, 3);

    for (int i = 0; i < dimensions; i++) {
        sizes[i] = pick(1, 4);
        subsizes[i] = pick(1, sizes[i]);
        starts[i] = pick(0, sizes[i] - subsizes[i]);
    }
    return typed_subarray(part, dimensions, sizes, subsizes, starts,
                          pick(0, 1) ? MPI_ORDER_C : MPI_ORDER_FORTRAN);
}

static Typed random_darray(const Typed* part) {
    static const int all_kinds[] = {MPI_DISTRIBUTE_BLOCK, MPI_DISTRIBUTE_CYCLIC};
    int sizes[2], kinds[2], arguments[2], grid[2];

    for (int i = 0; i < 2; i++) {
        grid[i] = pick(1, 2);
        sizes[i] = pick(grid[i], 6);
        kinds[i] = all_kinds[pick(0, 1)];
        arguments[i] = MPI_DISTRIBUTE_DFLT_DARG;
        if (kinds[i] == MPI_DISTRIBUTE_CYCLIC && sizes[i] / 2 > 0)
            arguments[i] = pick(1, sizes[i] / 2);
    }
    return typed_darray(part, pick(0, grid[0] * grid[1] - 1), 2, sizes, kinds, arguments, grid,
                        pick(0, 1) ? MPI_ORDER_C : MPI_ORDER_FORTRAN);
}

/* One more level around `part`. */
static Typed wrap(const Typed* part, int for_file) {
    int lengths[4];
    MPI_Aint places[4];
    const int count = pick(1, 4), length = pick(1, 2);

    for (int i = 0; i < count; i++)
        lengths[i] = pick(0, 5) == 0 ? 0 : pick(1, 2);
    lengths[0] = 1;
    switch (pick(0, 9)) {
        case 0:
            return typed_contiguous(part, count);
        case 1:
            return typed_vector(part, count, length, length + pick(0, 3));
        case 2:
            return typed_hvector(
                part, count, length,
                (for_file || pick(0, 1) ? 1 : -1) * (length * part->extent + pick(0, 40)));
        case 3:
            scatter(part, count, lengths, for_file, places);
            return typed_hindexed(part, count, lengths, places);
        case 4:
            for (int i = 0; i < count; i++)
                lengths[i] = length;
            scatter(part, count, lengths, for_file, places);
            return typed_hindexed_block(part, count, length, places);
        case 5:
            return typed_indexed(part, count, lengths, (int[]){0, 2 + length, 7, 10});
        case 6:
            scatter(part, count, lengths, for_file, places);
            return typed_struct(part, part, count, lengths, places);
        case 7:
            return random_array(part);
        case 8:
            return random_darray(part);
        default:
            return for_file
                       ? typed_resized(part, part->lb, part->extent + pick(0, 60))
                       : typed_resized(part, part->lb - pick(0, 30), part->extent + pick(30, 60));
    }
}

static const MPI_Datatype kBasics[] = {MPI_BYTE, MPI_INT, MPI_DOUBLE};
static const int kBasicSizes[] = {1, 4, 8};

static Typed random_type(int basic, int for_file) {
    Typed type = typed_basic(kBasics[basic], kBasicSizes[basic], pick(1, 4));

    for (int depth = pick(0, 3); depth > 0; depth--) {
        Typed outer = wrap(&type, for_file);
        if (outer.count == 0 || outer.count > kTypeMost || outer.extent > 4000 ||
            outer.extent <= 0) {
            typed_free(&outer);
            continue;
        }
        typed_free(&type);
        type = outer;
    }
    return type;
}

/* ---- Random hints -------------------------------------------------------------------------- */

static void maybe_set(MPI_Info info, const char* key, const char* const* values, int count) {
    const int chosen = pick(0, 2 * count - 1); /* the same numbers are drawn on every rank */

    if (chosen < count) MPI_Info_set(info, key, values[chosen]);
}

/* Now and then every rank has its own. The caller frees it. */
static MPI_Info random_hints(void) {
    static const char* const ways[] = {"auto", "independent", "twophase", "server"};
    static const char* const romio[] = {"enable", "disable", "automatic"};
    static const char* const nodes[] = {"1", "2", "3", "16"};
    static const char* const buffers[] = {"4096", "10000", "65536", "1048576"};
    static const char* const units[] = {"4096", "12288", "65536"};
    const int differ = pick(0, 3) == 0;
    const uint64_t common = state;
    MPI_Info info;

    if (differ) state = test_mix(state, (uint64_t)test_rank);
    MPI_Info_create(&info);
    maybe_set(info, "orfa_collective", ways, 4);
    maybe_set(info, "romio_cb_write", romio, 3);
    maybe_set(info, "romio_cb_read", romio, 3);
    maybe_set(info, "cb_nodes", nodes, 4);
    maybe_set(info, "cb_buffer_size", buffers, 4);
    maybe_set(info, "striping_unit", units, 3);
    if (differ) state = test_mix(common, 2);
    return info;
}

#endif
