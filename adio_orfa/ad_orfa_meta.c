/* SPDX-License-Identifier: MIT */
/* Everything about a file but its bytes: names, sizes, flush, delete, features. */
#include <strings.h>

#include "ad_orfa.h"
#include "adio_orfa/romio/io_orfa.h"

/* ROMIO's own prefixes and ours. */
static const char* const kPrefixes[] = {
    "orfa:", "ufs:",   "nfs:",   "xfs:",  "pfs:",    "hfs:",    "sfs:",   "piofs:",
    "pvfs:", "pvfs2:", "panfs:", "gpfs:", "lustre:", "testfs:", "zoidfs:"};
enum { kPrefixCount = sizeof(kPrefixes) / sizeof(kPrefixes[0]) };

const char* adio_orfa_cut_prefix(const char* name) {
    for (int i = 0; i < kPrefixCount; i++) {
        const size_t length = strlen(kPrefixes[i]);
        if (strncasecmp(name, kPrefixes[i], length) == 0) return name + length;
    }
    return name;
}

int adio_orfa_takes(const char* name) {
    const char* force = getenv("ROMIO_FSTYPE_FORCE");

    if (name != NULL && strncasecmp(name, "orfa:", 5) == 0) return 1;
    return force != NULL && (strcasecmp(force, "orfa:") == 0 || strcasecmp(force, "orfa") == 0);
}

/* Lets the opening rank do `action` once all ranks are here, and tells all what came of it. */
static void do_once(ADIO_File fd, const char* function, int (*action)(orfa_file*, ADIO_Offset),
                    ADIO_Offset argument, int* error_code) {
    const int doer = fd->hints->ranklist[0];
    int rank, class = MPI_SUCCESS;

    MPI_Comm_rank(fd->comm, &rank);
    const int late = orfa_coll_late_error(adio_orfa_of(fd)->coll, fd->comm);
    MPI_Barrier(fd->comm); /* what the others wrote before is at the servers now */
    *error_code = MPI_SUCCESS;
    if (rank == doer) {
        const int error = action(adio_orfa_of(fd)->file, argument) == 0 ? 0 : errno;
        *error_code = adio_orfa_error(function, fd->filename, error);
        class = adio_orfa_error_class(error);
    }
    MPI_Bcast(&class, 1, MPI_INT, doer, fd->comm);
    if (rank != doer) *error_code = adio_orfa_remote_error(function, class);
    if (*error_code == MPI_SUCCESS) *error_code = adio_orfa_remote_error(function, late);
}

static int sync_file(orfa_file* file, ADIO_Offset unused) {
    (void)unused;
    return orfa_fsync(file);
}

void ADIOI_ORFA_Flush(ADIO_File fd, int* error_code) {
    do_once(fd, "ADIOI_ORFA_FLUSH", sync_file, 0, error_code);
}

static int resize_file(orfa_file* file, ADIO_Offset size) {
    return orfa_ftruncate(file, (uint64_t)size);
}

void ADIOI_ORFA_Resize(ADIO_File fd, ADIO_Offset size, int* error_code) {
    do_once(fd, "ADIOI_ORFA_RESIZE", resize_file, size, error_code);
}

void ADIOI_ORFA_Delete(const char* filename, int* error_code) {
    orfa_session* session = orfa_default_session();
    const int error =
        session != NULL && orfa_unlink(session, filename) == 0 ? 0 : (errno != 0 ? errno : EIO);

    *error_code = adio_orfa_error("ADIOI_ORFA_DELETE", filename, error);
}

void ADIOI_ORFA_Fcntl(ADIO_File fd, int flag, ADIO_Fcntl_t* fcntl_struct, int* error_code) {
    static const char name[] = "ADIOI_ORFA_FCNTL";
    orfa_file* file = adio_orfa_of(fd)->file;
    int error = 0;

    orfa_coll_settle(adio_orfa_of(fd)->coll, fd->comm);
    switch (flag) {
        case ADIO_FCNTL_GET_FSIZE: /* on any rank alone */
            fcntl_struct->fsize = orfa_size(file);
            if (fcntl_struct->fsize < 0) error = errno;
            break;
        case ADIO_FCNTL_SET_DISKSPACE: /* on rank 0 alone */
            if (orfa_allocate(file, 0, (uint64_t)fcntl_struct->diskspace) != 0) error = errno;
            break;
        case ADIO_FCNTL_SET_ATOMICITY: /* the same on all ranks */
            fd->atomicity = fcntl_struct->atomicity != 0;
            orfa_coll_renew(adio_orfa_of(fd)->coll);
            break;
        default:
            error = EOPNOTSUPP;
            break;
    }
    *error_code = adio_orfa_error(name, fd->filename, error);
}

/* Asked during open too, when there is no file yet. */
int ADIOI_ORFA_Feature(ADIO_File fd, int flag) {
    (void)fd;
    switch (flag) {
        case ADIO_SCALABLE_OPEN:   /* one rank opens; also: never open late */
        case ADIO_SCALABLE_RESIZE: /* one rank resizes */
        case ADIO_SHARED_FP:
        case ADIO_ATOMIC_MODE:
            return 1;
        case ADIO_LOCKS:               /* not fcntl()'s, by ROMIO: this driver locks itself */
        case ADIO_DATA_SIEVING_WRITES: /* never: pieces are written as pieces */
        case ADIO_TWO_PHASE:
        case ADIO_UNLINK_AFTER_CLOSE:
        default:
            return 0;
    }
}
