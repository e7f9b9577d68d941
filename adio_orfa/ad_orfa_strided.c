/* SPDX-License-Identifier: MIT */
/* Noncontiguous reads and writes as vectored transfers: the pieces of the file go to the servers as
 * a pattern where they are regular, else as lists, the pieces of memory as lists. Nothing is
 * sieved: no byte moves that the program did not name. */
#include "ad_orfa.h"

_Static_assert(sizeof(orfa_segment) == sizeof(AdOrfaPiece) &&
                   sizeof(orfa_extent) == sizeof(AdOrfaPiece),
               "an array of pieces is an array of segments and of extents");

static int grow(AdOrfaPieces* pieces) {
    const size_t room = 4 * pieces->room;
    AdOrfaPiece* data =
        realloc(pieces->data == pieces->few ? NULL : pieces->data, room * sizeof(AdOrfaPiece));

    if (data == NULL) return ENOMEM;
    if (pieces->data == pieces->few) memcpy(data, pieces->few, sizeof(pieces->few));
    pieces->data = data;
    pieces->room = room;
    return 0;
}

/* Takes up to `wanted` bytes from the cursor into as many pieces as one call may have. */
static int collect(AdOrfaPieces* pieces, AdOrfaCursor* cursor, MPI_Offset wanted,
                   MPI_Offset* taken) {
    pieces->count = 0;
    *taken = 0;
    while (*taken < wanted) {
        const AdOrfaCursor before = *cursor;
        const uint64_t place = (uint64_t)adio_orfa_place(cursor);
        const MPI_Offset length = adio_orfa_next_run(cursor, wanted - *taken);
        orfa_extent* last = pieces->count > 0 ? &pieces->data[pieces->count - 1].extent : NULL;
        if (last != NULL && last->offset + last->length == place) {
            last->length += (uint64_t)length; /* the end of one instance meets the next */
        } else if (pieces->count == kAdOrfaMaxPieces) {
            *cursor = before;
            return 0;
        } else {
            if (pieces->count == pieces->room && grow(pieces) != 0) return ENOMEM;
            pieces->data[pieces->count++].extent =
                (orfa_extent){.offset = place, .length = (uint64_t)length};
        }
        *taken += length;
    }
    return 0;
}

/* Cuts the list down to its first `bytes` bytes. */
static void trim(AdOrfaPieces* pieces, MPI_Offset total, MPI_Offset bytes) {
    MPI_Offset surplus = total - bytes;

    while (surplus > 0) {
        orfa_extent* last = &pieces->data[pieces->count - 1].extent;
        if (surplus < (MPI_Offset)last->length) {
            last->length -= (uint64_t)surplus;
            return;
        }
        surplus -= (MPI_Offset)last->length;
        pieces->count--;
    }
}

/* A piece of memory is collected as an extent of the address space. */
static void extents_to_segments(AdOrfaPieces* pieces) {
    for (size_t i = 0; i < pieces->count; i++) {
        const orfa_extent extent = pieces->data[i].extent;
        pieces->data[i].segment =
            (orfa_segment){.data = (void*)(uintptr_t)extent.offset, .length = extent.length};
    }
}

int adio_orfa_walk_start(AdOrfaWalk* walk, ADIO_File fd, const void* buffer, MPI_Count count,
                         MPI_Datatype datatype, int pointer_type, ADIO_Offset offset) {
    const AdOrfaFlat* memory = adio_orfa_flatten(datatype, &walk->memory_scratch);
    const AdOrfaFlat* file = adio_orfa_flatten(fd->filetype, &walk->file_scratch);

    walk->segments.data = walk->segments.few;
    walk->extents.data = walk->extents.few;
    walk->segments.room = walk->extents.room = kAdOrfaFewPieces;
    if (memory == NULL || file == NULL) return ENOMEM;
    walk->remaining = memory->size * count;
    if (pointer_type == ADIO_INDIVIDUAL)
        walk->position = adio_orfa_take_position(fd, pointer_type, 0, walk->remaining) - fd->disp;
    else
        walk->position = offset * fd->etype_size;
    if (file->size == 0) walk->remaining = 0; /* such a view shows no byte */
    walk->memory = adio_orfa_seek(memory, (MPI_Offset)(intptr_t)buffer, 0);
    walk->file = adio_orfa_seek(file, fd->disp, walk->position);
    return 0;
}

