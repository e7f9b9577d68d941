/* SPDX-License-Identifier: MIT */
/* orfa.h from plain C, end to end. Needs a cluster in ORFA_SERVERS; exits with 0 when all is well.
 */
#define _DEFAULT_SOURCE 1 /* S_IFREG */

#include "client/orfa.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, errno, \
                    orfa_error());                                                               \
            ++failures;                                                                          \
        }                                                                                        \
    } while (0)

static void names(orfa_session* session) {
    struct stat found;
    CHECK(orfa_mkdir(session, "/c", 0755) == 0);
    CHECK(orfa_mkdir(session, "/c", 0755) == -1 && errno == EEXIST);
    CHECK(orfa_stat(session, "/c", &found) == 0 && S_ISDIR(found.st_mode));
    CHECK(orfa_stat(session, "/c/none", &found) == -1 && errno == ENOENT);
    CHECK(strstr(orfa_error(), "/c/none") != NULL);
    CHECK(orfa_symlink(session, "target", "/c/link") == 0);
    char target[32];
    CHECK(orfa_readlink(session, "/c/link", target, sizeof(target)) == 6);
    CHECK(memcmp(target, "target", 6) == 0);
    CHECK(orfa_lstat(session, "/c/link", &found) == 0 && S_ISLNK(found.st_mode));
    CHECK(orfa_unlink(session, "/c/link") == 0);
    CHECK(orfa_setxattr(session, "/c", "user.colour", "blue", 4, 0) == 0);
    char value[16];
    CHECK(orfa_getxattr(session, "/c", "user.colour", value, sizeof(value)) == 4);
    CHECK(memcmp(value, "blue", 4) == 0);
    CHECK(orfa_removexattr(session, "/c", "user.colour") == 0);
}

static void directories(orfa_session* session) {
    int seen = 0;
    for (int i = 0; i < 20; ++i) {
        char path[64];
        snprintf(path, sizeof(path), "/c/file%d", i);
        orfa_file* file = orfa_open(session, path, O_CREAT | O_EXCL | O_WRONLY, 0600, NULL);
        CHECK(file != NULL);
        if (file != NULL) CHECK(orfa_close(file) == 0);
    }
    orfa_dir* dir = orfa_opendir(session, "/c");
    CHECK(dir != NULL);
    orfa_dirent entry;
    while (dir != NULL && orfa_readdir(dir, &entry) == 1) {
        CHECK(entry.type == S_IFREG && strncmp(entry.name, "file", 4) == 0);
        ++seen;
    }
    CHECK(seen == 20);
    if (dir != NULL) CHECK(orfa_closedir(dir) == 0);
    CHECK(orfa_rmdir(session, "/c") == -1 && errno == ENOTEMPTY);
    CHECK(orfa_rename(session, "/c/file0", "/c/file1") == 0);
    for (int i = 1; i < 20; ++i) {
        char path[64];
        snprintf(path, sizeof(path), "/c/file%d", i);
        CHECK(orfa_unlink(session, path) == 0);
    }
    CHECK(orfa_rmdir(session, "/c") == 0);
}

static void locks(orfa_file* file) {
    const char id[ORFA_COUNTER_ID_SIZE] = "an id";
    int64_t number = -1;

    CHECK(orfa_lock(file, 100, 50, 1, 0) == 0);
    CHECK(orfa_lock(file, 120, 0, 0, 0) == -1 && errno == EAGAIN);
    CHECK(orfa_lock(file, 120, 0, 0, 20) == -1 && errno == ETIMEDOUT);
    CHECK(orfa_unlock(file, 100, 50) == 0);
    CHECK(orfa_unlock(file, 100, 50) == -1 && errno == ENOLCK);
    CHECK(orfa_lock(file, 120, 0, 0, -1) == 0); /* orfa_close() gives it back */
    CHECK(orfa_counter_add(file, id, 5, NULL) == 0);
    CHECK(orfa_counter_set(file, id, -1, &number) == 0 && number == 5);
    CHECK(orfa_counter_get(file, id, &number) == 0 && number == -1);
    CHECK(orfa_counter_drop(file, id) == 0);
    CHECK(orfa_counter_get(file, id, &number) == 0 && number == 0);
}

