/* SPDX-License-Identifier: MIT */
/* orfa.h - the public C API of ORFA, a user-level parallel file system.
 *
 * Calls are shaped like POSIX: they return -1 (or NULL) and set errno on failure, and
 * orfa_error() then tells what failed, where and why. All offsets and lengths are bytes and
 * 64 bits wide. Every function may be called from several threads at once; one handle may be used
 * by several threads at once. No call blocks for ever: a server that does not answer gives
 * ETIMEDOUT, one that died gives ECONNRESET (ECONNREFUSED when it can't be reached at all).
 *
 * A write that has returned is visible to every client: nothing is cached in the client but
 * layouts. What must survive a crash of the servers needs orfa_fsync().
 */
#ifndef ORFA_H
#define ORFA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORFA_API __attribute__((visibility("default")))

/* ---- Sessions ------------------------------------------------------------------------------ */

/* A session is this process's connection to one cluster. */
typedef struct orfa_session orfa_session;

/* Connects to the cluster that `servers` lists ("host:port,host:port,...", in cluster order; NULL:
 * the environment's ORFA_SERVERS). ORFA_TRANSPORT=auto|local|ofi chooses how: `local` is the
 * same-host path (shared memory), `ofi` is libfabric with the provider ORFA_PROVIDER names; `auto`
 * (default) takes local for every server on this host. The caller owns the session until
 * orfa_disconnect(). EINVAL: no or malformed list; ECONNREFUSED, ETIMEDOUT: no server there;
 * EPROTO: it is no ORFA server of this version, or the list does not match the cluster. */
ORFA_API orfa_session* orfa_connect(const char* servers);

/* The process's own session with the environment's ORFA_SERVERS, made by the first call and shared
 * by all later ones; never to be disconnected by the caller. A forked child gets its own. It asks
 * no server yet: whether they are there is told by the first call that needs one. EINVAL. */
ORFA_API orfa_session* orfa_default_session(void);

/* Ends a session. Its files must be closed and its operations finished before. */
ORFA_API void orfa_disconnect(orfa_session* session);

/* What the last failed call of this thread has to say: server, path and reason. Never NULL; valid
 * until this thread's next call. */
ORFA_API const char* orfa_error(void);

/* Version of the library, for example "0.1.0". */
ORFA_API const char* orfa_version(void);

/* Number of servers of the cluster. */
ORFA_API int orfa_server_count(orfa_session* session);

/* Round trip of an empty request to server `server` (0 ..). Returns 0. */
ORFA_API int orfa_ping(orfa_session* session, int server);

/* What can be said on this host about registering memory with a network, as a JSON array of
 * {"check", "value", "good", "note"}; no session is needed. Returns the text's length; it is cut at
 * `size` - 1 bytes. */
ORFA_API ssize_t orfa_registration_report(char* text, size_t size);

/* A server's figures as one JSON object (address, transports, pid, uptime, memory, requests,
 * bytes). Returns the text's length; it is cut at `size` - 1 bytes. */
ORFA_API ssize_t orfa_server_status(orfa_session* session, int server, char* text, size_t size);

/* ---- Layouts ------------------------------------------------------------------------------- */

/* How a file is spread: stripe k (of `stripe_size` bytes) is on server
 * (first_server + k % stripe_count) % number of servers. 0 (for first_server: -1) in a request
 * means "the cluster's default"; a layout that was asked of a file holds what is in force. */
typedef struct orfa_layout {
    uint64_t stripe_size; /* bytes; a multiple of 4096 */
    int32_t stripe_count; /* servers used; -1: all */
    int32_t first_server; /* -1: the inode's own server */
} orfa_layout;

#define ORFA_LAYOUT_DEFAULT ((orfa_layout){0, 0, -1})

/* ---- Names --------------------------------------------------------------------------------- */
/* Paths start at the root of the file system; a leading '/' may be left out. They return 0 and -1
 * with the errno of the POSIX call of the same name. */

ORFA_API int orfa_stat(orfa_session* session, const char* path,
                       struct stat* out); /* follows links */
