/* SPDX-License-Identifier: MIT */
/* Collective reads and writes. The way is chosen by collective/orfa_coll.h: each rank moves its own
 * pieces, or the ranks exchange them first. At the end all agree on the outcome; that agreement is
 * also the synchronisation that programs expect behind a collective write: what any rank wrote is
 * there for all when the call returns. Where a rank runs ahead of others instead, it waits for them
 * before it does anything else with the file (orfa_coll_settle()). */
#include "ad_orfa.h"
#include "adio_orfa/romio/io_orfa.h"

/* One rank's part of a collective call. */
typedef struct Call {
    ADIO_File fd;
    int writing;
    void* buf;
    int count;
    MPI_Datatype datatype;
    int file_ptr_type;
    ADIO_Offset offset;
} Call;

static const char* function_of(const Call* call) {
    return call->writing ? "ADIOI_ORFA_WRITESTRIDEDCOLL" : "ADIOI_ORFA_READSTRIDEDCOLL";
}

static int is_contiguous(const Call* call) {
    int memory, file;

    ADIOI_Datatype_iscontig(call->datatype, &memory);
    ADIOI_Datatype_iscontig(call->fd->filetype, &file);
    return memory && file;
}

/* Each rank for itself. */
static void move_own(const Call* call, ADIO_Status* status, int* error_code) {
    ADIO_File fd = call->fd;
    const ADIO_Offset bytes = call->file_ptr_type == ADIO_INDIVIDUAL
                                  ? call->offset
                                  : fd->disp + call->offset * fd->etype_size;

    if (is_contiguous(call))
        adio_orfa_contiguous(fd, call->writing, call->buf, call->count, call->datatype,
                             call->file_ptr_type, bytes, status, error_code);
    else
        adio_orfa_strided(fd, call->writing, call->buf, call->count, call->datatype,
                          call->file_ptr_type, call->offset, status, error_code);
}

/* Writes `length` bytes at `offset`, but for what ranks ahead write: 0 or errno. */
static int write_around(AdOrfaFile* file, const char* data, uint64_t offset, uint64_t length) {
    const uint64_t stop = offset + length;
    uint64_t first, end;

    for (uint64_t at = offset, next; at < stop; at = next) {
        int theirs = 0;
        next = stop;
        for (size_t i = 0; orfa_coll_left_alone(file->coll, i, &first, &end); i++) {
            if (first <= at && at < end) {
                theirs = 1;
                next = ADIOI_MIN(end, stop);
                break;
            }
            if (first > at && first < next) next = first;
        }
        if (!theirs && orfa_pwrite(file->file, data + (at - offset), next - at, at) < 0)
            return errno;
    }
    return 0;
}

/* As move_own() for a write of which ranks ahead write some bytes; piece by piece, as it is rare.
 */
static void move_around(const Call* call, ADIO_Status* status, int* error_code) {
    AdOrfaWalk walk;
    MPI_Offset in_file = 0, in_memory = 0;
    MPI_Offset offset = 0, address = 0;
    int error = adio_orfa_walk_start(&walk, call->fd, call->buf, call->count, call->datatype,
                                     call->file_ptr_type, call->offset);
    const MPI_Offset bytes = error == 0 ? walk.remaining : 0;

    for (MPI_Offset left = bytes, piece; left > 0 && error == 0; left -= piece) {
        if (in_file == 0) {
            offset = adio_orfa_place(&walk.file);
            in_file = adio_orfa_next_run(&walk.file, left);
        }
        if (in_memory == 0) {
            address = adio_orfa_place(&walk.memory);
            in_memory = adio_orfa_next_run(&walk.memory, left);
        }
        piece = ADIOI_MIN(in_file, in_memory);
        error = write_around(adio_orfa_of(call->fd), (const char*)(uintptr_t)address,
                             (uint64_t)offset, (uint64_t)piece);
        offset += piece;
        address += piece;
        in_file -= piece;
        in_memory -= piece;
    }
    adio_orfa_walk_end(&walk);
    adio_orfa_set_status(status, call->datatype, error == 0 ? bytes : 0);
    *error_code = adio_orfa_error(function_of(call), call->fd->filename, error);
}

