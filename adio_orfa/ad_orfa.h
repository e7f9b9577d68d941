/* SPDX-License-Identifier: MIT */
/* The ROMIO driver of ORFA: translates ADIO's table of calls to client/orfa.h, and errno to MPI's
 * error classes. No data are cached, sieved or moved between ranks here.
 *
 * The individual file pointer (fd->fp_ind) is `displacement of the view + bytes of the view before
 * the pointer`, for every view: positions are then exact and need no search. (For a contiguous view
 * that is the byte in the file, as everywhere in ROMIO.) Everything that reads or sets it besides
 * this driver is replaced by romio/io_orfa_common.c.
 */
#ifndef AD_ORFA_H
#define AD_ORFA_H

#include "client/orfa.h"
#include "collective/orfa_coll.h"

#include <pthread.h>
#include <stdatomic.h>

#include "adio.h"

#ifndef ADIO_ORFA
#define ADIO_ORFA 172 /* ROMIO's numbers end at 171 (MPICH 4) */
#endif

/* Views of a file whose shared pointer a rank remembers to have used. */
enum { kAdOrfaViewsKept = 64 };

/* The shared file pointer of a collective open. It is a number that the file's home server keeps
 * for this open and this view (orfa_counter_add()), counting etypes of the view. */
typedef struct AdOrfaShared {
    unsigned char id[ORFA_COUNTER_ID_SIZE]; /* of the open: the same on all ranks */
    uint64_t views;                         /* set so far: the same on all ranks */
    uint64_t calls;                         /* of MPI_File_set_view, also in vain */
    pthread_mutex_t lock;                   /* protects the following */
    uint64_t used[kAdOrfaViewsKept + 1];    /* views whose number this rank has changed */
    int used_count;
} AdOrfaShared;

/* One rank's open file: what fd->fs_ptr points to. */
typedef struct AdOrfaFile {
    orfa_file* file;
    orfa_coll* coll;
    atomic_int outstanding; /* nonblocking requests under way */
    AdOrfaShared shared;
    int published;      /* times the hints in force were told to the MPI library */
    int io_buffer_size; /* bytes of fd->io_buf, which only ROMIO's own two-phase code uses */
} AdOrfaFile;

static inline AdOrfaFile* adio_orfa_of(ADIO_File fd) {
    return (AdOrfaFile*)fd->fs_ptr;
}

/* ---- ad_orfa_types.c: what a datatype looks like ------------------------------------------- */

/* Rows of equal pieces: the pieces of a row at one distance, the rows at one distance. */
typedef struct AdOrfaBlock {
    MPI_Offset offset; /* of the first, from the type's origin; may be negative in memory types */
    MPI_Offset length; /* of each piece; never 0 */
    MPI_Offset stride; /* from one piece of a row to the next; 0 when there is one */
    MPI_Offset count;  /* pieces of a row; never 0 */
    MPI_Offset row_stride; /* from one row to the next; 0 when there is one */
    MPI_Offset rows;       /* never 0; more than one only of more than one piece */
    MPI_Offset before;     /* bytes of the type before this block */
} AdOrfaBlock;

/* A datatype's bytes in type-map order, neighbours joined. A vector of a million pieces is one
 * block, and so is a subarray of three dimensions; what nests deeper is a list of such. */
typedef struct AdOrfaFlat {
    AdOrfaBlock* blocks;
    size_t count;
    MPI_Offset size;   /* bytes of data */
    MPI_Offset pieces; /* of all blocks */
    MPI_Offset extent; /* from one instance to the next */
    int contiguous;    /* instances lie one behind the other, without gaps, from the origin on */
    int ascending;     /* each block of a row of instances begins at or behind the last one's end */
    AdOrfaBlock own[2]; /* storage of `blocks` for predefined types */
} AdOrfaFlat;

/* The flattened form of `type`. Kept with the datatype as an attribute: it lives as long as the
 * datatype does. Predefined types use *scratch. NULL: no memory. Thread-safe. */
const AdOrfaFlat* adio_orfa_flatten(MPI_Datatype type, AdOrfaFlat* scratch);

static inline MPI_Offset adio_orfa_pieces_of(const AdOrfaBlock* block) {
    return block->count * block->rows;
}

/* Behind the last byte of the block's last piece. */
static inline MPI_Offset adio_orfa_end_of(const AdOrfaBlock* block) {
    return block->offset + (block->rows - 1) * block->row_stride +
           (block->count - 1) * block->stride + block->length;
}

/* ---- ad_orfa_cursor.c: places in rows of instances of a type -------------------------------- */

/* A place in an endless row of instances of a type. */
typedef struct AdOrfaCursor {
    const AdOrfaFlat* flat;
    MPI_Offset origin; /* address or file offset of the first instance */
    MPI_Offset tile;   /* instance */
    size_t block;      /* block in it (contiguous types: 0) */
    MPI_Offset piece;  /* piece of the block, through all rows */
    MPI_Offset within; /* byte in the piece (contiguous types: byte of all) */
} AdOrfaCursor;