ORFA_API int orfa_lstat(orfa_session* session, const char* path, struct stat* out);
ORFA_API int orfa_may_access(orfa_session* session, const char* path, int mode);
ORFA_API int orfa_mkdir(orfa_session* session, const char* path, mode_t mode);
ORFA_API int orfa_rmdir(orfa_session* session, const char* path);
ORFA_API int orfa_unlink(orfa_session* session, const char* path);
ORFA_API int orfa_rename(orfa_session* session, const char* from, const char* to);
ORFA_API int orfa_symlink(orfa_session* session, const char* target, const char* path);
ORFA_API ssize_t orfa_readlink(orfa_session* session, const char* path, char* target, size_t size);
ORFA_API int orfa_link(orfa_session* session, const char* from, const char* to);
ORFA_API int orfa_truncate(orfa_session* session, const char* path, uint64_t size);
ORFA_API int orfa_chmod(orfa_session* session, const char* path, mode_t mode);
ORFA_API int orfa_chown(orfa_session* session, const char* path, uid_t uid, gid_t gid);
ORFA_API int orfa_utimens(orfa_session* session, const char* path, const struct timespec times[2]);
ORFA_API int orfa_layout_of(orfa_session* session, const char* path, orfa_layout* out);

ORFA_API ssize_t orfa_getxattr(orfa_session* session, const char* path, const char* name,
                               void* value, size_t size);
ORFA_API int orfa_setxattr(orfa_session* session, const char* path, const char* name,
                           const void* value, size_t size, int flags);
ORFA_API ssize_t orfa_listxattr(orfa_session* session, const char* path, char* names, size_t size);
ORFA_API int orfa_removexattr(orfa_session* session, const char* path, const char* name);

typedef struct orfa_statfs {
    uint64_t total_bytes, free_bytes; /* of all servers together */
    uint64_t files;                   /* inodes in use */
    uint32_t servers;
    uint32_t name_max; /* bytes of the longest name */
} orfa_statfs;
ORFA_API int orfa_statvfs(orfa_session* session, orfa_statfs* out);

typedef struct orfa_dir orfa_dir;
typedef struct orfa_dirent {
    uint64_t ino;
    uint32_t type;    /* S_IFREG, S_IFDIR, S_IFLNK */
    const char* name; /* valid until the next orfa_readdir() of this stream */
} orfa_dirent;
ORFA_API orfa_dir* orfa_opendir(orfa_session* session, const char* path);
/* 1: *out is filled; 0: end; -1: error. "." and ".." are not listed. */
ORFA_API int orfa_readdir(orfa_dir* dir, orfa_dirent* out);
ORFA_API int orfa_closedir(orfa_dir* dir);

/* ---- Files --------------------------------------------------------------------------------- */

typedef struct orfa_file orfa_file;

/* flags: O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NOFOLLOW as in open(2).
 * `mode` goes through no umask. `layout` is used when the file is created; NULL: the default. */
ORFA_API orfa_file* orfa_open(orfa_session* session, const char* path, int flags, mode_t mode,
                              const orfa_layout* layout);

/* Ends the handle. Its operations must be finished. */
ORFA_API int orfa_close(orfa_file* file);

/* Writes a handle into `bytes` (at most ORFA_HANDLE_MAX) so that another process of the cluster's
 * users can make the same open file out of it without asking a server: a collective open is one
 * orfa_open() and a broadcast. Returns the length. The exporter must keep its handle open while
 * imported ones are used, or the file's data go with its last name. */
#define ORFA_HANDLE_MAX 256
ORFA_API ssize_t orfa_handle_export(orfa_file* file, void* bytes, size_t size);
/* EINVAL: not such bytes. */
ORFA_API orfa_file* orfa_handle_import(orfa_session* session, const void* bytes, size_t size);

ORFA_API int orfa_fstat(orfa_file* file, struct stat* out);
/* The size in bytes, asked of the servers that hold the file; -1 on error. */
ORFA_API int64_t orfa_size(orfa_file* file);
ORFA_API int orfa_ftruncate(orfa_file* file, uint64_t size);
/* Makes the file at least offset + length bytes long and its space there certain; never shortens it
 * and never changes data. ENOSPC. */
ORFA_API int orfa_allocate(orfa_file* file, uint64_t offset, uint64_t length);
ORFA_API int orfa_fsync(orfa_file* file);
ORFA_API int orfa_file_layout(orfa_file* file, orfa_layout* out);

/* ---- Transfers ----------------------------------------------------------------------------- */
/* A read returns the bytes read: fewer than asked only at the end of the file. A write returns what
 * it wrote: all, or -1 (some of it may then be written). */

ORFA_API ssize_t orfa_pread(orfa_file* file, void* buffer, size_t length, uint64_t offset);
ORFA_API ssize_t orfa_pwrite(orfa_file* file, const void* buffer, size_t length, uint64_t offset);
/* Writes at the end of the file, wherever that is: atomic among appenders of all clients. */
ORFA_API ssize_t orfa_append(orfa_file* file, const void* buffer, size_t length);

