/* SPDX-License-Identifier: MIT */
/* Collective open: one rank asks the servers, the others make their handles out of a broadcast. */
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ad_orfa.h"

/* What the opening rank tells the others. */
typedef struct Announcement {
    int64_t size; /* of the file; -1: not asked for */
    orfa_layout layout;
    unsigned char shared_id[ORFA_COUNTER_ID_SIZE]; /* of the shared file pointer */
    orfa_coll_hints hints; /* in force for collective calls where a rank has no wish */
    int32_t error_class;
    int32_t handle_length;
    unsigned char handle[ORFA_HANDLE_MAX];
} Announcement;

static int open_flags(int access_mode) {
    int flags = O_RDONLY;

    if (access_mode & ADIO_WRONLY) flags = O_WRONLY;
    if (access_mode & ADIO_RDWR) flags = O_RDWR;
    if (access_mode & ADIO_CREATE) flags |= O_CREAT;
    if (access_mode & ADIO_EXCL) flags |= O_EXCL;
    return flags; /* ADIO_APPEND is about the file pointers, not about each write */
}

static mode_t current_umask(void) {
    const mode_t mask = umask(022);

    umask(mask);
    return mask;
}

/* ADIO_Open's argument, or the hint "file_perm" (octal), or what open(2) users have. */
static mode_t permissions(ADIO_File fd) {
    char text[MPI_MAX_INFO_VAL + 1], *end = NULL;
    int found = 0;

    if (fd->perm != ADIO_PERM_NULL) return (mode_t)fd->perm;
    MPI_Info_get(fd->info, "file_perm", MPI_MAX_INFO_VAL, text, &found);
    if (found) {
        const unsigned long mode = strtoul(text, &end, 8);
        if (end != text && *end == '\0' && mode <= 07777) return (mode_t)mode;
    }
    return 0666 & ~current_umask();
}

static orfa_file* open_file(ADIO_File fd, int access_mode) {
    orfa_session* session = orfa_default_session();
    const orfa_layout layout = adio_orfa_wanted_layout(fd);
    const int flags = open_flags(access_mode);
    const mode_t mode = permissions(fd);

    if (session == NULL) return NULL;
    orfa_file* file = orfa_open(session, fd->filename, flags, mode, &layout);
    if (file != NULL || errno != EINVAL || !(flags & O_CREAT)) return file;
    /* A hint is a wish: what the cluster can't do (a stripe count beyond its servers, for one) is
     * not a reason to refuse the file. */
    file = orfa_open(session, fd->filename, flags, mode, NULL);
    if (file != NULL)
        fprintf(stderr, "orfa: %s: the layout hints do not fit this cluster and are ignored\n",
                fd->filename);
    return file;
}

/* The opening rank's part. Returns 0 or errno; on 0 everything in *said is set but the class. */
static int open_first(ADIO_File fd, int access_mode, orfa_file** file, Announcement* said) {
    *file = open_file(fd, access_mode);
    if (*file == NULL) return errno != 0 ? errno : EIO;
    const ssize_t length = orfa_handle_export(*file, said->handle, sizeof(said->handle));
    said->handle_length = (int32_t)length;
    said->size = access_mode & ADIO_APPEND ? orfa_size(*file) : 0;
    if (getrandom(said->shared_id, sizeof(said->shared_id), 0) == sizeof(said->shared_id) &&
        length >= 0 && said->size >= 0 && orfa_file_layout(*file, &said->layout) == 0)
        return 0;
    const int error = errno != 0 ? errno : EIO;
    orfa_close(*file);
    *file = NULL;
    return error;
}

