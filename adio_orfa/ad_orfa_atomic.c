/* SPDX-License-Identifier: MIT */
/* Atomic mode: each access holds a lock on the bytes from its first to its last one, exclusive to
 * write and shared to read, at the file's home server. An access takes one lock and waits for
 * nothing else while it has it, so accesses can't wait for each other in a circle; the server lets
 * them in in the order they came. What a rank locked when it died is free again. */
#include "ad_orfa.h"

/* A lock that is not free for so long belongs to a rank that is stopped, not to one that works. */
enum { kLongestWaitMs = 10 * 60 * 1000 };

int adio_orfa_atomic_begin(ADIO_File fd, int writing, MPI_Offset first, MPI_Offset length) {
    if (!fd->atomicity || length == 0) return 0;
    if (orfa_lock(adio_orfa_of(fd)->file, (uint64_t)first, (uint64_t)length, writing,
                  kLongestWaitMs) == 0)
        return 0;
    return errno != 0 ? errno : EIO;
}

int adio_orfa_atomic_end(ADIO_File fd, MPI_Offset first, MPI_Offset length) {
    if (!fd->atomicity || length == 0) return 0;
    if (orfa_unlock(adio_orfa_of(fd)->file, (uint64_t)first, (uint64_t)length) == 0) return 0;
    return errno != 0 ? errno : EIO;
}

/* ROMIO locks around its calls of this driver, which has locked already. */
int ADIOI_Set_lock(FDTYPE fd_sys, int cmd, int type, ADIO_Offset offset, int whence,
                   ADIO_Offset len) {
    (void)fd_sys;
    (void)cmd;
    (void)type;
    (void)offset;
    (void)whence;
    (void)len;
    return MPI_SUCCESS;
}
