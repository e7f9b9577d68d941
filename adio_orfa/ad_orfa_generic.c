/* SPDX-License-Identifier: MIT */
/* ROMIO's own two-phase code (ADIOI_GEN_ReadStridedColl, ADIOI_GEN_WriteStridedColl) over this
 * driver's contiguous calls, for comparison: the hint orfa_collective=generic. It gets its lists of
 * file and memory pieces from this driver's flattening, and who aggregates from the collective
 * layer. Its errors are its own: docs/hints.md names them. */
#include "ad_orfa.h"

/* ---- What ROMIO's code asks for ------------------------------------------------------------ */

/* This thread's memory type, as ROMIO has it; one at a time is in use. */
static _Thread_local ADIOI_Flatlist_node* flat_memory;

static void forget_memory(void) {
    if (flat_memory == NULL) return;
    free(flat_memory->indices);
    free(flat_memory->blocklens);
    free(flat_memory);
    flat_memory = NULL;
}

static void no_memory(const char* function) {
    fprintf(stderr, "orfa: no memory in %s\n", function);
    MPI_Abort(MPI_COMM_WORLD, MPI_ERR_NO_MEM); /* ROMIO has no other way out here */
}

ADIOI_Flatlist_node* ADIOI_Flatten_and_find(MPI_Datatype type) {
    AdOrfaFlat scratch;
    const AdOrfaFlat* flat = adio_orfa_flatten(type, &scratch);
    const size_t pieces = flat != NULL ? (size_t)flat->pieces : 0;

    forget_memory();
    flat_memory = calloc(1, sizeof(*flat_memory));
    if (flat_memory != NULL) {
        flat_memory->indices = calloc(pieces + 1, sizeof(ADIO_Offset));
        flat_memory->blocklens = calloc(pieces + 1, sizeof(ADIO_Offset));
    }
    if (flat == NULL || flat_memory == NULL || flat_memory->indices == NULL ||
        flat_memory->blocklens == NULL) {
        no_memory("ADIOI_Flatten_and_find");
        return NULL;
    }
    AdOrfaCursor cursor = adio_orfa_seek(flat, 0, 0);
    for (size_t i = 0; i < pieces; i++) {
        flat_memory->indices[i] = adio_orfa_place(&cursor);
        flat_memory->blocklens[i] = adio_orfa_next_run(&cursor, flat->size);
    }
    flat_memory->type = type;
    flat_memory->count = (MPI_Count)pieces;
    flat_memory->lb_idx = flat_memory->ub_idx = -1;
    return flat_memory;
}

/* ROMIO's list of flattened types is not used: ad_orfa_types.c keeps them with the datatypes. */
void ADIOI_Delete_flattened(MPI_Datatype type) {
    if (flat_memory != NULL && flat_memory->type == type) forget_memory();
}

/* The pieces of the file that this rank's access has; the file pointer moves if that is used.
 * ROMIO frees both lists. */
void ADIOI_Calc_my_off_len(ADIO_File fd, int count, MPI_Datatype type, int file_ptr_type,
                           ADIO_Offset offset, ADIO_Offset** offsets, ADIO_Offset** lengths,
                           ADIO_Offset* first, ADIO_Offset* last, int* pieces) {
    AdOrfaWalk walk;
    int room = 16;

    if (adio_orfa_walk_start(&walk, fd, NULL, count, type, file_ptr_type, offset) != 0)
        no_memory("ADIOI_Calc_my_off_len");
    *offsets = ADIOI_Malloc((size_t)room * sizeof(ADIO_Offset));
    *lengths = ADIOI_Malloc((size_t)room * sizeof(ADIO_Offset));
    *pieces = 0;
    *first = adio_orfa_place(&walk.file);
    *last = *first - 1;
    for (MPI_Offset left = walk.remaining; left > 0; ++*pieces) {
        if (*pieces == room) {
            room *= 2;
            *offsets = ADIOI_Realloc(*offsets, (size_t)room * sizeof(ADIO_Offset));
            *lengths = ADIOI_Realloc(*lengths, (size_t)room * sizeof(ADIO_Offset));
        }
        (*offsets)[*pieces] = adio_orfa_place(&walk.file);
        (*lengths)[*pieces] = adio_orfa_next_run(&walk.file, left);
        left -= (*lengths)[*pieces];
        *last = (*offsets)[*pieces] + (*lengths)[*pieces] - 1;
    }
    adio_orfa_walk_end(&walk);
}

/* ---- The call ------------------------------------------------------------------------------ */

/* Hints as ROMIO's code reads them, the same on all ranks. */
static void take_hints(ADIO_File fd) {
    AdOrfaFile* file = adio_orfa_of(fd);
    const int buffer = (int)orfa_coll_buffer_bytes(file->coll);
    int aggregators = 0;

    while (orfa_coll_aggregator(file->coll, aggregators) >= 0)
        aggregators++;
    fd->hints->ranklist = ADIOI_Realloc(fd->hints->ranklist, (size_t)aggregators * sizeof(int));
    for (int i = 0; i < aggregators; i++)
        fd->hints->ranklist[i] = orfa_coll_aggregator(file->coll, i);
    fd->hints->cb_nodes = aggregators;
    fd->hints->cb_read = fd->hints->cb_write = ADIOI_HINT_AUTO; /* ROMIO's default */
    fd->hints->min_fdomain_size = 0;
    fd->hints->cb_buffer_size = buffer;
    if (file->io_buffer_size == buffer) return;
    ADIOI_Free(fd->io_buf);
    fd->io_buf = ADIOI_Malloc((size_t)buffer);
    file->io_buffer_size = buffer;
}

void adio_orfa_generic_move(ADIO_File fd, int writing, void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                            int* error_code) {
    const struct ADIOI_Hints_struct kept = *fd->hints;
    ADIO_Status own;
    MPI_Count size;

    take_hints(fd);
    if (writing)
        ADIOI_GEN_WriteStridedColl(fd, buf, count, datatype, file_ptr_type, offset, &own,
                                   error_code);
    else
        ADIOI_GEN_ReadStridedColl(fd, buf, count, datatype, file_ptr_type, offset, &own,
                                  error_code);
    fd->hints->cb_nodes = kept.cb_nodes;
    fd->hints->cb_read = kept.cb_read;
    fd->hints->cb_write = kept.cb_write;
    fd->hints->min_fdomain_size = kept.min_fdomain_size;
    fd->hints->cb_buffer_size = kept.cb_buffer_size;
    MPI_Type_size_x(datatype, &size);
    adio_orfa_set_status(status, datatype, *error_code == MPI_SUCCESS ? size * count : 0);
}
