/* SPDX-License-Identifier: MIT */
/* Shared file pointers and ordered access, in the place of ROMIO's hidden file: a number of the
 * file's home server. It is named by 16 random bytes of the open and by the number of the view, so
 * a new view starts at 0 without anybody having to reset or wait; it ends when the last rank that
 * used it has closed the file or died. */
#include "ad_orfa.h"
#include "adio_orfa/romio/io_orfa.h"

/* ---- The number of a view ------------------------------------------------------------------ */

static void name_of_view(const AdOrfaShared* shared, uint64_t view, unsigned char* id) {
    uint64_t half;

    memcpy(id, shared->id, ORFA_COUNTER_ID_SIZE);
    memcpy(&half, id, sizeof(half));
    half += view;
    memcpy(id, &half, sizeof(half));
}

/* The current view's number is in use by this rank from now on. */
static void remember(AdOrfaShared* shared) {
    pthread_mutex_lock(&shared->lock);
    const int known =
        shared->used_count > 0 && shared->used[shared->used_count - 1] == shared->views;
    if (!known) shared->used[shared->used_count++] = shared->views;
    pthread_mutex_unlock(&shared->lock);
}

static void forget_all_but(AdOrfaFile* file, uint64_t current) {
    AdOrfaShared* shared = &file->shared;
    unsigned char id[ORFA_COUNTER_ID_SIZE];
    int kept = 0;

    for (int i = 0; i < shared->used_count; i++) {
        if (shared->used[i] == current) {
            kept = 1;
            continue;
        }
        name_of_view(shared, shared->used[i], id);
        orfa_counter_drop(file->file, id); /* else it ends with this process */
    }
    shared->used_count = kept;
    shared->used[0] = current;
}

void adio_orfa_shared_start(AdOrfaShared* shared, const unsigned char* id) {
    memcpy(shared->id, id, ORFA_COUNTER_ID_SIZE);
    shared->views = shared->calls = 0;
    shared->used_count = 0;
    pthread_mutex_init(&shared->lock, NULL);
}

void adio_orfa_shared_end(AdOrfaFile* file) {
    forget_all_but(file, UINT64_MAX);
    pthread_mutex_destroy(&file->shared.lock);
}

/* A rank may still be busy with the shared pointer of an earlier view, so those are dropped only
 * where all ranks are known to have come past them: at every kAdOrfaViewsKept-th call. */
void adio_orfa_view_set(ADIO_File fd, int joined, int error_code) {
    AdOrfaFile* file;
    MPI_Offset unused;
    int others;

    if (fd == ADIO_FILE_NULL || fd->cookie != ADIOI_FILE_COOKIE) return;
    if (joined < kViewHints) { /* as ROMIO's MPIO_CHECK_INFO_ALL */
        int mine = MPI_SUCCESS, all;
        MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MAX, fd->comm);
    }
    if (joined < kViewPlace && (fd->access_mode & ADIO_SEQUENTIAL))
        adio_orfa_current_displacement(fd, &unused, &others);
    file = adio_orfa_of(fd);
    orfa_coll_renew(file->coll); /* on every rank, also on one whose view was refused */
    if (error_code == MPI_SUCCESS) file->shared.views++;
    if (++file->shared.calls % kAdOrfaViewsKept != 0) return;
    MPI_Barrier(fd->comm);
    forget_all_but(file, file->shared.views);
}

/* ---- What ROMIO calls ---------------------------------------------------------------------- */

void ADIO_Get_shared_fp(ADIO_File fd, ADIO_Offset incr, ADIO_Offset* shared_fp, int* error_code) {
    AdOrfaFile* file = adio_orfa_of(fd);
    unsigned char id[ORFA_COUNTER_ID_SIZE];
    int64_t before = 0;

    name_of_view(&file->shared, file->shared.views, id);
    if (incr != 0) remember(&file->shared);
    const int failed = incr == 0 ? orfa_counter_get(file->file, id, &before)
                                 : orfa_counter_add(file->file, id, incr, &before);
    *shared_fp = before;
    *error_code = adio_orfa_error("ADIO_GET_SHARED_FP", fd->filename, failed ? errno : 0);
}

void ADIO_Set_shared_fp(ADIO_File fd, ADIO_Offset offset, int* error_code) {
    AdOrfaFile* file = adio_orfa_of(fd);
    unsigned char id[ORFA_COUNTER_ID_SIZE];

    name_of_view(&file->shared, file->shared.views, id);
    remember(&file->shared);
    const int failed = orfa_counter_set(file->file, id, offset, NULL);
    *error_code = adio_orfa_error("ADIO_SET_SHARED_FP", fd->filename, failed ? errno : 0);
}

/* The name of the hidden file. There is none; ROMIO frees the memory. */
void ADIOI_Shfp_fname(ADIO_File fd, int rank, int* error_code) {
    (void)rank;
    fd->shared_fp_fname = ADIOI_Malloc(1);
    fd->shared_fp_fname[0] = '\0';
    *error_code = MPI_SUCCESS;
}

