/* SPDX-License-Identifier: MIT */
/* Datatypes as lists of blocks, through MPI's envelope and contents calls only. (ROMIO 3.2.1's own
 * flattening gets nested types wrong.) */
#include <pthread.h>

#include "ad_orfa.h"

typedef struct List {
    AdOrfaBlock* blocks;
    size_t count, room;
    int failed; /* no memory */
} List;

/* Makes `block`, of one row, one more piece or more of the one row *last. */
static int joined_in_row(AdOrfaBlock* last, const AdOrfaBlock* block) {
    const MPI_Offset step = block->offset - last->offset;

    if (last->rows > 1 || block->rows > 1 || last->length != block->length) return 0;
    if (last->count > 1 && step != last->count * last->stride) return 0;
    const MPI_Offset stride = last->count > 1 ? last->stride : step;
    if (block->count > 1 && block->stride != stride) return 0;
    last->stride = stride;
    last->count += block->count;
    return 1;
}

/* Makes the rows of `block` further rows of *last. */
static int joined_as_rows(AdOrfaBlock* last, const AdOrfaBlock* block) {
    const MPI_Offset step = block->offset - last->offset;

    if (last->length != block->length || last->count != block->count || last->count == 1 ||
        last->stride != block->stride)
        return 0;
    if (last->rows > 1 && step != last->rows * last->row_stride) return 0;
    const MPI_Offset stride = last->rows > 1 ? last->row_stride : step;
    if (block->rows > 1 && block->row_stride != stride) return 0;
    last->row_stride = stride;
    last->rows += block->rows;
    return 1;
}

/* Makes `block` part of *last where it continues it. */
static int joined(AdOrfaBlock* last, const AdOrfaBlock* block) {
    if (last->count == 1 && block->count == 1 && last->offset + last->length == block->offset) {
        last->length += block->length;
        return 1;
    }
    return joined_in_row(last, block) || joined_as_rows(last, block);
}

/* Without strides of nothing, rows that continue each other, and pieces that touch. */
static void simplify(AdOrfaBlock* block) {
    if (block->count == 1) {
        block->count = block->rows;
        block->stride = block->row_stride;
        block->rows = 1;
    }
    if (block->rows > 1 && block->row_stride == block->count * block->stride) {
        block->count *= block->rows;
        block->rows = 1;
    }
    if (block->count > 1 && block->stride == block->length) {
        block->length *= block->count;
        block->count = 1;
        if (block->rows > 1) {
            simplify(block);
            return;
        }
    }
    if (block->count == 1) block->stride = 0;
    if (block->rows == 1) block->row_stride = 0;
}

/* The last block is complete: it may be a further row of the one before it. */
static void close_row(List* list) {
    if (list->count > 1 &&
        joined_as_rows(&list->blocks[list->count - 2], &list->blocks[list->count - 1]))
        list->count--;
}

static void push(List* list, AdOrfaBlock block) {
    if (block.length == 0 || block.count == 0 || block.rows == 0 || list->failed) return;
    simplify(&block);
    if (list->count > 0 && joined(&list->blocks[list->count - 1], &block)) return;
    close_row(list);
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 16 : 2 * list->room;
        AdOrfaBlock* grown = realloc(list->blocks, room * sizeof(AdOrfaBlock));
        if (grown == NULL) {
            list->failed = 1;
            return;
        }
        list->blocks = grown;
        list->room = room;
    }
    list->blocks[list->count++] = block;
}

static void push_piece(List* list, MPI_Offset offset, MPI_Offset length) {
    push(list, (AdOrfaBlock){.offset = offset, .length = length, .count = 1, .rows = 1});
}

/* One component type of a datatype: its blocks and its extent. */
typedef struct Part {
    List list;
    MPI_Offset extent;
} Part;

static void expand(MPI_Datatype type, List* out);

static Part part_of(MPI_Datatype type) {
    Part part = {0};
    MPI_Count lb, extent;

    MPI_Type_get_extent_x(type, &lb, &extent);
    part.extent = extent;
    expand(type, &part.list);
    return part;
}