/* The cursor at byte `position` of the row. O(log blocks). */
AdOrfaCursor adio_orfa_seek(const AdOrfaFlat* flat, MPI_Offset origin, MPI_Offset position);
/* The byte the cursor stands on. */
MPI_Offset adio_orfa_place(const AdOrfaCursor* cursor);
/* The bytes that follow in one piece, at most `wanted`; the cursor moves behind them. */
MPI_Offset adio_orfa_next_run(AdOrfaCursor* cursor, MPI_Offset wanted);
/* As adio_orfa_next_run(), but takes as many equal pieces at one distance as come. `wanted` > 0. */
orfa_coll_run adio_orfa_next_runs(AdOrfaCursor* cursor, MPI_Offset wanted);
/* As adio_orfa_next_runs(), but takes whole rows of pieces as many as come. */
orfa_strided adio_orfa_next_strided(AdOrfaCursor* cursor, MPI_Offset wanted);
/* Bytes of the row before the first one that lies at `limit` or beyond. O(log blocks). */
MPI_Offset adio_orfa_bytes_before(const AdOrfaFlat* flat, MPI_Offset origin, MPI_Offset limit);

/* ---- ad_orfa_strided.c: lists of memory and file pieces ------------------------------------ */

/* Pieces in one orfa_readv()/orfa_writev() at most, of memory and of the file each, when they are
 * listed; entries of a pattern of the file at most. */
enum { kAdOrfaMaxPieces = 262144, kAdOrfaFewPieces = 16, kAdOrfaMaxStrided = 64 };

typedef union AdOrfaPiece {
    orfa_segment segment;
    orfa_extent extent;
} AdOrfaPiece;

typedef struct AdOrfaPieces {
    AdOrfaPiece* data;
    size_t count, room;
    AdOrfaPiece few[kAdOrfaFewPieces];
} AdOrfaPieces;

/* One MPI call's access, cut into calls of bounded size. Holds pointers to itself: never copy. */
typedef struct AdOrfaWalk {
    AdOrfaFlat memory_scratch, file_scratch;
    AdOrfaCursor memory, file;
    MPI_Offset remaining; /* bytes not yet handed out */
    MPI_Offset position;  /* byte of the view that is next */
    AdOrfaPieces segments, extents;
    orfa_strided strided[kAdOrfaMaxStrided];
} AdOrfaWalk;

/* The access of `count` x `datatype` at `buffer`. `offset` counts etypes of the view
 * (ADIO_EXPLICIT_OFFSET); with ADIO_INDIVIDUAL the file pointer is used and moved. 0 or errno. */
int adio_orfa_walk_start(AdOrfaWalk* walk, ADIO_File fd, const void* buffer, MPI_Count count,
                         MPI_Datatype datatype, int pointer_type, ADIO_Offset offset);
/* Fills *access with the next part; its bytes are in *bytes (0: the end). 0 or errno. */
int adio_orfa_walk_next(AdOrfaWalk* walk, orfa_access* access, MPI_Offset* bytes);
void adio_orfa_walk_end(AdOrfaWalk* walk);
/* Moves what is left of the walk: 0 or errno, and the bytes moved before the file ended. */
int adio_orfa_move_rest(AdOrfaWalk* walk, orfa_file* file, int writing, MPI_Offset* moved);
/* The bytes of the file from the first to the last that are left of the walk, for a lock. Length 0:
 * none; a file type that is not monotone, which MPI forbids, gives the whole file. */
void adio_orfa_walk_span(const AdOrfaWalk* walk, MPI_Offset* first, MPI_Offset* length);

/* One rank's read or write of pieces, as ADIOI_ORFA_ReadStrided() and WriteStrided() do it, of
 * which a collective call may be made. Writing only reads the buffer. */
void adio_orfa_strided(ADIO_File fd, int writing, const void* buf, int count, MPI_Datatype datatype,
                       int file_ptr_type, ADIO_Offset offset, ADIO_Status* status, int* error_code);

/* What such an access looks like; the file pointer stays. */
void adio_orfa_shape(orfa_coll_shape* shape, ADIO_File fd, MPI_Count count, MPI_Datatype datatype,
                     int pointer_type, ADIO_Offset offset);

/* ---- ad_orfa_io.c -------------------------------------------------------------------------- */

/* Position of a contiguous access in the file; moves the file pointer if that is used. It moves by
 * what was asked, also when the file ends before (MPI-3.1, 13.4.3), so that blocking and
 * nonblocking calls agree. */
ADIO_Offset adio_orfa_take_position(ADIO_File fd, int pointer_type, ADIO_Offset offset,
                                    ADIO_Offset length);
void adio_orfa_set_status(ADIO_Status* status, MPI_Datatype datatype, MPI_Offset bytes);
/* As adio_orfa_strided(), of one piece; `offset` is a byte of the file. */
void adio_orfa_contiguous(ADIO_File fd, int writing, const void* buf, int count,
                          MPI_Datatype datatype, int file_ptr_type, ADIO_Offset offset,
                          ADIO_Status* status, int* error_code);

