/* SPDX-License-Identifier: MIT */
/* Collective reads and writes: each rank moves its own pieces, then all agree on the outcome. The
 * closing agreement is also the synchronisation that programs expect behind a collective write:
 * what any rank wrote is visible to all when the call returns. */
#include "ad_orfa.h"
#include "adio_orfa/romio/io_orfa.h"

/* Every rank of the file comes here exactly once per collective call, whatever befell it. A rank
 * that did well returns the error of one that did not. */
static void agree(ADIO_File fd, const char* function, int* error_code) {
    int mine = MPI_SUCCESS, all;

    if (*error_code != MPI_SUCCESS) MPI_Error_class(*error_code, &mine);
    all = mine;
    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MAX, fd->comm);
    if (mine == MPI_SUCCESS) *error_code = adio_orfa_remote_error(function, all);
}

void adio_orfa_collective_leave(ADIO_File fd, int joined, int* error_code) {
    if (joined || fd == ADIO_FILE_NULL || fd->cookie != ADIOI_FILE_COOKIE) return;
    agree(fd, "ADIOI_ORFA_COLLECTIVE", error_code);
}

static int is_contiguous(ADIO_File fd, MPI_Datatype datatype) {
    int memory, file;

    ADIOI_Datatype_iscontig(datatype, &memory);
    ADIOI_Datatype_iscontig(fd->filetype, &file);
    return memory && file;
}

static ADIO_Offset byte_offset(ADIO_File fd, int file_ptr_type, ADIO_Offset offset) {
    return file_ptr_type == ADIO_INDIVIDUAL ? offset : fd->disp + offset * fd->etype_size;
}

void ADIOI_ORFA_ReadStridedColl(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                                int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                                int* error_code) {
    if (is_contiguous(fd, datatype))
        ADIOI_ORFA_ReadContig(fd, buf, count, datatype, file_ptr_type,
                              byte_offset(fd, file_ptr_type, offset), status, error_code);
    else
        ADIOI_ORFA_ReadStrided(fd, buf, count, datatype, file_ptr_type, offset, status, error_code);
    agree(fd, "ADIOI_ORFA_READSTRIDEDCOLL", error_code);
}

void ADIOI_ORFA_WriteStridedColl(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                                 int file_ptr_type, ADIO_Offset offset, ADIO_Status* status,
                                 int* error_code) {
    if (is_contiguous(fd, datatype))
        ADIOI_ORFA_WriteContig(fd, buf, count, datatype, file_ptr_type,
                               byte_offset(fd, file_ptr_type, offset), status, error_code);
    else
        ADIOI_ORFA_WriteStrided(fd, buf, count, datatype, file_ptr_type, offset, status,
                                error_code);
    agree(fd, "ADIOI_ORFA_WRITESTRIDEDCOLL", error_code);
}

/* With external32 data ROMIO's buffer does not outlive the call: blocking then. */
void ADIOI_ORFA_IreadStridedColl(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                                 int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                                 int* error_code) {
    ADIO_Status status;

    if (!fd->is_external32) {
        ADIOI_ORFA_IreadStrided(fd, buf, count, datatype, file_ptr_type, offset, request,
                                error_code);
        return;
    }
    ADIOI_ORFA_ReadStrided(fd, buf, count, datatype, file_ptr_type, offset, &status, error_code);
    adio_orfa_finished_request(fd, &status, request, error_code);
}

void ADIOI_ORFA_IwriteStridedColl(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                                  int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                                  int* error_code) {
    ADIO_Status status;

    if (!fd->is_external32) {
        ADIOI_ORFA_IwriteStrided(fd, buf, count, datatype, file_ptr_type, offset, request,
                                 error_code);
        return;
    }
    ADIOI_ORFA_WriteStrided(fd, buf, count, datatype, file_ptr_type, offset, &status, error_code);
    adio_orfa_finished_request(fd, &status, request, error_code);
}