static void data(orfa_session* session) {
    const orfa_layout wanted = {.stripe_size = 65536, .stripe_count = 2, .first_server = 1};
    orfa_file* file = orfa_open(session, "/data", O_CREAT | O_RDWR, 0644, &wanted);
    CHECK(file != NULL);
    if (file == NULL) return;
    orfa_layout layout;
    CHECK(orfa_file_layout(file, &layout) == 0 && layout.stripe_size == 65536);
    CHECK(layout.stripe_count == 2 && layout.first_server == 1);
    CHECK(orfa_layout_of(session, "/data", &layout) == 0 && layout.first_server == 1);

    enum { kLength = 500000 };
    char* out = malloc(kLength);
    char* in = calloc(1, kLength);
    if (out == NULL || in == NULL) exit(3);
    for (int i = 0; i < kLength; ++i)
        out[i] = (char)(i * 7);
    CHECK(orfa_pwrite(file, out, kLength, 10) == kLength);
    CHECK(orfa_size(file) == kLength + 10);
    CHECK(orfa_pread(file, in, kLength, 10) == kLength && memcmp(in, out, kLength) == 0);
    CHECK(orfa_pread(file, in, kLength, kLength) == 10);
    CHECK(orfa_append(file, "tail", 4) == 4);
    CHECK(orfa_pread(file, in, 100, kLength + 10) == 4 && memcmp(in, "tail", 4) == 0);

    /* two segments, two extents in the other order, asynchronously */
    orfa_segment segments[2] = {{out, 1000}, {out + 5000, 2000}};
    const orfa_extent extents[2] = {{100000, 2500}, {0, 500}};
    const orfa_access access = {segments, 2, extents, 2, NULL, 0};
    orfa_group* group = orfa_group_create(session);
    CHECK(group != NULL);
    orfa_op* op = orfa_start_writev(file, &access, group, &failures);
    CHECK(op != NULL && orfa_op_tag(op) == &failures);
    CHECK(orfa_group_wait_all(group, 10000) == 0);
    CHECK(orfa_group_next(group, 0) == op && orfa_op_finish(op, 0) == 3000);
    CHECK(orfa_group_destroy(group) == 0);
    CHECK(orfa_pread(file, in, 500, 0) == 500 && memcmp(in, out + 6500, 500) == 0);

    struct stat found;
    CHECK(orfa_ftruncate(file, 1000) == 0 && orfa_fstat(file, &found) == 0);
    CHECK(found.st_size == 1000);
    CHECK(orfa_allocate(file, 0, 200000) == 0 && orfa_size(file) == 200000);
    CHECK(orfa_fsync(file) == 0);
    locks(file);
    char handle[ORFA_HANDLE_MAX];
    const ssize_t length = orfa_handle_export(file, handle, sizeof(handle));
    CHECK(length > 0);
    orfa_file* same = orfa_handle_import(session, handle, (size_t)length);
    CHECK(same != NULL && orfa_size(same) == 200000);
    if (same != NULL) CHECK(orfa_close(same) == 0);
    CHECK(orfa_close(file) == 0);
    CHECK(orfa_truncate(session, "/data", 5) == 0);
    CHECK(orfa_stat(session, "/data", &found) == 0 && found.st_size == 5);
    CHECK(orfa_unlink(session, "/data") == 0);
    free(out);
    free(in);
}

int main(void) {
    CHECK(strlen(orfa_version()) > 0);
    CHECK(orfa_connect("not a list,") == NULL && errno == EINVAL);
    CHECK(orfa_connect("127.0.0.1:1") == NULL && errno == ECONNREFUSED);
    CHECK(strstr(orfa_error(), "127.0.0.1:1") != NULL);

    orfa_session* session = orfa_connect(NULL);
    CHECK(session != NULL);
    if (session == NULL) return 1;
    const int servers = orfa_server_count(session);
    CHECK(servers > 0);
    for (int i = 0; i < servers; ++i)
        CHECK(orfa_ping(session, i) == 0);
    CHECK(orfa_ping(session, servers) == -1 && errno == EINVAL);
    char json[4096];
    CHECK(orfa_server_status(session, 0, json, sizeof(json)) > 0 && json[0] == '{');
    names(session);
    directories(session);
    data(session);
    orfa_statfs space;
    CHECK(orfa_statvfs(session, &space) == 0 && space.servers == (uint32_t)servers);
    CHECK(space.free_bytes > 0 && space.free_bytes <= space.total_bytes);
    orfa_counters counters;
    orfa_counters_of(session, &counters);
    CHECK(counters.bytes_written >= 500000 && counters.requests > 0);
    orfa_disconnect(session);
    if (failures == 0) printf("all is well\n");
    return failures == 0 ? 0 : 1;
}
