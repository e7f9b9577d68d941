/* SPDX-License-Identifier: MIT */
/* Nonblocking reads and writes: a generalized request over the operations that orfa_start_readv()
 * and orfa_start_writev() return, completed from Open MPI's progress loop, which every MPI call
 * that waits runs. The nonblocking collective calls are the same, on each rank for itself: they
 * need no other rank, so any number of them may be under way in any order. */

/* The order matters: each header needs the ones before it. */
/* clang-format off */
#include "ad_orfa.h"

#include "opal_config.h"
#include "opal/runtime/opal_progress.h"

#include <pthread.h>
#include <sched.h>
/* clang-format on */

typedef struct Part Part;

typedef struct Request {
    MPI_Request handle;
    AdOrfaFile* file;
    const char* function;
    char* filename;
    Part *parts, **end; /* in the order of the access */
    int pending;        /* parts under way, plus 1 while more are being started */
    int error;          /* errno */
    MPI_Offset moved;
    int error_code;       /* set when complete */
    struct Request* next; /* in a list of finished ones */
} Request;

/* One bounded piece of a request: one operation of the client. */
struct Part {
    Request* request;
    MPI_Offset bytes; /* asked */
    MPI_Offset moved;
    Part* next;
};

/* Protects all below and every Request until it has ended. Never held while MPI runs callbacks. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static orfa_group* group;
static int requests_under_way; /* the progress callback is registered while this is not 0 */

/* ---- What MPI asks of a generalized request ------------------------------------------------ */

static int query(void* state, MPI_Status* status) {
    const Request* request = state;

    MPI_Status_set_elements_x(status, MPI_BYTE, request->error == 0 ? request->moved : 0);
    MPI_Status_set_cancelled(status, 0);
    status->MPI_SOURCE = MPI_UNDEFINED;
    status->MPI_TAG = MPI_UNDEFINED;
    return request->error_code;
}

static int release(void* state) {
    Request* request = state;
    const int error_code = request->error_code;

    while (request->parts != NULL) {
        Part* part = request->parts;
        request->parts = part->next;
        free(part);
    }
    free(request->filename);
    free(request);
    return error_code;
}

static int cancel(void* state, int complete) {
    (void)state;
    (void)complete;
    return MPI_SUCCESS; /* can't be cancelled, which is not an error */
}

/* ---- Progress ------------------------------------------------------------------------------ */

/* Bytes before the first part that came up short: the end of the file. */
static void add_up(Request* request) {
    request->moved = 0;
    for (const Part* part = request->parts; part != NULL; part = part->next) {
        request->moved += part->moved;
        if (part->moved < part->bytes) break;
    }
}

/* One part less is under way. Returns the request when that was the last. Lock held. */
static Request* part_ended(Request* request) {
    return --request->pending == 0 ? request : NULL;
}

static void end_operation(orfa_op* op, Request** finished) {
    Part* part = orfa_op_tag(op);
    Request* request = part->request;
    const ssize_t moved = orfa_op_finish(op, -1);

    if (moved >= 0)
        part->moved = moved;
    else if (request->error == 0)
        request->error = errno;
    if (part_ended(request) != NULL) {
        request->next = *finished;
        *finished = request;
    }
}

/* Tells MPI. Not under the lock: MPI may run anything from here. */
static int complete_all(Request* finished) {
    int count = 0;

    while (finished != NULL) {
        Request* request = finished;
        MPI_Request handle = request->handle;
        finished = request->next; /* the request may be gone after completion */
        add_up(request);
        request->error_code = adio_orfa_error(request->function, request->filename, request->error);
        atomic_fetch_sub(&request->file->outstanding, 1);
        MPI_Grequest_complete(handle);
        count++;
    }
    return count;
}

static int progress(void);

static void count_finished(const Request* finished) {
    for (; finished != NULL; finished = finished->next)
        if (--requests_under_way == 0) opal_progress_unregister(progress);
}

/* Called by Open MPI's progress loop. When another thread (or, from a callback, this one) is in
 * here already there is nothing to do. */
static int progress(void) {
    Request* finished = NULL;
    orfa_op* op;

    if (pthread_mutex_trylock(&lock) != 0) return 0;
    while (requests_under_way > 0 && (op = orfa_group_next(group, 0)) != NULL)
        end_operation(op, &finished);
    count_finished(finished);
    pthread_mutex_unlock(&lock);
    return complete_all(finished);
}

void adio_orfa_drain(AdOrfaFile* file) {
    while (atomic_load(&file->outstanding) > 0)
        if (progress() == 0) sched_yield();
}

/* ---- Starting ------------------------------------------------------------------------------ */

static int start_part(Request* request, int writing, const orfa_access* access, MPI_Offset bytes) {
    Part* part = calloc(1, sizeof(*part));

    if (part == NULL) return ENOMEM;
    part->request = request;
    part->bytes = bytes;
    *request->end = part;
    request->end = &part->next;
    request->pending++;
    orfa_op* op = writing ? orfa_start_writev(request->file->file, access, group, part)
                          : orfa_start_readv(request->file->file, access, group, part);
    if (op != NULL) return 0;
    request->pending--;
    return errno != 0 ? errno : EIO;
}

/* Starts all parts of the walk. Lock held. Returns the request when it has ended already. */
static Request* start_parts(Request* request, int writing, AdOrfaWalk* walk) {
    orfa_access access;
    MPI_Offset bytes;
    int error;

    request->pending = 1;
    for (;;) {
        error = adio_orfa_walk_next(walk, &access, &bytes);
        if (error != 0 || bytes == 0) break;
        error = start_part(request, writing, &access, bytes);
        if (error != 0) break;
    }
    if (request->error == 0) request->error = error;
    return part_ended(request);
}