/* Memory of the program, `length` bytes. */
typedef struct orfa_segment {
    void* data;
    uint64_t length;
} orfa_segment;

/* A range of the file, bytes. */
typedef struct orfa_extent {
    uint64_t offset;
    uint64_t length;
} orfa_extent;

/* `count` ranges of the file of `length` bytes, `stride` bytes from start to start; all that
 * `repeats` times, `repeat_stride` bytes from start to start. Strides of one range, or of one
 * repetition, do not matter; count, repeats and length are not 0. */
typedef struct orfa_strided {
    uint64_t offset, length;
    uint64_t stride, repeat_stride;
    uint32_t count, repeats;
} orfa_strided;

/* Of one access with `strided`: bytes, and ranges, at most (EINVAL). */
#define ORFA_STRIDED_BYTES (256ULL << 20)
#define ORFA_STRIDED_RANGES (16ULL << 20)

/* A vectored access: the bytes of `segments` in order are the bytes of `extents` in order. Both
 * lists must hold the same number of bytes (EINVAL); extents may come in any order; those of a
 * write must not overlap each other. The lists are copied, the memory is borrowed until the access
 * has ended.
 *
 * Regular extents can be told as `strided` in their place (then extent_count is 0): each server
 * gets these few numbers, however many ranges they stand for. */
typedef struct orfa_access {
    const orfa_segment* segments;
    size_t segment_count;
    const orfa_extent* extents;
    size_t extent_count;
    const orfa_strided* strided;
    size_t strided_count;
} orfa_access;

/* A read returns the number of leading bytes of the access before the first one that lies at or
 * beyond the end of the file; memory of extents beyond the end is left alone. */
ORFA_API ssize_t orfa_readv(orfa_file* file, const orfa_access* access);
ORFA_API ssize_t orfa_writev(orfa_file* file, const orfa_access* access);

/* One process's part of a collective access: `participants` processes name the same `id`, which no
 * other access to the file has, and each calls once, with its own pieces; a process without any
 * calls too, with empty lists. Servers gather the parts and serve them in ascending order of the
 * file, whatever order they come in; whoever is missing after a fifth of a second is no longer
 * waited for. In all else as orfa_readv() and orfa_writev(). EINVAL: that many participants. */
typedef struct orfa_together {
    uint64_t id;
    uint32_t participants; /* 1 to 1048576 */
} orfa_together;
ORFA_API ssize_t orfa_readv_together(orfa_file* file, const orfa_access* access,
                                     const orfa_together* together);
ORFA_API ssize_t orfa_writev_together(orfa_file* file, const orfa_access* access,
                                      const orfa_together* together);

/* ---- Asynchronous transfers ---------------------------------------------------------------- */

/* One access under way. Its memory is the library's until orfa_op_finish() or a wait has reported
 * its end. */
typedef struct orfa_op orfa_op;
/* A completion group: operations that are waited for together, any or all. */
typedef struct orfa_group orfa_group;

ORFA_API orfa_group* orfa_group_create(orfa_session* session);
/* The group must hold no unfinished operation (EBUSY). */
ORFA_API int orfa_group_destroy(orfa_group* group);

/* Start an access; `group` may be NULL; `tag` is the caller's own. */
ORFA_API orfa_op* orfa_start_readv(orfa_file* file, const orfa_access* access, orfa_group* group,
                                   void* tag);
ORFA_API orfa_op* orfa_start_writev(orfa_file* file, const orfa_access* access, orfa_group* group,
                                    void* tag);

/* 1 when the operation has ended, 0 when not yet. Makes progress; never blocks. */
ORFA_API int orfa_op_test(orfa_op* op);
ORFA_API void* orfa_op_tag(const orfa_op* op);
/* Waits for the end (timeout_ms < 0: as long as servers answer), frees the operation and returns as
 * orfa_readv()/orfa_writev() do. EAGAIN: not ended within the time; the operation lives on. */
ORFA_API ssize_t orfa_op_finish(orfa_op* op, int timeout_ms);

/* The next ended operation of the group, to be given to orfa_op_finish(); NULL with EAGAIN when
 * none ends within the time (0: only looks), NULL with ENOENT when the group holds none. */