/* Bytes that a pattern surely can have: as many as there may be ranges where these may be tiny. */
static MPI_Offset pattern_bytes(const AdOrfaFlat* flat) {
    const MPI_Offset least = (MPI_Offset)(ORFA_STRIDED_BYTES / ORFA_STRIDED_RANGES);

    return (MPI_Offset)(flat->size / flat->pieces < least ? ORFA_STRIDED_RANGES
                                                          : ORFA_STRIDED_BYTES);
}

/* Takes up to `wanted` bytes of the file as up to `most` entries of a pattern; the bytes in *taken.
 * Returns the entries; 0 when they are not shorter than a list, and then the cursor stays. */
static size_t collect_strided(AdOrfaWalk* walk, MPI_Offset wanted, size_t most, MPI_Offset* taken) {
    enum { kRangesAnEntry = 8 };
    const AdOrfaCursor before = walk->file;
    uint64_t ranges = 0;
    size_t count = 0;

    *taken = 0;
    while (*taken < wanted && count < most) {
        const orfa_strided entry = adio_orfa_next_strided(&walk->file, wanted - *taken);
        const uint64_t more = (uint64_t)entry.count * entry.repeats;
        ranges += more;
        *taken += (MPI_Offset)(more * entry.length);
        walk->strided[count++] = entry;
    }
    if (ranges >= kRangesAnEntry * count && ranges <= ORFA_STRIDED_RANGES) return count;
    walk->file = before;
    return 0;
}

/* The next part as a pattern of the file: its entries, and its bytes in *bytes; 0 when it is none,
 * or when its memory is better told as each server's share of a long list. */
static size_t next_as_pattern(AdOrfaWalk* walk, MPI_Offset* bytes) {
    enum { kSpare = 4, kFewSegments = 64, kLargeSegment = 2048 };
    const AdOrfaCursor file = walk->file, memory = walk->memory;
    MPI_Offset in_memory;

    if (walk->remaining == 0 || walk->file.flat->contiguous || !walk->file.flat->ascending)
        return 0;
    const MPI_Offset wanted = ADIOI_MIN(walk->remaining, pattern_bytes(walk->file.flat));
    size_t count = collect_strided(walk, wanted, kAdOrfaMaxStrided - kSpare, bytes);
    if (count == 0) return 0;
    if (collect(&walk->segments, &walk->memory, *bytes, &in_memory) != 0) in_memory = 0;
    if (in_memory < *bytes) { /* more segments than one call has room for: a part of the pattern */
        walk->file = file;
        count = collect_strided(walk, in_memory, kAdOrfaMaxStrided, bytes);
    }
    const int scattered = walk->segments.count > kFewSegments &&
                          in_memory / (MPI_Offset)walk->segments.count >= kLargeSegment;
    if (count > 0 && *bytes == in_memory && !scattered) return count;
    walk->file = file;
    walk->memory = memory;
    return 0;
}

/* The next part as lists. 0 or errno. */
static int next_as_lists(AdOrfaWalk* walk, MPI_Offset* bytes) {
    MPI_Offset in_file;

    if (collect(&walk->extents, &walk->file, walk->remaining, &in_file) != 0) return ENOMEM;
    if (collect(&walk->segments, &walk->memory, in_file, bytes) != 0) return ENOMEM;
    if (*bytes < in_file) {
        trim(&walk->extents, in_file, *bytes);
        walk->file = adio_orfa_seek(walk->file.flat, walk->file.origin, walk->position + *bytes);
    }
    return 0;
}

int adio_orfa_walk_next(AdOrfaWalk* walk, orfa_access* access, MPI_Offset* bytes) {
    const size_t strided = next_as_pattern(walk, bytes);

    if (strided == 0 && next_as_lists(walk, bytes) != 0) return ENOMEM;
    extents_to_segments(&walk->segments);
    walk->position += *bytes;
    walk->remaining -= *bytes;
    *access = (orfa_access){.segments = &walk->segments.data->segment,
                            .segment_count = walk->segments.count};
    if (strided > 0) {
        access->strided = walk->strided;
        access->strided_count = strided;
    } else {
        access->extents = &walk->extents.data->extent;
        access->extent_count = walk->extents.count;
    }
    return 0;
}

void adio_orfa_walk_end(AdOrfaWalk* walk) {
    if (walk->segments.data != walk->segments.few) free(walk->segments.data);
    if (walk->extents.data != walk->extents.few) free(walk->extents.data);
}

