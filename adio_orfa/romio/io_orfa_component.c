/* SPDX-License-Identifier: MIT */
/* Open MPI's io component "orfa": takes the files that are ORFA's and leaves every other one to the
 * stock components. The calls on a file go through the functions of the romio321 component's
 * module, which are compiled into this component under hidden names. */

/* The order matters: each header needs the ones before it. */
/* clang-format off */
#include "ompi_config.h"

#include "io_orfa.h"
#include "io_romio321.h"
#include "opal/mca/base/base.h"

#include <stdlib.h>
/* clang-format on */

static int register_parameters(void);
static int init_query(bool enable_progress_threads, bool enable_mpi_threads);
static const struct mca_io_base_module_2_0_0_t* file_query(struct ompi_file_t* file,
                                                           struct mca_io_base_file_t** data,
                                                           int* priority);
static int file_unquery(struct ompi_file_t* file, struct mca_io_base_file_t* data);
static int delete_query(const char* filename, struct opal_info_t* info,
                        struct mca_io_base_delete_t** data, bool* usable, int* priority);
static int delete_select(const char* filename, struct opal_info_t* info,
                         struct mca_io_base_delete_t* data);
static int register_datarep(const char* name, MPI_Datarep_conversion_function* read_function,
                            MPI_Datarep_conversion_function* write_function,
                            MPI_Datarep_extent_function* extent_function, void* state);

/* Above ompio's 30: what this component takes it takes from every other one. */
static int priority_parameter = 40;

/* The romio321 files refer to it; this component's locking is finer (see patch_romio.py). */
opal_mutex_t mca_io_romio321_mutex = OPAL_MUTEX_STATIC_INIT;

OMPI_DECLSPEC extern mca_io_base_component_2_0_0_t mca_io_orfa_component;

mca_io_base_component_2_0_0_t mca_io_orfa_component = {
    .io_version =
        {
            MCA_IO_BASE_VERSION_2_0_0,
            .mca_component_name = "orfa",
            MCA_BASE_MAKE_VERSION(component, OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION,
                                  OMPI_RELEASE_VERSION),
            .mca_register_component_params = register_parameters,
        },
    .io_data = {.param_field = MCA_BASE_METADATA_PARAM_CHECKPOINT},
    .io_init_query = init_query,
    .io_file_query = file_query,
    .io_file_unquery = file_unquery,
    .io_delete_query = delete_query,
    .io_delete_select = delete_select,
    .io_register_datarep = register_datarep,
};

static int register_parameters(void) {
    (void)mca_base_component_var_register(
        &mca_io_orfa_component.io_version, "priority",
        "Priority of the orfa io component for the files it takes", MCA_BASE_VAR_TYPE_INT, NULL, 0,
        0, OPAL_INFO_LVL_9, MCA_BASE_VAR_SCOPE_READONLY, &priority_parameter);
    return OMPI_SUCCESS;
}

static int init_query(bool enable_progress_threads, bool enable_mpi_threads) {
    (void)enable_progress_threads;
    (void)enable_mpi_threads;
    return OMPI_SUCCESS;
}

static const struct mca_io_base_module_2_0_0_t* file_query(struct ompi_file_t* file,
                                                           struct mca_io_base_file_t** data,
                                                           int* priority) {
    if (!adio_orfa_takes(file->f_filename)) return NULL;
    *data = calloc(1, sizeof(mca_io_romio321_data_t));
    if (*data == NULL) return NULL;
    *priority = priority_parameter;
    return &mca_io_romio321_module;
}

static int file_unquery(struct ompi_file_t* file, struct mca_io_base_file_t* data) {
    (void)file;
    free(data);
    return OMPI_SUCCESS;
}

static int delete_query(const char* filename, struct opal_info_t* info,
                        struct mca_io_base_delete_t** data, bool* usable, int* priority) {
    (void)info;
    *data = NULL;
    *usable = adio_orfa_takes(filename) != 0;
    *priority = priority_parameter;
    return OMPI_SUCCESS;
}

static int delete_select(const char* filename, struct opal_info_t* info,
                         struct mca_io_base_delete_t* data) {
    (void)info;
    (void)data;
    mca_io_orfa_initialize();
    return ROMIO_PREFIX(MPI_File_delete)(filename, MPI_INFO_NULL);
}

/* ROMIO has no user-defined data representations; the other components answer for themselves. */
static int register_datarep(const char* name, MPI_Datarep_conversion_function* read_function,
                            MPI_Datarep_conversion_function* write_function,
                            MPI_Datarep_extent_function* extent_function, void* state) {
    (void)name;
    (void)read_function;
    (void)write_function;
    (void)extent_function;
    (void)state;
    return OMPI_SUCCESS;
}