/* Rank 0 asks when all have come, and so have done with the pointer. */
void adio_orfa_current_displacement(ADIO_File fd, MPI_Offset* displacement, int* error_code) {
    long long answer[2] = {0, MPI_SUCCESS}; /* etypes, error class */
    int rank;

    MPI_Comm_rank(fd->comm, &rank);
    MPI_Barrier(fd->comm);
    if (rank == 0) {
        ADIO_Offset etypes;
        int class = MPI_SUCCESS;
        ADIO_Get_shared_fp(fd, 0, &etypes, error_code);
        if (*error_code != MPI_SUCCESS) MPI_Error_class(*error_code, &class);
        answer[0] = etypes;
        answer[1] = class;
    }
    MPI_Bcast(answer, 2, MPI_LONG_LONG, 0, fd->comm);
    *error_code = adio_orfa_remote_error("ADIO_SET_VIEW", (int)answer[1]);
    ADIOI_Get_byte_offset(fd, answer[0], displacement);
}

/* ---- Ordered access ------------------------------------------------------------------------ */

/* The last rank knows, by a scan, how much all want together, and moves the pointer. */
int adio_orfa_ordered_join(ADIO_File fd, MPI_Offset etypes, MPI_Offset* offset, int* error_code) {
    static const char name[] = "ADIO_ORDERED";
    long long mine = etypes, to_here = 0, answer[2] = {0, MPI_SUCCESS}; /* start, error class */
    int rank, ranks;

    MPI_Comm_rank(fd->comm, &rank);
    MPI_Comm_size(fd->comm, &ranks);
    MPI_Scan(&mine, &to_here, 1, MPI_LONG_LONG, MPI_SUM, fd->comm);
    *error_code = MPI_SUCCESS;
    if (rank == ranks - 1) {
        ADIO_Offset start;
        int class = MPI_SUCCESS;
        ADIO_Get_shared_fp(fd, to_here, &start, error_code);
        if (*error_code != MPI_SUCCESS) MPI_Error_class(*error_code, &class);
        answer[0] = start;
        answer[1] = class;
    }
    MPI_Bcast(answer, 2, MPI_LONG_LONG, ranks - 1, fd->comm);
    if (*error_code == MPI_SUCCESS) *error_code = adio_orfa_remote_error(name, (int)answer[1]);
    *offset = answer[0] + to_here - mine;
    return answer[1] == MPI_SUCCESS ? kOrderedJoined : kOrderedDone;
}

void adio_orfa_ordered_leave(ADIO_File fd, int joined, int writing, int* error_code) {
    MPI_Offset unused;
    int others;

    if (joined == kOrderedDone || fd == ADIO_FILE_NULL || fd->cookie != ADIOI_FILE_COOKIE) return;
    if (joined != kOrderedJoined &&
        adio_orfa_ordered_join(fd, 0, &unused, &others) != kOrderedJoined)
        return;
    adio_orfa_collective_leave(fd, 0, writing, error_code);
}

/* ---- Seeking ------------------------------------------------------------------------------- */

/* Rank 0's part. Returns an error class. */
static int seek(ADIO_File fd, MPI_Offset offset, int whence) {
    ADIO_Offset start = 0;
    int error_code = MPI_SUCCESS, class = MPI_SUCCESS;

    if (whence == MPI_SEEK_CUR)
        ADIO_Get_shared_fp(fd, 0, &start, &error_code);
    else if (whence == MPI_SEEK_END)
        ADIOI_Get_eof_offset(fd, &start);
    else if (whence != MPI_SEEK_SET)
        return MPI_ERR_ARG;
    if (error_code == MPI_SUCCESS) {
        if (__builtin_add_overflow(offset, start, &start) || start < 0) return MPI_ERR_ARG;
        ADIO_Set_shared_fp(fd, start, &error_code);
    }
    if (error_code != MPI_SUCCESS) MPI_Error_class(error_code, &class);
    return class;
}

void adio_orfa_seek_shared(ADIO_File fd, MPI_Offset offset, int whence, int* error_code) {
    /* The greatest and, by complement, the least of each argument. */
    long long mine[4] = {offset, ~offset, whence, ~(long long)whence}, all[4];
    int rank, class = MPI_ERR_NOT_SAME;

    MPI_Comm_rank(fd->comm, &rank);
    MPI_Allreduce(mine, all, 4, MPI_LONG_LONG, MPI_MAX, fd->comm);
    if (all[0] == ~all[1] && all[2] == ~all[3]) {
        if (rank == 0) class = seek(fd, offset, whence);
        MPI_Bcast(&class, 1, MPI_INT, 0, fd->comm);
    }
    *error_code = adio_orfa_remote_error("ADIO_SEEK_SHARED", class);
}