/* `count` times the list, `stride` bytes apart, the first at `at`. */
static void repeat_list(const List* list, MPI_Offset count, MPI_Offset stride, MPI_Offset at,
                        List* out) {
    out->failed |= list->failed;
    if (count == 0) return;
    if (list->count == 1 && list->blocks[0].rows == 1) {
        AdOrfaBlock block = list->blocks[0];
        block.offset += at;
        block.row_stride = stride;
        block.rows = count;
        push(out, block);
        return;
    }
    for (MPI_Offset i = 0; i < count; i++) {
        for (size_t k = 0; k < list->count; k++) {
            AdOrfaBlock block = list->blocks[k];
            block.offset += at + i * stride;
            push(out, block);
        }
    }
}

/* `count` instances of `part`, one extent apart, the first at `at`. */
static void repeat(const Part* part, MPI_Offset count, MPI_Offset at, List* out) {
    repeat_list(&part->list, count, part->extent, at, out);
}

/* `count` blocks of `length` instances, `stride` bytes apart. */
static void repeat_blocks(const Part* part, MPI_Offset count, MPI_Offset length, MPI_Offset stride,
                          List* out) {
    List block = {0};

    repeat(part, length, 0, &block);
    repeat_list(&block, count, stride, 0, out);
    free(block.blocks);
}

static void expand_named(MPI_Datatype type, List* out) {
    MPI_Count size, true_lb, true_extent;

    MPI_Type_size_x(type, &size);
    MPI_Type_get_true_extent_x(type, &true_lb, &true_extent);
    if (size == true_extent || size == 0) { /* 0: the bounds' markers of MPI-1 */
        push_piece(out, true_lb, size);
        return;
    }
    /* The one predefined type with a hole inside. */
    struct {
        short first;
        int second;
    } pair;
    push_piece(out, 0, (MPI_Offset)sizeof(pair.first));
    push_piece(out, (char*)&pair.second - (char*)&pair, (MPI_Offset)sizeof(pair.second));
}

/* Ranges of indices that a process owns in one dimension of an array. */
typedef struct Dimension {
    MPI_Offset size;          /* of the whole array */
    MPI_Offset first, length; /* first range */
    MPI_Offset step;          /* to the next range; 0: there is only one */
} Dimension;

/* All elements of the ranges of dimensions[0 .. count - 1] (slowest first), the array at `at`;
 * `stride` is the bytes between neighbours in dimensions[0]. */
static void expand_array(const Part* part, const Dimension* dimensions, int count,
                         MPI_Offset stride, MPI_Offset at, List* out) {
    const Dimension* mine = &dimensions[0];
    const MPI_Offset space = mine->size - mine->first;
    const MPI_Offset length = ADIOI_MIN(mine->length, space);
    List inner = {0}, range = {0};

    if (space <= 0) return;
    if (count == 1)
        repeat(part, 1, 0, &inner);
    else
        expand_array(part, dimensions + 1, count - 1, stride / dimensions[1].size, 0, &inner);
    repeat_list(&inner, length, stride, 0, &range);
    /* Whole ranges, and what the array's end leaves of one more. */
    const MPI_Offset whole = mine->step > 0 ? (space - length) / mine->step + 1 : 1;
    const MPI_Offset next = whole * mine->step;
    at += mine->first * stride;
    repeat_list(&range, whole, mine->step * stride, at, out);
    if (mine->step > 0 && next < space)
        repeat_list(&inner, space - next, stride, at + next * stride, out);
    free(inner.blocks);
    free(range.blocks);
}

static void expand_dimensions(const Part* part, Dimension* dimensions, int count, int order,
                              List* out) {
    MPI_Offset stride = part->extent;

    if (order == MPI_ORDER_FORTRAN) {
        for (int i = 0, j = count - 1; i < j; i++, j--) {
            Dimension swap = dimensions[i];
            dimensions[i] = dimensions[j];
            dimensions[j] = swap;
        }
    }
    for (int i = 1; i < count; i++)
        stride *= dimensions[i].size;
    for (int i = 0; i < count; i++)
        if (dimensions[i].size == 0 || dimensions[i].length == 0) return;
    expand_array(part, dimensions, count, stride, 0, out);
}

