/* SPDX-License-Identifier: MIT */
/* Hints: striping_factor, striping_unit and start_iodevice shape a file when it is created; at
 * every open they tell the layout that is in force. file_perm (octal) is used at creation.
 * orfa_collective, romio_cb_read, romio_cb_write, cb_nodes, cb_buffer_size and orfa_run_ahead
 * choose and bound the way of collective calls. docs/hints.md tells all. */
#include <limits.h>
#include <pthread.h>
#include <strings.h>

#include "ad_orfa.h"

enum { kStripeMultiple = 4096 };

typedef struct Hint {
    const char* key;
    long long least, most;
    long long multiple;
} Hint;

/* striping_factor: -1 means all servers; 0 and start_iodevice -1 the cluster's default. */
static const Hint kFactor = {"striping_factor", -1, INT_MAX, 1};
static const Hint kUnit = {"striping_unit", 0, LLONG_MAX, kStripeMultiple};
static const Hint kFirst = {"start_iodevice", -1, INT_MAX, 1};

int adio_orfa_parse(const char* text, long long least, long long most, long long* value) {
    char* end = NULL;

    errno = 0;
    *value = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && *value >= least && *value <= most;
}

static int usable(const Hint* hint, const char* text, long long* value) {
    return adio_orfa_parse(text, hint->least, hint->most, value) && *value % hint->multiple == 0;
}

void adio_orfa_refuse_hint(ADIO_File fd, const char* key, const char* text, const char* why) {
    enum { kKept = 32 };
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects the two below */
    static char said[kKept][64];
    static size_t count;
    char words[sizeof(said[0])];
    int rank = 0, known = 0;

    MPI_Comm_rank(fd->comm, &rank);
    if (rank != 0) return;
    snprintf(words, sizeof(words), "%s = %s", key, text);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++)
        known |= strcmp(said[i], words) == 0;
    if (!known && count < kKept) strcpy(said[count++], words);
    pthread_mutex_unlock(&lock);
    if (!known)
        fprintf(stderr, "orfa: %s: hint %s = \"%s\" is ignored (%s)\n", fd->filename, key, text,
                why);
}

/* Takes one layout hint of the user's over into fd->info, or says why not. */
static void take(ADIO_File fd, MPI_Info users_info, const Hint* hint) {
    char text[MPI_MAX_INFO_VAL + 1];
    int found = 0;
    long long value;

    MPI_Info_get(users_info, hint->key, MPI_MAX_INFO_VAL, text, &found);
    if (!found) return;
    if (usable(hint, text, &value))
        MPI_Info_set(fd->info, hint->key, text);
    else
        adio_orfa_refuse_hint(
            fd, hint->key, text,
            hint->multiple > 1 ? "a multiple of 4096 is needed" : "no number in range");
}

static long long wanted(ADIO_File fd, const Hint* hint, long long otherwise) {
    char text[MPI_MAX_INFO_VAL + 1];
    int found = 0;
    long long value;

    MPI_Info_get(fd->info, hint->key, MPI_MAX_INFO_VAL, text, &found);
    return found && usable(hint, text, &value) ? value : otherwise;
}

orfa_layout adio_orfa_wanted_layout(ADIO_File fd) {
    const orfa_layout layout = {
        .stripe_size = (uint64_t)wanted(fd, &kUnit, 0),
        .stripe_count = (int32_t)wanted(fd, &kFactor, 0),
        .first_server = (int32_t)wanted(fd, &kFirst, -1),
    };
    return layout;
}

static void tell(ADIO_File fd, const char* key, long long value) {
    char text[32];

    snprintf(text, sizeof(text), "%lld", value);
    MPI_Info_set(fd->info, key, text);
}

void adio_orfa_report_layout(ADIO_File fd, const orfa_layout* layout) {
    tell(fd, kUnit.key, (long long)layout->stripe_size);
    tell(fd, kFactor.key, layout->stripe_count);
    tell(fd, kFirst.key, layout->first_server);
    fd->hints->striping_unit = (int)ADIOI_MIN(layout->stripe_size, (uint64_t)INT_MAX);
    fd->hints->striping_factor = layout->stripe_count;
}

/* The user's hints without those that ROMIO must not see: ours, and persistent file realms, which
 * belong to a way of collective I/O that is not used here. */
static MPI_Info for_romio(MPI_Info users_info) {
    static const char* const keys[] = {"striping_factor", "striping_unit",      "start_iodevice",
                                       "romio_cb_pfr",    "cb_nodes",           "cb_buffer_size",
                                       "orfa_run_ahead",  "orfa_run_ahead_size"};
    MPI_Info copy = MPI_INFO_NULL;
    int found, length;

    if (users_info == MPI_INFO_NULL) return copy;
    MPI_Info_dup(users_info, &copy);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        MPI_Info_get_valuelen(copy, keys[i], &length, &found);
        if (found) MPI_Info_delete(copy, keys[i]);
    }
    return copy;
}

static void take_permissions(ADIO_File fd, MPI_Info users_info) {
    char text[MPI_MAX_INFO_VAL + 1];
    int found = 0;

    MPI_Info_get(users_info, "file_perm", MPI_MAX_INFO_VAL, text, &found);
    if (found) MPI_Info_set(fd->info, "file_perm", text);
}