static Request* new_request(ADIO_File fd, int writing) {
    Request* request = calloc(1, sizeof(*request));

    if (request == NULL) return NULL;
    request->file = adio_orfa_of(fd);
    request->function = writing ? "ADIOI_ORFA_IWRITE" : "ADIOI_ORFA_IREAD";
    request->filename =
        strdup(fd->filename); /* the file may be closed before the request is freed */
    request->end = &request->parts;
    return request;
}

/* The group of this process, under the lock. */
static int have_group(void) {
    orfa_session* session = group == NULL ? orfa_default_session() : NULL;

    if (session != NULL) group = orfa_group_create(session);
    return group != NULL;
}

/* Posts the access that `walk` describes. */
static int post(ADIO_File fd, int writing, AdOrfaWalk* walk, ADIO_Request* handle) {
    Request* request = new_request(fd, writing);

    if (request == NULL) return ENOMEM;
    if (MPI_Grequest_start(query, release, cancel, request, &request->handle) != MPI_SUCCESS) {
        release(request);
        return ENOMEM;
    }
    *handle = request->handle;
    atomic_fetch_add(&request->file->outstanding, 1);

    pthread_mutex_lock(&lock);
    Request* finished = request;
    if (!have_group()) {
        request->error = errno;
    } else {
        finished = start_parts(request, writing, walk);
        if (finished == NULL && requests_under_way++ == 0) opal_progress_register(progress);
    }
    pthread_mutex_unlock(&lock);
    complete_all(finished);
    return 0;
}

/* An access in atomic mode has to wait for its lock, so it is over when the call returns. (Were it
 * under way with its lock, this rank's next call could wait for it without driving it.) */
static void finish_at_once(ADIO_File fd, int writing, const void* buf, int count,
                           MPI_Datatype datatype, int file_ptr_type, ADIO_Offset offset,
                           ADIO_Request* request, int* error_code) {
    ADIO_Status status;

    if (writing)
        ADIOI_ORFA_WriteStrided(fd, buf, count, datatype, file_ptr_type, offset, &status,
                                error_code);
    else
        ADIOI_ORFA_ReadStrided(fd, (void*)(uintptr_t)buf, count, datatype, file_ptr_type, offset,
                               &status, error_code);
    adio_orfa_finished_request(fd, &status, request, error_code);
}

void adio_orfa_finished_request(ADIO_File fd, ADIO_Status* status, ADIO_Request* request,
                                int* error_code) {
    MPI_Count bytes = 0;

    if (*error_code != MPI_SUCCESS) return;
    MPI_Get_elements_x(status, MPI_BYTE, &bytes);
    MPIO_Completed_request_create(&fd, bytes, error_code, request);
}

/* Every nonblocking call ends here. `offset` as in adio_orfa_walk_start(). */
static void start(ADIO_File fd, int writing, const void* buf, int count, MPI_Datatype datatype,
                  int file_ptr_type, ADIO_Offset offset, ADIO_Request* request, int* error_code) {
    AdOrfaWalk walk;
    int error = EOPNOTSUPP;

    orfa_coll_settle(adio_orfa_of(fd)->coll, fd->comm);
    if (fd->atomicity && !fd->is_external32) {
        finish_at_once(fd, writing, buf, count, datatype, file_ptr_type, offset, request,
                       error_code);
        return;
    }
    /* ROMIO converts external32 data before or after the call, never at completion. */
    if (!fd->is_external32) {
        error = adio_orfa_walk_start(&walk, fd, buf, count, datatype, file_ptr_type, offset);
        if (error == 0) error = post(fd, writing, &walk, request);
        adio_orfa_walk_end(&walk);
    }
    *error_code =
        adio_orfa_error(writing ? "ADIOI_ORFA_IWRITE" : "ADIOI_ORFA_IREAD", fd->filename, error);
}

void ADIOI_ORFA_IreadStrided(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                             int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                             int* error_code) {
    start(fd, 0, buf, count, datatype, file_ptr_type, offset, request, error_code);
}

void ADIOI_ORFA_IwriteStrided(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                              int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                              int* error_code) {
    start(fd, 1, buf, count, datatype, file_ptr_type, offset, request, error_code);
}

/* The contiguous calls come with an offset in bytes of the file, which ROMIO made of etypes. */
static void start_contiguous(ADIO_File fd, int writing, const void* buf, int count,
                             MPI_Datatype datatype, int file_ptr_type, ADIO_Offset offset,
                             ADIO_Request* request, int* error_code) {
    if (file_ptr_type == ADIO_EXPLICIT_OFFSET) offset = (offset - fd->disp) / fd->etype_size;
    start(fd, writing, buf, count, datatype, file_ptr_type, offset, request, error_code);
}

void ADIOI_ORFA_IreadContig(ADIO_File fd, void* buf, int count, MPI_Datatype datatype,
                            int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                            int* error_code) {
    start_contiguous(fd, 0, buf, count, datatype, file_ptr_type, offset, request, error_code);
}

void ADIOI_ORFA_IwriteContig(ADIO_File fd, const void* buf, int count, MPI_Datatype datatype,
                             int file_ptr_type, ADIO_Offset offset, ADIO_Request* request,
                             int* error_code) {
    start_contiguous(fd, 1, buf, count, datatype, file_ptr_type, offset, request, error_code);
}
