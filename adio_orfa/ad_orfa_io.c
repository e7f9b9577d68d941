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

void ADIOI_ORFA_ReadContig(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                           int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                           int* error_code) {
    MPI_Count size;

    MPI_Type_size_x(datatype, &size);
    const ADIO_Offset length = (ADIO_Offset)size * count;
    const ADIO_Offset position = adio_orfa_take_position(fd, file_ptr_type, offset, length);
    const ssize_t got =
        length == 0 ? 0
                    : orfa_pread(adio_orfa_of(fd)->file, buf, (size_t)length, (uint64_t)position);
    const int error = got < 0 ? errno : 0;
    adio_orfa_set_status(status, datatype, got < 0 ? 0 : got);
    *error_code = adio_orfa_error("ADIOI_ORFA_READCONTIG", fd->filename, error);
}

void ADIOI_ORFA_WriteContig(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                            int* error_code) {
    MPI_Count size;

    MPI_Type_size_x(datatype, &size);
    const ADIO_Offset length = (ADIO_Offset)size * count;
    const ADIO_Offset position = adio_orfa_take_position(fd, file_ptr_type, offset, length);
    const ssize_t put =
        length == 0 ? 0
                    : orfa_pwrite(adio_orfa_of(fd)->file, buf, (size_t)length, (uint64_t)position);
    const int error = put < 0 ? errno : 0;
    adio_orfa_set_status(status, datatype, put < 0 ? 0 : put);
    *error_code = adio_orfa_error("ADIOI_ORFA_WRITECONTIG", fd->filename, error);
}