/* `imported`: the opening rank has spoken, and its hints are in *said. */
static int adopt(ADIO_File fd, orfa_file* file, const Announcement* said, int imported) {
    AdOrfaFile* mine = calloc(1, sizeof(*mine));
    uint64_t id;
    int ranks;

    MPI_Comm_size(fd->comm, &ranks);
    memcpy(&id, said->shared_id, sizeof(id));
    if (mine != NULL) mine->coll = orfa_coll_create(file, fd->filename, ranks, id);
    if (mine == NULL || mine->coll == NULL) {
        free(mine);
        orfa_close(file);
        return ENOMEM;
    }
    mine->file = file;
    atomic_init(&mine->outstanding, 0);
    adio_orfa_shared_start(&mine->shared, said->shared_id);
    fd->fs_ptr = mine;
    fd->fd_sys = -1;
    if (imported) orfa_coll_set_hints(mine->coll, &said->hints);
    adio_orfa_tell_collective(fd);
    return 0;
}

static int import(ADIO_File fd, const Announcement* heard) {
    orfa_session* session = orfa_default_session();

    if (session == NULL) return errno != 0 ? errno : EIO;
    orfa_file* file = orfa_handle_import(session, heard->handle, (size_t)heard->handle_length);
    if (file == NULL) return errno != 0 ? errno : EIO;
    return adopt(fd, file, heard, 1);
}

void ADIOI_ORFA_OpenColl(ADIO_File fd, int rank, int access_mode, int* error_code) {
    static const char name[] = "ADIOI_ORFA_OPENCOLL";
    const int opener = fd->hints->ranklist[0];
    Announcement shared = {0};
    orfa_file* file = NULL;
    int error = 0;

    fd->access_mode = access_mode;
    if (rank == opener) {
        error = open_first(fd, access_mode, &file, &shared);
        if (error == 0) error = adopt(fd, file, &shared, 0);
        if (error == 0) shared.hints = orfa_coll_hints_of(adio_orfa_of(fd)->coll);
        *error_code = adio_orfa_error(name, fd->filename, error);
        shared.error_class = adio_orfa_error_class(error);
    }
    MPI_Bcast(&shared, (int)sizeof(shared), MPI_BYTE, opener, fd->comm);
    if (shared.error_class != MPI_SUCCESS) {
        if (rank != opener) *error_code = adio_orfa_remote_error(name, shared.error_class);
        return;
    }
    /* When this fails on one rank ADIO_Open closes the file on the others. */
    if (rank != opener) error = import(fd, &shared);
    *error_code = adio_orfa_error(name, fd->filename, error);
    if (error != 0) return;
    fd->is_open = 1;
    fd->blksize = (long)shared.layout.stripe_size;
    if (access_mode & ADIO_APPEND) fd->fp_ind = fd->fp_sys_posn = shared.size;
    adio_orfa_report_layout(fd, &shared.layout);
}

/* Reached only when one rank opens for itself. */
void ADIOI_ORFA_Open(ADIO_File fd, int* error_code) {
    Announcement unused = {0};
    orfa_file* file = NULL;
    int error = open_first(fd, fd->access_mode, &file, &unused);

    if (error == 0) error = adopt(fd, file, &unused, 0);
    *error_code = adio_orfa_error("ADIOI_ORFA_OPEN", fd->filename, error);
}

/* Must not communicate before there were collective calls: ADIO_Open calls it on those ranks only
 * that have the file open. */
void ADIOI_ORFA_Close(ADIO_File fd, int* error_code) {
    AdOrfaFile* mine = adio_orfa_of(fd);
    int error = 0, late = MPI_SUCCESS;

    if (mine != NULL) {
        late = orfa_coll_late_error(mine->coll, fd->comm);
        adio_orfa_drain(mine);
        adio_orfa_shared_end(mine);
        orfa_coll_destroy(mine->coll);
        if (orfa_close(mine->file) != 0) error = errno;
        free(mine);
        fd->fs_ptr = NULL;
    }
    *error_code = error == 0 ? adio_orfa_remote_error("ADIOI_ORFA_CLOSE", late)
                             : adio_orfa_error("ADIOI_ORFA_CLOSE", fd->filename, error);
}
