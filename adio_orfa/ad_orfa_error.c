/* SPDX-License-Identifier: MIT */
/* errno to MPI's error classes: the only translation table of the project. */
#include "ad_orfa.h"

int adio_orfa_error_class(int error) {
    switch (error) {
        case 0:
            return MPI_SUCCESS;
        case EACCES:
        case EPERM:
        case EBADF: /* written through a handle opened for reading, or the reverse */
            return MPI_ERR_ACCESS;
        case ENAMETOOLONG:
        case EISDIR:
        case ENOTDIR:
        case ELOOP:
            return MPI_ERR_BAD_FILE;
        case ENOENT:
            return MPI_ERR_NO_SUCH_FILE;
        case EROFS:
            return MPI_ERR_READ_ONLY;
        case EEXIST:
            return MPI_ERR_FILE_EXISTS;
        case ENOSPC:
            return MPI_ERR_NO_SPACE;
        case EDQUOT:
            return MPI_ERR_QUOTA;
        case EBUSY:
        case ETXTBSY:
            return MPI_ERR_FILE_IN_USE;
        case ENOMEM:
            return MPI_ERR_NO_MEM;
        case EOPNOTSUPP:
            return MPI_ERR_UNSUPPORTED_OPERATION;
        default:
            return MPI_ERR_IO;
    }
}

/* At most this many lines a process: one for each call of a long loop helps nobody. */
enum { kMostComplaints = 10 };

static void complain(const char* filename, int error) {
    static atomic_int said;
    const char* detail = orfa_error();

    if (atomic_fetch_add(&said, 1) >= kMostComplaints) return;
    fprintf(stderr, "orfa: %s: %s%s%s\n", filename != NULL ? filename : "(no name)",
            strerror(error), detail[0] != '\0' ? ": " : "", detail);
}

int adio_orfa_error(const char* function, const char* filename, int error) {
    int class = adio_orfa_error_class(error);

    if (class == MPI_SUCCESS) return MPI_SUCCESS;
    if (class == MPI_ERR_IO || class == MPI_ERR_NO_MEM) complain(filename, error);
    return MPIO_Err_create_code(MPI_SUCCESS, MPIR_ERR_RECOVERABLE, function, __LINE__, class,
                                "**io", "**io %s", strerror(error));
}

int adio_orfa_remote_error(const char* function, int error_class) {
    if (error_class == MPI_SUCCESS) return MPI_SUCCESS;
    return MPIO_Err_create_code(MPI_SUCCESS, MPIR_ERR_RECOVERABLE, function, __LINE__, error_class,
                                "**oremote_fail", 0);
}
