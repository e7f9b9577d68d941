/* SPDX-License-Identifier: MIT */
/* Places in endless rows of instances of a datatype: finding them, and walking on piece by piece,
 * run by run or by whole rows of pieces. */
#include "ad_orfa.h"

/* The block that holds byte `position` (0 .. size - 1) of the type. */
static size_t block_of(const AdOrfaFlat* flat, MPI_Offset position) {
    size_t low = 0, high = flat->count; /* blocks[low].before <= position < blocks[high].before */

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (flat->blocks[middle].before <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

AdOrfaCursor adio_orfa_seek(const AdOrfaFlat* flat, MPI_Offset origin, MPI_Offset position) {
    AdOrfaCursor cursor = {.flat = flat, .origin = origin};

    if (flat->contiguous || flat->size == 0) {
        cursor.within = position;
        return cursor;
    }
    cursor.tile = position / flat->size;
    position %= flat->size;
    cursor.block = block_of(flat, position);
    const AdOrfaBlock* block = &flat->blocks[cursor.block];
    position -= block->before;
    cursor.piece = position / block->length;
    cursor.within = position % block->length;
    return cursor;
}

MPI_Offset adio_orfa_place(const AdOrfaCursor* cursor) {
    const AdOrfaFlat* flat = cursor->flat;

    if (flat->contiguous || flat->size == 0) return cursor->origin + cursor->within;
    const AdOrfaBlock* block = &flat->blocks[cursor->block];
    const MPI_Offset row = block->rows > 1 ? cursor->piece / block->count : 0;
    return cursor->origin + cursor->tile * flat->extent + block->offset + row * block->row_stride +
           (cursor->piece - row * block->count) * block->stride + cursor->within;
}

/* Moves the cursor to the start of a piece `pieces` on; not beyond the end of its block, but in
 * types of one block as far as you like. */
static void skip_pieces(AdOrfaCursor* cursor, MPI_Offset pieces) {
    const AdOrfaFlat* flat = cursor->flat;
    const MPI_Offset count = adio_orfa_pieces_of(&flat->blocks[cursor->block]);

    cursor->within = 0;
    cursor->piece += pieces;
    if (cursor->piece < count) return;
    if (++cursor->block == flat->count) {
        cursor->block = 0;
        cursor->tile += flat->count == 1 ? cursor->piece / count : 1;
    }
    cursor->piece %= count;
}

MPI_Offset adio_orfa_next_run(AdOrfaCursor* cursor, MPI_Offset wanted) {
    const AdOrfaFlat* flat = cursor->flat;

    if (flat->contiguous) {
        cursor->within += wanted;
        return wanted;
    }
    const MPI_Offset left = flat->blocks[cursor->block].length - cursor->within;
    if (wanted < left) {
        cursor->within += wanted;
        return wanted;
    }
    skip_pieces(cursor, 1);
    return left;
}

/* Pieces from the cursor on at one distance: of its row, or of all instances where a type of one
 * row goes on at that distance. */
static MPI_Offset pieces_alike(const AdOrfaCursor* cursor, MPI_Offset* stride) {
    const AdOrfaFlat* flat = cursor->flat;
    const AdOrfaBlock* block = &flat->blocks[cursor->block];

    *stride = block->stride;
    if (flat->count > 1 || block->rows > 1) return block->count - cursor->piece % block->count;
    if (block->count == 1) *stride = flat->extent;
    return *stride * block->count == flat->extent ? INT64_MAX : block->count - cursor->piece;
}

orfa_coll_run adio_orfa_next_runs(AdOrfaCursor* cursor, MPI_Offset wanted) {
    const AdOrfaFlat* flat = cursor->flat;
    orfa_coll_run run = {.start = (uint64_t)adio_orfa_place(cursor), .count = 1};
    MPI_Offset stride;

    if (flat->contiguous || cursor->within > 0 || wanted < 2 * flat->blocks[cursor->block].length) {
        run.length = (uint64_t)adio_orfa_next_run(cursor, wanted);
        return run;
    }
    const MPI_Offset length = flat->blocks[cursor->block].length;
    const MPI_Offset alike = pieces_alike(cursor, &stride);
    const MPI_Offset count = ADIOI_MIN(alike, wanted / length);
    skip_pieces(cursor, count);
    run.length = (uint64_t)length;
    run.stride = stride;
    run.count = (uint64_t)count;
    return run;
}

/* Whole rows from the cursor on at one distance: of its block, or of all instances where a type is
 * one row. */
static MPI_Offset rows_alike(const AdOrfaCursor* cursor, MPI_Offset* stride) {
    const AdOrfaFlat* flat = cursor->flat;
    const AdOrfaBlock* block = &flat->blocks[cursor->block];

    if (cursor->piece % block->count > 0) return 0;
    if (flat->count == 1 && block->rows == 1) {
        *stride = flat->extent;
        return INT64_MAX;
    }
    *stride = block->row_stride;
    return block->rows - cursor->piece / block->count;
}

orfa_strided adio_orfa_next_strided(AdOrfaCursor* cursor, MPI_Offset wanted) {
    const AdOrfaBlock* block =
        cursor->flat->contiguous ? NULL : &cursor->flat->blocks[cursor->block];
    const uint64_t start = (uint64_t)adio_orfa_place(cursor);

    if (block != NULL && block->count > 1 && cursor->within == 0) {
        const MPI_Offset row = block->count * block->length;
        MPI_Offset stride = 0;
        const MPI_Offset alike = ADIOI_MIN(rows_alike(cursor, &stride), wanted / row);
        if (alike > 1) {
            const MPI_Offset rows = ADIOI_MIN(alike, UINT32_MAX);
            const orfa_strided whole = {.offset = start,
                                        .length = (uint64_t)block->length,
                                        .stride = (uint64_t)block->stride,
                                        .repeat_stride = (uint64_t)stride,
                                        .count = (uint32_t)block->count,
                                        .repeats = (uint32_t)rows};
            skip_pieces(cursor, rows * block->count);
            return whole;
        }
    }
    const orfa_coll_run run = adio_orfa_next_runs(cursor, wanted);
    return (orfa_strided){.offset = run.start,
                          .length = run.length,
                          .stride = (uint64_t)run.stride,
                          .count = (uint32_t)run.count,
                          .repeats = 1};
}

/* Bytes of the block before the first one that lies at `limit` or beyond. */
static MPI_Offset block_bytes_before(const AdOrfaBlock* block, MPI_Offset limit) {
    MPI_Offset left = limit - block->offset;

    if (left <= 0) return 0;
    const MPI_Offset rows =
        block->row_stride > 0 ? ADIOI_MIN(left / block->row_stride, block->rows - 1) : 0;
    left -= rows * block->row_stride;
    const MPI_Offset pieces =
        block->stride > 0 ? ADIOI_MIN(left / block->stride, block->count - 1) : 0;
    left -= pieces * block->stride;
    return (rows * block->count + pieces) * block->length + ADIOI_MIN(left, block->length);
}

MPI_Offset adio_orfa_bytes_before(const AdOrfaFlat* flat, MPI_Offset origin, MPI_Offset limit) {
    MPI_Offset distance = limit - origin, tiles = 0;
    size_t low = 0, high = flat->count;

    if (flat->size == 0) return 0;
    if (flat->contiguous) return ADIOI_MAX(distance, 0);
    /* Instances that end before the limit; file types are monotone, so the last block ends last. */
    const MPI_Offset end = adio_orfa_end_of(&flat->blocks[flat->count - 1]);
    if (distance >= end && flat->extent > 0) tiles = (distance - end) / flat->extent + 1;
    distance -= tiles * flat->extent;
    while (high - low > 1) { /* the last block that begins before the limit, or the first of all */
        const size_t middle = low + (high - low) / 2;
        if (flat->blocks[middle].offset < distance)
            low = middle;
        else
            high = middle;
    }
    const AdOrfaBlock* block = &flat->blocks[low];
    return tiles * flat->size + block->before + block_bytes_before(block, distance);
}
