/* SPDX-License-Identifier: MIT */
/* Contiguous reads and writes: memory and file in one piece each. */
#include "ad_orfa.h"

ADIO_Offset adio_orfa_take_position(ADIO_File fd, int pointer_type, ADIO_Offset offset,
                                    ADIO_Offset length) {
    if (pointer_type != ADIO_INDIVIDUAL) return offset;
    /* Atomic, since several threads may read through one pointer at once. */
    return __atomic_fetch_add(&fd->fp_ind, length, __ATOMIC_RELAXED);
}

void adio_orfa_set_status(ADIO_Status* status, MPI_Datatype datatype, MPI_Offset bytes) {
#ifdef HAVE_STATUS_SET_BYTES
    if (status != MPI_STATUS_IGNORE && status != NULL)
        MPIR_Status_set_bytes(status, datatype, bytes);
#endif
}

/* Moves `length` bytes at `position`: the bytes moved, or -1 and errno. */
static ssize_t move(ADIO_File fd, int writing, const void* buf, MPI_Offset length,
                    MPI_Offset position) {
    orfa_file* file = adio_orfa_of(fd)->file;

    if (length == 0) return 0;
    int error = adio_orfa_atomic_begin(fd, writing, position, length);
    ssize_t moved = -1;
    if (error == 0) {
        /* Only reading writes to the buffer, and its caller has one that may be written to. */
        moved = writing
                    ? orfa_pwrite(file, buf, (size_t)length, (uint64_t)position)
                    : orfa_pread(file, (void*)(uintptr_t)buf, (size_t)length, (uint64_t)position);
        if (moved < 0) error = errno;
        const int unlocked = adio_orfa_atomic_end(fd, position, length);
        if (error == 0) error = unlocked;
    }
    errno = error;
    return error == 0 ? moved : -1;
}

void adio_orfa_contiguous(ADIO_File fd, int writing, const void* buf, int count,
                          MPI_Datatype datatype, int file_ptr_type, ADIO_Offset offset,
                          ADIO_Status* status, int* error_code) {
    MPI_Count size;

    MPI_Type_size_x(datatype, &size);
    const ADIO_Offset length = (ADIO_Offset)size * count;
    const ADIO_Offset position = adio_orfa_take_position(fd, file_ptr_type, offset, length);
    const ssize_t moved = move(fd, writing, buf, length, position);
    const int error = moved < 0 ? errno : 0;
    adio_orfa_set_status(status, datatype, moved < 0 ? 0 : moved);
    *error_code = adio_orfa_error(writing ? "ADIOI_ORFA_WRITECONTIG" : "ADIOI_ORFA_READCONTIG",
                                  fd->filename, error);
}

void ADIOI_ORFA_ReadContig(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                           int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                           int* error_code) {
    orfa_coll_settle(adio_orfa_of(fd)->coll, fd->comm);
    adio_orfa_contiguous(fd, 0, buf, count, datatype, file_ptr_type, offset, status, error_code);
}

void ADIOI_ORFA_WriteContig(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                            int* error_code) {
    orfa_coll_settle(adio_orfa_of(fd)->coll, fd->comm);
    adio_orfa_contiguous(fd, 1, buf, count, datatype, file_ptr_type, offset, status, error_code);
}
