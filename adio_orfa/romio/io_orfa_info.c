/* SPDX-License-Identifier: MIT */
/* Between Open MPI's file object and ROMIO's: one-time set-up, and the hints in force. */

/* The order matters: each header needs the ones before it. */
/* clang-format off */
#include "ompi_config.h"

#include "io_orfa.h"
#include "io_romio321.h"
#include "ompi/info/info.h"
#include "opal/util/info_subscriber.h"

#include "adio_orfa/ad_orfa.h"
#include "mpioimpl.h"

#include <pthread.h>
/* clang-format on */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void mca_io_orfa_initialize(void) {
    int error_code;

    pthread_mutex_lock(&lock);
    MPIR_MPIOInit(&error_code);
    pthread_mutex_unlock(&lock);
}

static ADIO_File adio_of(struct ompi_file_t* file) {
    const mca_io_romio321_data_t* data = (mca_io_romio321_data_t*)file->f_io_selected_data;

    return data != NULL ? (ADIO_File)data->romio_fh : NULL;
}

static int in_force(ADIO_File fd, const char* key, const char* value) {
    char now[MPI_MAX_INFO_VAL + 1];
    int found = 0;

    MPI_Info_get(fd->info, key, MPI_MAX_INFO_VAL, now, &found);
    return found && strcmp(now, value) == 0;
}

/* Open MPI asks what becomes of a hint that MPI_File_set_info() gives. It would show the user's
 * value from then on whatever the answer, so a hint that is not followed (a layout, which can't
 * change) is left out of MPI_File_get_info() until the hints are published anew: no value rather
 * than a wrong one. */
static char* on_set_info(opal_infosubscriber_t* object, char* key, char* value) {
    ADIO_File fd = adio_of((struct ompi_file_t*)object);
    MPI_Info wish;
    int error_code;

    if (fd == NULL || value == NULL || in_force(fd, key, value)) return value;
    MPI_Info_create(&wish);
    MPI_Info_set(wish, key, value);
    ADIO_SetInfo(fd, wish, &error_code);
    MPI_Info_free(&wish);
    return in_force(fd, key, value) ? value : NULL;
}

static void publish_key(struct ompi_file_t* file, MPI_Info info, int index, int subscribe) {
    char key[MPI_MAX_INFO_KEY + 1], value[MPI_MAX_INFO_VAL + 1];
    int found = 0;

    MPI_Info_get_nthkey(info, index, key);
    MPI_Info_get(info, key, MPI_MAX_INFO_VAL, value, &found);
    if (!found) return;
    opal_info_set(file->super.s_info, key, value);
    if (subscribe) opal_infosubscribe_subscribe(&file->super, key, value, on_set_info);
}

void mca_io_orfa_publish_info(struct ompi_file_t* file) {
    ADIO_File fd = adio_of(file);
    int count = 0;
    opal_info_t* old = file->super.s_info;
    const int subscribe = adio_orfa_of(fd)->published++ == 0;

    file->super.s_info = OBJ_NEW(opal_info_t);
    if (old != NULL) OBJ_RELEASE(old);
    MPI_Info_get_nkeys(fd->info, &count);
    for (int i = 0; i < count; i++)
        publish_key(file, fd->info, i, subscribe);
}
