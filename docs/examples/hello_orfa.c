/* SPDX-License-Identifier: MIT */
/* A tour of orfa.h: connects to a cluster, writes a file, reads two parts of it with one call,
 * moves four blocks at a time asynchronously, and shows what an error looks like.
 *
 *   cc -std=c11 hello_orfa.c $(pkg-config --cflags --libs orfa) -o hello_orfa
 *   eval "$(orfa cluster start --servers 2 --memory)"
 *   ./hello_orfa
 *   orfa cluster stop
 */
#include <errno.h>
#include <fcntl.h>
#include <orfa.h>
#include <stdio.h>
#include <string.h>

enum { kBlocks = 4, kBlockBytes = 1 << 20 };

static const char kPath[] = "/hello/greeting";
static char blocks[kBlocks][kBlockBytes];

/* Every call of orfa.h fails like a POSIX one: -1 or NULL, and errno. orfa_error() says more: which
 * server, which path, why. */
static int failed(const char* what) {
    fprintf(stderr, "%s: %s\n", what, orfa_error());
    return -1;
}

/* Writes a text, and reads two words of it into two pieces of memory with one request. */
static int write_and_read(orfa_file* file) {
    static const char text[] = "hello, parallel world";
    const ssize_t length = (ssize_t)strlen(text);
    if (orfa_pwrite(file, text, (size_t)length, 0) != length) return failed("write");

    char hello[6] = "";
    char world[6] = "";
    const orfa_segment memory[] = {{hello, 5}, {world, 5}};
    const orfa_extent ranges[] = {{0, 5}, {16, 5}}; /* of the file: offset, length */
    const orfa_access access = {
        .segments = memory, .segment_count = 2, .extents = ranges, .extent_count = 2};
    if (orfa_readv(file, &access) != 10) return failed("vectored read");
    printf("%s %s\n", hello, world);
    return 0;
}

/* Starts one write for each block; all are under way together. Their memory is the library's until
 * they have ended. Returns how many were started. */
static int start_writes(orfa_file* file, orfa_group* group) {
    for (int i = 0; i < kBlocks; ++i) {
        memset(blocks[i], 'a' + i, kBlockBytes);
        const orfa_segment memory = {blocks[i], kBlockBytes};
        const orfa_extent range = {(uint64_t)i * kBlockBytes, kBlockBytes};
        /* The lists are copied by the call. */
        const orfa_access access = {
            .segments = &memory, .segment_count = 1, .extents = &range, .extent_count = 1};
        if (orfa_start_writev(file, &access, group, blocks[i]) == NULL) {
            failed("start of a write");
            return i;
        }
    }
    return kBlocks;
}

/* A group gives its operations back as they end, in any order; the tag tells which one it is. Each
 * that was started must be finished, whatever became of the others. */
static int write_blocks(orfa_session* session, orfa_file* file) {
    orfa_group* group = orfa_group_create(session);
    if (group == NULL) return failed("group");
    const int started = start_writes(file, group);
    int result = started == kBlocks ? 0 : -1;
    for (int ended = 0; ended < started; ++ended) {
        orfa_op* op = orfa_group_next(group, -1);
        if (op == NULL) return failed("waiting for a write"); /* the group must live on */
        const char* block = orfa_op_tag(op);
        if (orfa_op_finish(op, 0) != kBlockBytes) {
            result = failed("asynchronous write");
        } else {
            printf("block of %c written\n", *block);
        }
    }
    if (orfa_group_destroy(group) != 0) return failed("end of the group");
    return result;
}

static int use_file(orfa_session* session) {
    /* Stripes of 1 MiB over all servers; NULL instead of a layout means the cluster's default. */
    const orfa_layout layout = {.stripe_size = 1 << 20, .stripe_count = -1, .first_server = -1};
    orfa_file* file = orfa_open(session, kPath, O_CREAT | O_TRUNC | O_RDWR, 0644, &layout);
    if (file == NULL) return failed("open");
    int result = write_and_read(file);
    if (result == 0) result = write_blocks(session, file);
    if (result == 0) printf("%lld bytes\n", (long long)orfa_size(file));
    if (orfa_close(file) != 0) result = failed("close");
    return result;
}

int main(void) {
    /* NULL: the cluster that ORFA_SERVERS names, which `orfa cluster start` prints. */
    orfa_session* session = orfa_connect(NULL);
    if (session == NULL) {
        failed("connect");
        return 1;
    }
    printf("orfa %s, %d servers\n", orfa_version(), orfa_server_count(session));

    int result = 0;
    if (orfa_mkdir(session, "/hello", 0755) != 0 && errno != EEXIST) result = failed("mkdir");
    if (result == 0) result = use_file(session);

    /* An error that is expected: errno for the program, orfa_error() for people. */
    if (orfa_unlink(session, "/hello/nobody") == -1 && errno == ENOENT) {
        printf("as expected: %s\n", orfa_error());
    } else {
        fprintf(stderr, "a file that is not there was removed\n");
        result = -1;
    }
    orfa_disconnect(session);
    return result == 0 ? 0 : 1;
}
