/* SPDX-License-Identifier: MIT */
/* Hints: striping_factor, striping_unit and start_iodevice shape a file when it is created; at
 * every open they tell the layout that is in force. file_perm (octal) is used at creation. */
#include <limits.h>

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

/* Takes one layout hint of the user's over into fd->info, or says why not. */
static void take(ADIO_File fd, MPI_Info users_info, const Hint* hint) {
    char text[MPI_MAX_INFO_VAL + 1];
    int found = 0, rank = 0;
    long long value;

    MPI_Info_get(users_info, hint->key, MPI_MAX_INFO_VAL, text, &found);
    if (!found) return;
    if (usable(hint, text, &value)) {
        MPI_Info_set(fd->info, hint->key, text);
        return;
    }
    MPI_Comm_rank(fd->comm, &rank);
    if (rank == 0)
        fprintf(stderr, "orfa: %s: hint %s = \"%s\" is ignored (%s)\n", fd->filename, hint->key,
                text, hint->multiple > 1 ? "a multiple of 4096 is needed" : "no number in range");
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
    static const char* const keys[] = {"striping_factor", "striping_unit", "start_iodevice",
                                       "romio_cb_pfr"};
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
    choose_opener(fd);
}