/* ---- Collective calls ---------------------------------------------------------------------- */

static const Hint kNodes = {"cb_nodes", 1, INT_MAX, 1};
static const Hint kBuffer = {"cb_buffer_size", 1, INT_MAX, 1};
static const Hint kAhead = {"orfa_run_ahead", 0, ORFA_COLL_RUN_AHEAD, 1};
static const Hint kAheadSize = {"orfa_run_ahead_size", 0, INT_MAX, 1};
static const char kWay[] = "orfa_collective";
static const char* const kWays[] = {"auto", "independent", "twophase", "server",
                                    "generic"}; /* by orfa_coll_way */
enum { kWayCount = sizeof(kWays) / sizeof(kWays[0]) };

/* An orfa_coll_way; kWayCount: there is no such way. */
static int way_of(const char* text) {
    int way = 0;

    while (way < kWayCount && strcasecmp(text, kWays[way]) != 0)
        way++;
    return way;
}

static void take_way(ADIO_File fd, MPI_Info users_info) {
    char text[MPI_MAX_INFO_VAL + 1];
    int found = 0;

    MPI_Info_get(users_info, kWay, MPI_MAX_INFO_VAL, text, &found);
    if (!found) return;
    const int way = way_of(text);
    if (way < kWayCount)
        MPI_Info_set(fd->info, kWay, kWays[way]);
    else
        adio_orfa_refuse_hint(fd, kWay, text, "auto, independent, twophase, server or generic");
}

/* ROMIO's default of cb_nodes is every rank; ours is told when the file is open. */
static void set_defaults(ADIO_File fd) {
    MPI_Info_set(fd->info, kWay, kWays[ORFA_COLL_AUTO]);
    MPI_Info_delete(fd->info, kNodes.key);
}

/* ROMIO's words for the same choice. */
static orfa_coll_way way_by_romio(int hint) {
    if (hint == ADIOI_HINT_ENABLE) return ORFA_COLL_TWOPHASE;
    return hint == ADIOI_HINT_DISABLE ? ORFA_COLL_INDEPENDENT : ORFA_COLL_AUTO;
}

void adio_orfa_tell_collective(ADIO_File fd) {
    char text[MPI_MAX_INFO_VAL + 1];
    int found = 0;
    const orfa_coll_hints in_force = orfa_coll_hints_of(adio_orfa_of(fd)->coll);
    orfa_coll_hints hints = {
        .way = {way_by_romio(fd->hints->cb_read), way_by_romio(fd->hints->cb_write)},
        .aggregators = (int)wanted(fd, &kNodes, in_force.aggregators),
        .buffer_size = (uint64_t)wanted(fd, &kBuffer, (long long)in_force.buffer_size),
        .run_ahead = (int)wanted(fd, &kAhead, in_force.run_ahead),
        .run_ahead_size = (uint64_t)wanted(fd, &kAheadSize, (long long)in_force.run_ahead_size),
    };

    MPI_Info_get(fd->info, kWay, MPI_MAX_INFO_VAL, text, &found);
    if (found && way_of(text) != ORFA_COLL_AUTO)
        hints.way[0] = hints.way[1] = (orfa_coll_way)way_of(text);
    orfa_coll_set_hints(adio_orfa_of(fd)->coll, &hints);
    tell(fd, kNodes.key, hints.aggregators);
    tell(fd, kBuffer.key, (long long)hints.buffer_size);
    tell(fd, kAhead.key, hints.run_ahead);
    tell(fd, kAheadSize.key, (long long)hints.run_ahead_size);
}

/* One opening rank, and no gathering of host names to choose aggregators: ADIO_Open leaves a rank
 * list alone that is there already. */
static void choose_opener(ADIO_File fd) {
    if (fd->hints->ranklist == NULL) {
        fd->hints->ranklist = ADIOI_Malloc(sizeof(int));
        fd->hints->ranklist[0] = 0;
    }
    fd->hints->cb_nodes = 1;
}

/* Called at open, and again by set_view and set_info: a layout can't change any more then. */
void ADIOI_ORFA_SetInfo(ADIO_File fd, MPI_Info users_info, int* error_code) {
    const int opening = !fd->hints->initialized;
    MPI_Info rest = for_romio(users_info);

    if (fd->info == MPI_INFO_NULL) MPI_Info_create(&fd->info);
    if (opening && users_info != MPI_INFO_NULL) {
        take(fd, users_info, &kFactor);
        take(fd, users_info, &kUnit);
        take(fd, users_info, &kFirst);
        take_permissions(fd, users_info);
    }
    ADIOI_GEN_SetInfo(fd, rest, error_code);
    if (rest != MPI_INFO_NULL) MPI_Info_free(&rest);
    if (opening) set_defaults(fd);
    if (users_info != MPI_INFO_NULL) {
        take_way(fd, users_info);
        take(fd, users_info, &kNodes);
        take(fd, users_info, &kBuffer);
        take(fd, users_info, &kAhead);
        take(fd, users_info, &kAheadSize);
    }
    choose_opener(fd);
    if (adio_orfa_of(fd) != NULL) adio_orfa_tell_collective(fd);
}
