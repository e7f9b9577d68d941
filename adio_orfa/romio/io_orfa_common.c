/* SPDX-License-Identifier: MIT */
/* Those functions of ROMIO's common part that this component has in its own form: the ones that
 * walk over datatypes (ROMIO 3.2.1 flattens nested types wrongly, and searches views from their
 * start), the choice of the file system (every file that comes here is ours), and the reading of
 * hints (ROMIO's broadcasts each one and takes any text for a number). The build leaves ROMIO's
 * files of these out. */

/* The order matters: each header needs the ones before it. */
/* clang-format off */
#include "adio_orfa/ad_orfa.h"

#include "adio_extern.h"
#include "hint_fns.h"

#include <strings.h>
/* clang-format on */

/* ---- Which file system --------------------------------------------------------------------- */

void ADIO_ResolveFileType(MPI_Comm comm, const char* filename, int* fstype, ADIOI_Fns** ops,
                          int* error_code) {
    (void)comm;
    *fstype = ADIO_ORFA;
    *ops = &ADIO_ORFA_operations;
    *error_code =
        filename != NULL ? MPI_SUCCESS : adio_orfa_error("ADIO_RESOLVEFILETYPE", filename, ENOENT);
}

/* ---- Datatypes and views ------------------------------------------------------------------- */

void ADIOI_Datatype_iscontig(MPI_Datatype datatype, int* flag) {
    AdOrfaFlat scratch;
    const AdOrfaFlat* flat = adio_orfa_flatten(datatype, &scratch);

    *flag = flat != NULL && flat->contiguous;
}

static void free_type(MPI_Datatype* type) {
    int a, b, c, combiner;

    MPI_Type_get_envelope(*type, &a, &b, &c, &combiner);
    if (combiner != MPI_COMBINER_NAMED) MPI_Type_free(type);
}

static MPI_Datatype own_type(MPI_Datatype type) {
    int a, b, c, combiner;
    MPI_Datatype copy;

    MPI_Type_get_envelope(type, &a, &b, &c, &combiner);
    if (combiner == MPI_COMBINER_NAMED) return type;
    MPI_Type_contiguous(1, type, &copy);
    MPI_Type_commit(&copy);
    return copy;
}

void ADIO_Set_view(ADIO_File fd, ADIO_Offset disp, MPI_Datatype etype, MPI_Datatype filetype,
                   MPI_Info info, int* error_code) {
    AdOrfaFlat scratch;
    const AdOrfaFlat* flat = adio_orfa_flatten(filetype, &scratch);
    MPI_Count etype_size;

    if (flat == NULL || (flat->count > 0 && flat->blocks[0].offset < 0)) {
        *error_code =
            adio_orfa_remote_error("ADIO_SET_VIEW", flat == NULL ? MPI_ERR_NO_MEM : MPI_ERR_ARG);
        return;
    }
    MPI_Datatype new_etype = own_type(etype), new_filetype = own_type(filetype);
    free_type(&fd->etype);
    free_type(&fd->filetype);
    ADIO_SetInfo(fd, info, error_code);
    fd->etype = new_etype;
    fd->filetype = new_filetype;
    MPI_Type_size_x(etype, &etype_size);
    fd->etype_size = etype_size > 0 ? etype_size : 1; /* ROMIO divides by it */
    fd->disp = disp;
    fd->fp_ind = disp; /* the view's first byte; see ad_orfa.h */
    *error_code = MPI_SUCCESS;
}

ADIO_Offset ADIOI_ORFA_SeekIndividual(ADIO_File fd, ADIO_Offset offset, int whence,
                                      int* error_code) {
    (void)whence; /* always from the start */
    fd->fp_ind = fd->disp + offset * fd->etype_size;
    *error_code = MPI_SUCCESS;
    return fd->fp_ind;
}

void ADIOI_Get_position(ADIO_File fd, ADIO_Offset* offset) {
    *offset = (fd->fp_ind - fd->disp) / fd->etype_size;
}