/* ---- ad_orfa_generic.c --------------------------------------------------------------------- */

/* One rank's part of a collective call whose way is ORFA_COLL_GENERIC. A short read counts as whole
 * (ROMIO's error). */
void adio_orfa_generic_move(ADIO_File fd, int writing, void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                            int* error_code);

/* ---- ad_orfa_async.c ----------------------------------------------------------------------- */

/* Waits for the end of the file's nonblocking requests. */
void adio_orfa_drain(AdOrfaFile* file);
/* The request of a nonblocking call that was carried out at once. */
void adio_orfa_finished_request(ADIO_File fd, ADIO_Status* status, ADIO_Request* request,
                                int* error_code);

/* ---- ad_orfa_shared.c ---------------------------------------------------------------------- */

/* Begins without any use of the pointer; `id` as all ranks have it. */
void adio_orfa_shared_start(AdOrfaShared* shared, const unsigned char* id);
/* Tells the server that this rank needs the file's shared pointers no more. All ranks must have
 * done with them. */
void adio_orfa_shared_end(AdOrfaFile* file);

/* ---- ad_orfa_atomic.c ---------------------------------------------------------------------- */

/* In atomic mode: locks `length` bytes of the file from `first` on, to write or to read them, and
 * gives them back. Else, and when there are none, nothing. 0 or errno; begin() that failed needs no
 * end(). */
int adio_orfa_atomic_begin(ADIO_File fd, int writing, MPI_Offset first, MPI_Offset length);
int adio_orfa_atomic_end(ADIO_File fd, MPI_Offset first, MPI_Offset length);

/* ---- ad_orfa_hints.c ----------------------------------------------------------------------- */

/* The layout that fd->info asks for. */
orfa_layout adio_orfa_wanted_layout(ADIO_File fd);
/* Writes the layout in force into fd->info and fd->hints. */
void adio_orfa_report_layout(ADIO_File fd, const orfa_layout* layout);
/* Says on rank 0 that a hint's value is not followed, and why or what it should be; once for each
 * key and value in a process. Thread-safe. */
void adio_orfa_refuse_hint(ADIO_File fd, const char* key, const char* text, const char* why);
/* Tells fd's collective layer the hints in force. */
void adio_orfa_tell_collective(ADIO_File fd);
/* A whole decimal number within [least, most]? */
int adio_orfa_parse(const char* text, long long least, long long most, long long* value);

/* ---- ad_orfa_error.c ----------------------------------------------------------------------- */

int adio_orfa_error_class(int error);
/* Error code of errno value `error` (0: MPI_SUCCESS). What is no usual answer to a program (a
 * server that does not answer) is said on standard error too, since MPI has no words for it. */
int adio_orfa_error(const char* function, const char* filename, int error);
/* Error code of class `error_class`, for ranks that learned of it from another one. */
int adio_orfa_remote_error(const char* function, int error_class);

/* ---- The table ----------------------------------------------------------------------------- */

extern struct ADIOI_Fns_struct ADIO_ORFA_operations;

void ADIOI_ORFA_Open(ADIO_File fd, int* error_code);
void ADIOI_ORFA_OpenColl(ADIO_File fd, int rank, int access_mode, int* error_code);
void ADIOI_ORFA_ReadContig(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                           int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                           int* error_code);
void ADIOI_ORFA_WriteContig(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                            int* error_code);
void ADIOI_ORFA_ReadStridedColl(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                                int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                                int* error_code);
void ADIOI_ORFA_WriteStridedColl(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                                 int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                                 int* error_code);
ADIO_Offset ADIOI_ORFA_SeekIndividual(ADIO_File fd, ADIO_Offset offset, int whence,
                                      int* error_code);
void ADIOI_ORFA_Fcntl(ADIO_File fd, int flag, ADIO_Fcntl_t* fcntl_struct, int* error_code);
void ADIOI_ORFA_SetInfo(ADIO_File fd, MPI_Info users_info, int* error_code);
void ADIOI_ORFA_ReadStrided(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                            int* error_code);
void ADIOI_ORFA_WriteStrided(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                             int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                             int* error_code);
void ADIOI_ORFA_Close(ADIO_File fd, int* error_code);
void ADIOI_ORFA_IreadContig(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                            int* error_code);
void ADIOI_ORFA_IwriteContig(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                             int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                             int* error_code);
void ADIOI_ORFA_IreadStrided(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                             int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                             int* error_code);
void ADIOI_ORFA_IwriteStrided(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                              int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                              int* error_code);
void ADIOI_ORFA_IreadStridedColl(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                                 int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                                 int* error_code);
void ADIOI_ORFA_IwriteStridedColl(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                                  int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                                  int* error_code);
void ADIOI_ORFA_Flush(ADIO_File fd, int* error_code);
void ADIOI_ORFA_Resize(ADIO_File fd, ADIO_Offset size, int* error_code);
void ADIOI_ORFA_Delete(const char* filename, int* error_code);
int ADIOI_ORFA_Feature(ADIO_File fd, int flag);

#endif