static void expand_subarray(const Part* part, const int* ints, List* out) {
    int count = ints[0];
    const int *sizes = ints + 1, *subsizes = sizes + count, *starts = subsizes + count;
    Dimension* dimensions = calloc((size_t)count, sizeof(Dimension));

    if (dimensions == NULL) {
        out->failed = 1;
        return;
    }
    for (int i = 0; i < count; i++)
        dimensions[i] = (Dimension){.size = sizes[i], .first = starts[i], .length = subsizes[i]};
    expand_dimensions(part, dimensions, count, starts[count], out);
    free(dimensions);
}

static void expand_darray(const Part* part, const int* ints, List* out) {
    int processes = ints[0], rank = ints[1], count = ints[2];
    const int *sizes = ints + 3, *distributions = sizes + count;
    const int *arguments = distributions + count, *grid = arguments + count;
    Dimension* dimensions = calloc((size_t)count, sizeof(Dimension));

    if (dimensions == NULL) {
        out->failed = 1;
        return;
    }
    for (int i = 0; i < count; i++) {
        Dimension* d = &dimensions[i];
        MPI_Offset block = arguments[i];
        processes /= grid[i];
        MPI_Offset coordinate = rank / processes;
        rank %= processes;
        d->size = sizes[i];
        if (distributions[i] == MPI_DISTRIBUTE_NONE) {
            d->length = sizes[i];
            continue;
        }
        if (arguments[i] == MPI_DISTRIBUTE_DFLT_DARG)
            block = distributions[i] == MPI_DISTRIBUTE_CYCLIC
                        ? 1
                        : (sizes[i] + (MPI_Offset)grid[i] - 1) / grid[i];
        d->first = coordinate * block;
        d->length = block;
        if (distributions[i] == MPI_DISTRIBUTE_CYCLIC) d->step = block * grid[i];
    }
    expand_dimensions(part, dimensions, count, grid[count], out);
    free(dimensions);
}

/* The constructors with one component type. */
static void expand_simple(int combiner, const Part* part, const int* ints, const MPI_Aint* adds,
                          List* out) {
    const MPI_Offset count = ints[0];

    switch (combiner) {
        case MPI_COMBINER_CONTIGUOUS:
            repeat(part, count, 0, out);
            break;
        case MPI_COMBINER_VECTOR:
            repeat_blocks(part, count, ints[1], ints[2] * part->extent, out);
            break;
        case MPI_COMBINER_HVECTOR:
            repeat_blocks(part, count, ints[1], adds[0], out);
            break;
        case MPI_COMBINER_INDEXED:
            for (MPI_Offset i = 0; i < count; i++)
                repeat(part, ints[1 + i], ints[1 + count + i] * part->extent, out);
            break;
        case MPI_COMBINER_HINDEXED:
            for (MPI_Offset i = 0; i < count; i++)
                repeat(part, ints[1 + i], adds[i], out);
            break;
        case MPI_COMBINER_INDEXED_BLOCK:
            for (MPI_Offset i = 0; i < count; i++)
                repeat(part, ints[1], ints[2 + i] * part->extent, out);
            break;
        case MPI_COMBINER_HINDEXED_BLOCK:
            for (MPI_Offset i = 0; i < count; i++)
                repeat(part, ints[1], adds[i], out);
            break;
        case MPI_COMBINER_SUBARRAY:
            expand_subarray(part, ints, out);
            break;
        case MPI_COMBINER_DARRAY:
            expand_darray(part, ints, out);
            break;
        default: /* DUP, RESIZED: the same bytes */
            repeat(part, 1, 0, out);
            break;
    }
}

static int is_predefined(int combiner) {
    return combiner == MPI_COMBINER_NAMED || combiner == MPI_COMBINER_F90_REAL ||
           combiner == MPI_COMBINER_F90_COMPLEX || combiner == MPI_COMBINER_F90_INTEGER;
}

/* The types that MPI_Type_get_contents returned are references of ours. */
static void release(MPI_Datatype type) {
    int a, b, c, combiner;

    MPI_Type_get_envelope(type, &a, &b, &c, &combiner);
    if (!is_predefined(combiner)) MPI_Type_free(&type);
}