static int others_are_ahead(const Call* call) {
    uint64_t first, end;

    return call->writing && orfa_coll_left_alone(adio_orfa_of(call->fd)->coll, 0, &first, &end);
}

/* What is left of this rank's access. */
typedef struct Left {
    AdOrfaWalk walk;
    MPI_Offset in_file, in_memory; /* bytes */
} Left;

static void next_runs(AdOrfaCursor* cursor, MPI_Offset* left, orfa_coll_run* run) {
    *run = (orfa_coll_run){0};
    if (*left == 0) return;
    *run = adio_orfa_next_runs(cursor, *left);
    *left -= (MPI_Offset)(run->length * run->count);
}

static void next_in_file(void* context, orfa_coll_run* run) {
    Left* left = context;

    next_runs(&left->walk.file, &left->in_file, run);
}

static void next_in_memory(void* context, orfa_coll_run* run) {
    Left* left = context;

    next_runs(&left->walk.memory, &left->in_memory, run);
}

/* By exchange between the ranks. */
static void move_together(const Call* call, ADIO_Status* status, int* error_code) {
    Left left;
    const orfa_coll_source source = {next_in_file, next_in_memory, &left};
    uint64_t moved = 0;
    int error = adio_orfa_walk_start(&left.walk, call->fd, call->buf, call->count, call->datatype,
                                     call->file_ptr_type, call->offset);

    left.in_file = left.in_memory = left.walk.remaining;
    error = orfa_coll_move(adio_orfa_of(call->fd)->coll, &source, error, &moved);
    adio_orfa_walk_end(&left.walk);
    adio_orfa_set_status(status, call->datatype, error == 0 ? (MPI_Offset)moved : 0);
    *error_code = adio_orfa_error(function_of(call), call->fd->filename, error);
}

/* Told to the servers at once, which put the ranks' accesses in order. A rank that can't take part
 * says so: the others would wait a while for it. What one call has no room for follows by itself.
 */
static void move_directed(const Call* call, ADIO_Status* status, int* error_code) {
    AdOrfaFile* file = adio_orfa_of(call->fd);
    const orfa_together together = orfa_coll_together(file->coll);
    AdOrfaWalk walk;
    orfa_access access = {0};
    MPI_Offset bytes = 0, moved = 0;
    int error = adio_orfa_walk_start(&walk, call->fd, call->buf, call->count, call->datatype,
                                     call->file_ptr_type, call->offset);

    if (error == 0) error = adio_orfa_walk_next(&walk, &access, &bytes);
    if (error != 0) access = (orfa_access){0};
    const ssize_t done = call->writing ? orfa_writev_together(file->file, &access, &together)
                                       : orfa_readv_together(file->file, &access, &together);
    if (error == 0 && done < 0) error = errno;
    if (error == 0 && done == bytes)
        error = adio_orfa_move_rest(&walk, file->file, call->writing, &moved);
    adio_orfa_walk_end(&walk);
    adio_orfa_set_status(status, call->datatype, error == 0 ? done + moved : 0);
    *error_code = adio_orfa_error(function_of(call), call->fd->filename, error);
}

/* Every rank of the file comes here exactly once per collective call, whatever befell it. A rank
 * that did well returns the error of one that did not. */
static void agree(ADIO_File fd, const char* function, int* error_code) {
    int mine = MPI_SUCCESS;

    if (*error_code != MPI_SUCCESS) MPI_Error_class(*error_code, &mine);
    const int all = orfa_coll_end(adio_orfa_of(fd)->coll, mine);
    if (mine != all) *error_code = adio_orfa_remote_error(function, all);
}

