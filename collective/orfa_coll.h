/* SPDX-License-Identifier: MIT */
/* orfa_coll.h - collective reads and writes of one file by the ranks of a communicator.
 *
 * A collective call is three steps, each done by every rank in the same order whatever befell it:
 * orfa_coll_begin() agrees on the way, then orfa_coll_move() moves the bytes if that is two-phase
 * (independent: each rank does as it likes; server: each makes one call marked by
 * orfa_coll_together(); generic: all call ROMIO), then orfa_coll_end() agrees on the outcome.
 * Functions marked "collective" communicate; a rank that does not call them leaves the others
 * waiting. One thread at a time may use a handle.
 *
 * Where the bytes of several ranks of one write meet, those of any one of them may win.
 */
#ifndef ORFA_COLL_H
#define ORFA_COLL_H

#include "client/orfa.h"

#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum orfa_coll_way {
    ORFA_COLL_AUTO,        /* chosen by cost */
    ORFA_COLL_INDEPENDENT, /* each rank moves its own pieces */
    ORFA_COLL_TWOPHASE,    /* ranks exchange pieces, some move large ranges */
    ORFA_COLL_SERVER,      /* each rank tells its pieces, the servers put them in order */
    ORFA_COLL_GENERIC      /* ROMIO's own two-phase code, for comparison */
} orfa_coll_way;

/* What the user wants. Where ranks differ, rank 0's are taken. */
typedef struct orfa_coll_hints {
    orfa_coll_way way[2]; /* of reads, of writes */
    int aggregators;      /* at most; at least 1 */
    uint64_t buffer_size; /* bytes each aggregator buffers at most; at least 4096 are taken */
    int run_ahead; /* calls that a rank may be ahead of others, at most; 0 to ORFA_COLL_RUN_AHEAD */
    uint64_t run_ahead_size; /* in calls of at most so many bytes a rank (reads in pieces: 8 x) */
} orfa_coll_hints;
#define ORFA_COLL_RUN_AHEAD 255

/* One rank's access in outline; figures but `orderly` need not be exact. */
typedef struct orfa_coll_shape {
    uint64_t first, end;    /* bytes of the file it lies between */
    uint64_t bytes;         /* 0: nothing to do, the other fields are ignored */
    uint64_t file_pieces;   /* contiguous in the file */
    uint64_t memory_pieces; /* contiguous in memory */
    int orderly;            /* file pieces of this view ascend and never overlap, and other ranks
                               may move them (not so in atomic mode); the same for any access
                               through this view, an empty one too */
} orfa_coll_shape;

/* `count` pieces of `length` bytes, the first at `start`, the others `stride` bytes on each: of the
 * file, or of memory (then `start` is an address, and `stride` may be negative). */
typedef struct orfa_coll_run {
    uint64_t start, length;
    int64_t stride;
    uint64_t count;
} orfa_coll_run;

/* Tells one rank's access: each function fills *run with its next pieces, count 0 at the end. The
 * bytes of the file's pieces in order are those of memory's in order, and as many. */
typedef struct orfa_coll_source {
    void (*next_in_file)(void* context, orfa_coll_run* run);
    void (*next_in_memory)(void* context, orfa_coll_run* run);
    void* context;
} orfa_coll_source;

typedef struct orfa_coll orfa_coll;

/* `file` and `name` (for messages) are borrowed until orfa_coll_destroy(). `ranks` will make the
 * calls; good hints are in force for so many, and this file. `id` is a random number, the
 * same on all ranks. NULL: no memory. With
 * ORFA_VERBOSE=1 in the environment rank 0 says on standard error which way is chosen and why,
 * whenever that changes. */
orfa_coll* orfa_coll_create(orfa_file* file, const char* name, int ranks, uint64_t id);
void orfa_coll_destroy(orfa_coll* coll);

orfa_coll_hints orfa_coll_hints_of(const orfa_coll* coll);
/* In force from the next call that asks; see orfa_coll_renew(). Local. */
void orfa_coll_set_hints(orfa_coll* coll, const orfa_coll_hints* hints);

/* The next call of each direction asks all ranks before it chooses; without this, a call is chosen
 * for by what the one before it in this direction told (ranks learn that from orfa_coll_end(), at
 * no cost). For views that change. Must be called by all ranks between the same calls; local. */
void orfa_coll_renew(orfa_coll* coll);

/* Collective. `comm` is used until orfa_coll_end(). Returns ORFA_COLL_INDEPENDENT, _TWOPHASE,
 * _SERVER or _GENERIC, the same on every rank. With ORFA_COLL_INDEPENDENT, a writing rank leaves
 * alone what orfa_coll_left_alone() tells. */
orfa_coll_way orfa_coll_begin(orfa_coll* coll, MPI_Comm comm, int writing,
                              const orfa_coll_shape* mine);

/* Of the call under way, the same on every rank: the rank that is aggregator `index` of two-phase
 * (-1: there are fewer), and the bytes that each of them buffers. */
int orfa_coll_aggregator(const orfa_coll* coll, int index);
uint64_t orfa_coll_buffer_bytes(const orfa_coll* coll);

/* How the ranks mark their parts of the call under way when its way is ORFA_COLL_SERVER: each rank,
 * also one without bytes, calls orfa_readv_together() or orfa_writev_together() with it once. */
orfa_together orfa_coll_together(const orfa_coll* coll);

/* Collective. Moves the bytes of all ranks' sources; *moved tells how many of this rank's, in
 * order: fewer than asked only where a read meets the end of the file, and memory for what lies
 * beyond is left alone. `error` (errno, 0: none) is this rank's reason not to take part with its
 * bytes; it still serves the others. 0, or errno of what failed here. */
int orfa_coll_move(orfa_coll* coll, const orfa_coll_source* source, int error, uint64_t* moved);

/* Of the write under way, the index-th range of the file, first <= x < end, that ranks ahead of
 * this one write in later calls: their bytes are to stay. 0: there are no more. */
int orfa_coll_left_alone(const orfa_coll* coll, size_t index, uint64_t* first, uint64_t* end);

/* Collective. The largest of the ranks' values; 0 when all succeeded.
 *
 * It waits for the others, but in a row of small independent calls in one direction nearly all of
 * which all ranks did without a request, in memory that a server shares: there a rank runs some
 * calls ahead, what ranks write one after the other to the same bytes still comes out in the order
 * of the calls, and an error that befalls a rank then is returned by this or a later call on
 * others, once on each. Whatever else is done with the file goes behind orfa_coll_settle(). */
int orfa_coll_end(orfa_coll* coll, int error_class);

/* Waits until all ranks have ended the calls that this one has. No collective call, and any thread
 * may do it. */
void orfa_coll_settle(orfa_coll* coll, MPI_Comm comm);
/* The same; returns what orfa_coll_end() would of others' errors, and forgets it. */
int orfa_coll_late_error(orfa_coll* coll, MPI_Comm comm);

#ifdef __cplusplus
}
#endif
#endif