/* Appends the blocks of one instance at the origin. */
static void expand(MPI_Datatype type, List* out) {
    int int_count, add_count, type_count, combiner;

    MPI_Type_get_envelope(type, &int_count, &add_count, &type_count, &combiner);
    if (is_predefined(combiner)) {
        expand_named(type, out);
        return;
    }
    int* ints = calloc((size_t)int_count + 1, sizeof(int));
    MPI_Aint* adds = calloc((size_t)add_count + 1, sizeof(MPI_Aint));
    MPI_Datatype* types = calloc((size_t)type_count + 1, sizeof(MPI_Datatype));
    if (ints == NULL || adds == NULL || types == NULL) {
        out->failed = 1;
    } else {
        MPI_Type_get_contents(type, int_count, add_count, type_count, ints, adds, types);
        for (int i = 0; i < type_count; i++) {
            Part part = part_of(types[i]);
            if (combiner == MPI_COMBINER_STRUCT)
                repeat(&part, ints[1 + i], adds[i], out);
            else
                expand_simple(combiner, &part, ints, adds, out);
            out->failed |= part.list.failed;
            free(part.list.blocks);
            release(types[i]);
        }
    }
    free(ints);
    free(adds);
    free(types);
}

static int is_ascending(const AdOrfaFlat* flat) {
    for (size_t i = 0; i < flat->count; i++) {
        const AdOrfaBlock* block = &flat->blocks[i];
        const MPI_Offset row = (block->count - 1) * block->stride + block->length;
        if (block->count > 1 && block->stride < block->length) return 0;
        if (block->rows > 1 && block->row_stride < row) return 0;
        if (i > 0 && block->offset < adio_orfa_end_of(block - 1)) return 0;
    }
    return flat->count == 0 || adio_orfa_end_of(&flat->blocks[flat->count - 1]) <=
                                   flat->blocks[0].offset + flat->extent;
}

static void finish(AdOrfaFlat* flat, MPI_Datatype type) {
    MPI_Count lb, extent;

    MPI_Type_get_extent_x(type, &lb, &extent);
    flat->extent = extent;
    flat->size = flat->pieces = 0;
    for (size_t i = 0; i < flat->count; i++) {
        AdOrfaBlock* block = &flat->blocks[i];
        block->before = flat->size;
        flat->size += adio_orfa_pieces_of(block) * block->length;
        flat->pieces += adio_orfa_pieces_of(block);
    }
    flat->contiguous = flat->pieces == 1 && flat->blocks[0].offset == 0 && flat->size == extent;
    flat->ascending = is_ascending(flat);
}

static const AdOrfaFlat* flatten_predefined(MPI_Datatype type, AdOrfaFlat* scratch) {
    List list = {.blocks = scratch->own, .room = 2};

    expand_named(type, &list);
    scratch->blocks = scratch->own;
    scratch->count = list.count;
    finish(scratch, type);
    return scratch;
}

static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* protects keyval and getting/setting it */
static int keyval = MPI_KEYVAL_INVALID;

static int forget(MPI_Datatype type, int key, void* value, void* extra) {
    AdOrfaFlat* flat = value;

    (void)type;
    (void)key;
    (void)extra;
    free(flat->blocks);
    free(flat);
    return MPI_SUCCESS;
}

const AdOrfaFlat* adio_orfa_flatten(MPI_Datatype type, AdOrfaFlat* scratch) {
    int a, b, c, combiner, found = 0;
    AdOrfaFlat* flat = NULL;

    MPI_Type_get_envelope(type, &a, &b, &c, &combiner);
    if (is_predefined(combiner)) return flatten_predefined(type, scratch);

    pthread_mutex_lock(&lock);
    if (keyval == MPI_KEYVAL_INVALID)
        MPI_Type_create_keyval(MPI_TYPE_NULL_COPY_FN, forget, &keyval, NULL);
    MPI_Type_get_attr(type, keyval, &flat, &found);
    if (!found) {
        List list = {0};
        flat = calloc(1, sizeof(*flat));
        expand(type, &list);
        close_row(&list);
        if (flat == NULL || list.failed) {
            free(flat);
            free(list.blocks);
            flat = NULL;
        } else {
            flat->blocks = list.blocks;
            flat->count = list.count;
            finish(flat, type);
            MPI_Type_set_attr(type, keyval, flat);
        }
    }
    pthread_mutex_unlock(&lock);
    return flat;
}