void adio_orfa_walk_span(const AdOrfaWalk* walk, MPI_Offset* first, MPI_Offset* length) {
    *first = *length = 0;
    if (walk->remaining == 0) return;
    const AdOrfaCursor last =
        adio_orfa_seek(walk->file.flat, walk->file.origin, walk->position + walk->remaining - 1);
    const MPI_Offset from = adio_orfa_place(&walk->file), to = adio_orfa_place(&last);
    if (from <= to) *first = from;
    *length = from <= to ? to - from + 1 : INT64_MAX;
}

/* Pieces that `bytes` of a row of instances lie in, about. */
static uint64_t pieces_of(const AdOrfaFlat* flat, MPI_Offset bytes) {
    if (flat->contiguous) return 1;
    return (uint64_t)(1 + (double)bytes * (double)flat->pieces / (double)flat->size);
}

void adio_orfa_shape(orfa_coll_shape* shape, ADIO_File fd, MPI_Count count, MPI_Datatype datatype,
                     int pointer_type, ADIO_Offset offset) {
    AdOrfaFlat memory_scratch, file_scratch;
    const AdOrfaFlat* memory = adio_orfa_flatten(datatype, &memory_scratch);
    const AdOrfaFlat* file = adio_orfa_flatten(fd->filetype, &file_scratch);
    const MPI_Offset position =
        pointer_type == ADIO_INDIVIDUAL ? fd->fp_ind - fd->disp : offset * fd->etype_size;

    *shape = (orfa_coll_shape){.orderly = file != NULL && file->ascending && !fd->atomicity};
    if (memory == NULL || file == NULL || file->size == 0 || memory->size * count == 0) return;
    const MPI_Offset bytes = memory->size * count;
    const AdOrfaCursor first = adio_orfa_seek(file, fd->disp, position);
    const AdOrfaCursor last = adio_orfa_seek(file, fd->disp, position + bytes - 1);
    shape->bytes = (uint64_t)bytes;
    shape->first = (uint64_t)adio_orfa_place(&first);
    shape->end = (uint64_t)adio_orfa_place(&last) + 1;
    shape->file_pieces = pieces_of(file, bytes);
    shape->memory_pieces = pieces_of(memory, bytes);
}

int adio_orfa_move_rest(AdOrfaWalk* walk, orfa_file* file, int writing, MPI_Offset* moved) {
    orfa_access access;
    MPI_Offset bytes;

    *moved = 0;
    for (;;) {
        const int error = adio_orfa_walk_next(walk, &access, &bytes);
        if (error != 0) return error;
        if (bytes == 0) return 0;
        const ssize_t done = writing ? orfa_writev(file, &access) : orfa_readv(file, &access);
        if (done < 0) return errno;
        *moved += done;
        if (done < bytes) return 0;
    }
}

/* All of it under the lock that atomic mode asks for. */
static int move_all_locked(ADIO_File fd, AdOrfaWalk* walk, int writing, MPI_Offset* moved) {
    MPI_Offset first, length;

    *moved = 0;
    adio_orfa_walk_span(walk, &first, &length);
    int error = adio_orfa_atomic_begin(fd, writing, first, length);
    if (error != 0) return error;
    error = adio_orfa_move_rest(walk, adio_orfa_of(fd)->file, writing, moved);
    const int unlocked = adio_orfa_atomic_end(fd, first, length);
    return error != 0 ? error : unlocked;
}

void adio_orfa_strided(ADIO_File fd, int writing, const void* buf, int count, MPI_Datatype datatype,
                       int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                       int* error_code) {
    AdOrfaWalk walk;
    MPI_Offset moved = 0;
    int error = adio_orfa_walk_start(&walk, fd, buf, count, datatype, file_ptr_type, offset);

    if (error == 0) error = move_all_locked(fd, &walk, writing, &moved);
    adio_orfa_walk_end(&walk);
    adio_orfa_set_status(status, datatype, error == 0 ? moved : 0);
    *error_code = adio_orfa_error(writing ? "ADIOI_ORFA_WRITESTRIDED" : "ADIOI_ORFA_READSTRIDED",
                                  fd->filename, error);
}

void ADIOI_ORFA_ReadStrided(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                            int* error_code) {
    orfa_coll_settle(adio_orfa_of(fd)->coll, fd->comm);
    adio_orfa_strided(fd, 0, buf, count, datatype, file_ptr_type, offset, status, error_code);
}

void ADIOI_ORFA_WriteStrided(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                             int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                             int* error_code) {
    orfa_coll_settle(adio_orfa_of(fd)->coll, fd->comm);
    adio_orfa_strided(fd, 1, buf, count, datatype, file_ptr_type, offset, status, error_code);
}