void ADIOI_Get_byte_offset(ADIO_File fd, ADIO_Offset offset, ADIO_Offset* disp) {
    AdOrfaFlat scratch;
    const AdOrfaFlat* flat = adio_orfa_flatten(fd->filetype, &scratch);

    *disp = fd->disp;
    if (flat == NULL || flat->size == 0) return;
    const AdOrfaCursor cursor = adio_orfa_seek(flat, fd->disp, offset * fd->etype_size);
    *disp = adio_orfa_place(&cursor);
}

void ADIOI_Get_eof_offset(ADIO_File fd, ADIO_Offset* eof_offset) {
    AdOrfaFlat scratch;
    const AdOrfaFlat* flat = adio_orfa_flatten(fd->filetype, &scratch);
    ADIO_Fcntl_t answer;
    int error_code;

    *eof_offset = 0;
    ADIO_Fcntl(fd, ADIO_FCNTL_GET_FSIZE, &answer, &error_code);
    if (error_code != MPI_SUCCESS || flat == NULL) return;
    const MPI_Offset bytes = adio_orfa_bytes_before(flat, fd->disp, answer.fsize);
    *eof_offset = (bytes + fd->etype_size - 1) / fd->etype_size; /* the first etype not all there */
}

/* ---- Hints --------------------------------------------------------------------------------- */

static int given(MPI_Info info, const char* key, char* text) {
    int found = 0;

    MPI_Info_get(info, key, MPI_MAX_INFO_VAL, text, &found);
    return found;
}

int ADIOI_Info_check_and_install_int(ADIO_File fd, MPI_Info info, const char* key, int* local_cache,
                                     char* funcname, int* error_code) {
    char text[MPI_MAX_INFO_VAL + 1];
    long long value;

    (void)funcname;
    (void)error_code;
    if (!given(info, key, text)) return 0;
    if (!adio_orfa_parse(text, INT32_MIN, INT32_MAX, &value)) {
        adio_orfa_refuse_hint(fd, key, text, "no number");
        return 0;
    }
    MPI_Info_set(fd->info, key, text);
    if (local_cache != NULL) *local_cache = (int)value;
    return 0;
}

/* A hint whose value is one of two or three words. */
static int install_word(ADIO_File fd, MPI_Info info, const char* key, int* local_cache,
                        const char* const words[], const int values[], int count) {
    char text[MPI_MAX_INFO_VAL + 1];

    if (!given(info, key, text)) return 0;
    for (int i = 0; i < count; i++) {
        if (strcasecmp(text, words[i]) != 0) continue;
        MPI_Info_set(fd->info, key, text);
        *local_cache = values[i];
        return 0;
    }
    adio_orfa_refuse_hint(fd, key, text,
                          count == 2 ? "true or false" : "enable, disable or automatic");
    return 0;
}

int ADIOI_Info_check_and_install_enabled(ADIO_File fd, MPI_Info info, const char* key,
                                         int* local_cache, char* funcname, int* error_code) {
    static const char* const words[] = {"enable", "disable", "automatic"};
    static const int values[] = {ADIOI_HINT_ENABLE, ADIOI_HINT_DISABLE, ADIOI_HINT_AUTO};

    (void)funcname;
    (void)error_code;
    return install_word(fd, info, key, local_cache, words, values, 3);
}

int ADIOI_Info_check_and_install_true(ADIO_File fd, MPI_Info info, const char* key,
                                      int* local_cache, char* funcname, int* error_code) {
    static const char* const words[] = {"true", "false"};
    static const int values[] = {1, 0};

    (void)funcname;
    (void)error_code;
    return install_word(fd, info, key, local_cache, words, values, 2);
}

int ADIOI_Info_check_and_install_str(ADIO_File fd, MPI_Info info, const char* key,
                                     char** local_cache, char* funcname, int* error_code) {
    char text[MPI_MAX_INFO_VAL + 1];

    (void)funcname;
    (void)error_code;
    if (!given(info, key, text)) return 0;
    MPI_Info_set(fd->info, key, text);
    *local_cache = ADIOI_Strdup(text);
    return 0;
}

/* ---- What else ROMIO calls of the files left out ------------------------------------------- */

int ADIOI_OneSidedCleanup(ADIO_File fd) {
    (void)fd;
    return MPI_SUCCESS;
}