static void move_and_agree(const Call* call, ADIO_Status* status, int* error_code) {
    ADIO_File fd = call->fd;
    orfa_coll_shape shape;

    adio_orfa_shape(&shape, fd, call->count, call->datatype, call->file_ptr_type, call->offset);
    switch (orfa_coll_begin(adio_orfa_of(fd)->coll, fd->comm, call->writing, &shape)) {
        case ORFA_COLL_TWOPHASE:
            move_together(call, status, error_code);
            break;
        case ORFA_COLL_SERVER:
            move_directed(call, status, error_code);
            break;
        case ORFA_COLL_GENERIC:
            adio_orfa_generic_move(fd, call->writing, call->buf, call->count, call->datatype,
                                   call->file_ptr_type, call->offset, status, error_code);
            break;
        default:
            if (others_are_ahead(call))
                move_around(call, status, error_code);
            else
                move_own(call, status, error_code);
            break;
    }
    agree(fd, function_of(call), error_code);
}

/* A rank whose arguments ROMIO refused takes part without bytes: the others would wait for it. */
void adio_orfa_collective_leave(ADIO_File fd, int joined, int writing, int* error_code) {
    static const char function[] = "ADIOI_ORFA_COLLECTIVE";
    const orfa_coll_source nothing = {next_in_file, next_in_memory, NULL};
    orfa_coll_shape shape;
    uint64_t moved;

    if (joined || fd == ADIO_FILE_NULL || fd->cookie != ADIOI_FILE_COOKIE) return;
    adio_orfa_shape(&shape, fd, 0, MPI_BYTE, ADIO_EXPLICIT_OFFSET, 0);
    orfa_coll* coll = adio_orfa_of(fd)->coll;
    const orfa_coll_way way = orfa_coll_begin(coll, fd->comm, writing, &shape);
    if (way == ORFA_COLL_TWOPHASE) {
        orfa_coll_move(coll, &nothing, EINVAL, &moved);
    } else if (way == ORFA_COLL_SERVER) {
        const orfa_access no_access = {0};
        const orfa_together together = orfa_coll_together(coll);
        orfa_readv_together(adio_orfa_of(fd)->file, &no_access, &together);
    } else if (way == ORFA_COLL_GENERIC) {
        const int refused = *error_code;
        adio_orfa_generic_move(fd, writing, NULL, 0, MPI_BYTE, ADIO_EXPLICIT_OFFSET, 0, NULL,
                               error_code);
        *error_code = refused;
    }
    agree(fd, function, error_code);
}

void ADIOI_ORFA_ReadStridedColl(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                                int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                                int* error_code) {
    const Call call = {fd, 0, buf, count, datatype, file_ptr_type, offset};

    move_and_agree(&call, status, error_code);
}

void ADIOI_ORFA_WriteStridedColl(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                                 int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                                 int* error_code) {
    const Call call = {fd, 1, (void*)buf, count, datatype, file_ptr_type, offset};

    move_and_agree(&call, status, error_code);
}

/* With external32 data ROMIO's buffer does not outlive the call: blocking then. */
void ADIOI_ORFA_IreadStridedColl(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                                 int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                                 int* error_code) {
    ADIO_Status status;

    if (!fd->is_external32) {
        ADIOI_ORFA_IreadStrided(fd, buf, count, datatype, file_ptr_type, offset, request,
                                error_code);
        return;
    }
    ADIOI_ORFA_ReadStrided(fd, buf, count, datatype, file_ptr_type, offset, &status, error_code);
    adio_orfa_finished_request(fd, &status, request, error_code);
}

void ADIOI_ORFA_IwriteStridedColl(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                                  int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                                  int* error_code) {
    ADIO_Status status;

    if (!fd->is_external32) {
        ADIOI_ORFA_IwriteStrided(fd, buf, count, datatype, file_ptr_type, offset, request,
                                 error_code);
        return;
    }
    ADIOI_ORFA_WriteStrided(fd, buf, count, datatype, file_ptr_type, offset, &status, error_code);
    adio_orfa_finished_request(fd, &status, request, error_code);
}