ORFA_API orfa_op* orfa_group_next(orfa_group* group, int timeout_ms);
/* Waits until all operations of the group have ended. 0, or -1 with EAGAIN. */
ORFA_API int orfa_group_wait_all(orfa_group* group, int timeout_ms);

/* Moves along whatever is under way in the session, without blocking. Returns events handled. */
ORFA_API int orfa_progress(orfa_session* session);

/* ---- Locks --------------------------------------------------------------------------------- */
/* Byte-range locks, kept by the file's home server alone, so that no order of servers can make them
 * wait for each other in a circle. They bind those who ask for them: reads and writes ask for none.
 *
 * Two locks conflict when their ranges overlap and not both are shared, whoever holds them: also
 * two of one process, and two of one handle (which waits for itself then). Among locks that
 * conflict the first to ask is the first to get it. All locks of a handle end with orfa_close(),
 * all of a process with its connection to the server: a process that dies locks nobody out.
 * At most 4096 in a session, held or waited for (ENOLCK). */

/* Locks `length` bytes from `offset` on (0: whatever lies there, however far), for this handle:
 * exclusive (needs a handle for writing) or shared (for reading; EBADF). timeout_ms 0: only if it
 * can be had at once (EAGAIN); > 0: waits at most so long (ETIMEDOUT); < 0: as long as the server
 * lives. 0 or -1. EINVAL: the range goes beyond 2^64. */
ORFA_API int orfa_lock(orfa_file* file, uint64_t offset, uint64_t length, int exclusive,
                       int timeout_ms);
/* Ends this handle's (oldest) lock of exactly this range. ENOLCK: it has none, or lost it with the
 * connection: what was done under it may have been disturbed. */
ORFA_API int orfa_unlock(orfa_file* file, uint64_t offset, uint64_t length);

/* ---- Shared numbers ------------------------------------------------------------------------ */
/* Numbers of a file that its users change together, kept in memory by its home server. `id` is
 * ORFA_COUNTER_ID_SIZE bytes that the users agreed upon, random ones if they are to have it for
 * themselves; any handle of the file will do. A number is 0 until a session adds to it or sets it,
 * and is forgotten when the last such session has dropped it or ended. At most 1024 in a session
 * (ENOLCK). 0 or -1; *before (may be NULL) gets the value it had. */
#define ORFA_COUNTER_ID_SIZE 16

/* EOVERFLOW: the sum is no int64_t; nothing has changed. */
ORFA_API int orfa_counter_add(orfa_file* file, const void* id, int64_t delta, int64_t* before);
ORFA_API int orfa_counter_set(orfa_file* file, const void* id, int64_t value, int64_t* before);
ORFA_API int orfa_counter_get(orfa_file* file, const void* id, int64_t* value);
/* This session needs the number no more. */
ORFA_API int orfa_counter_drop(orfa_file* file, const void* id);

/* ---- Counters ------------------------------------------------------------------------------ */

/* What this session has done. */
typedef struct orfa_counters {
    uint64_t requests;       /* messages sent to servers */
    uint64_t bytes_read;     /* file bytes that arrived in the program's memory */
    uint64_t bytes_written;  /* file bytes that servers accepted */
    uint64_t bytes_packed;   /* of both, bytes that were copied once more inside the client */
    uint64_t connections[2]; /* servers reached by: local, ofi */
    /* Memory registered with the network, and what the registration cache did; the latter are 0
     * where registering costs nothing (TCP) and on the same host. */
    uint64_t registrations;
    uint64_t registration_hits;
    uint64_t registration_misses;
    uint64_t registration_invalidations; /* the program had changed the memory */
    uint64_t bytes_staged;               /* of bytes_packed, copied so as not to be registered */
    /* Of every 32nd blocking read and write: how many, how long they took, and how long of that
     * from the last request's sending to the last reply, in ns. */
    uint64_t timed_transfers;
    uint64_t timed_ns;
    uint64_t timed_waiting_ns;
    uint64_t bytes_in_place; /* of bytes read and written, in memory that a server of this host
                              * shares: without a request */
} orfa_counters;
ORFA_API void orfa_counters_of(orfa_session* session, orfa_counters* out);
/* Whether the session has mapped the memory of all servers that hold the file, so that accesses may
 * be in place: 1 or 0. Connects to them, unless the first one's is not mapped. */
ORFA_API int orfa_file_is_mapped(orfa_file* file);
/* bytes_in_place alone, at no cost worth mentioning. */
ORFA_API uint64_t orfa_bytes_in_place(orfa_session* session);

#ifdef __cplusplus
}
#endif
#endif
