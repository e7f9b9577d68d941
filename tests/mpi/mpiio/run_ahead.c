/* SPDX-License-Identifier: MIT */
/* Small collective calls in a row, in which ranks may run ahead of each other: the bytes of the
 * last call stay, whatever is done behind a call sees all ranks' bytes of it, and one rank's error
 * comes to all of them, once.
 *
 *     run_ahead FILE [--ahead=1 (a rank must be able to run ahead)]
 */
#include <unistd.h>

#include "mpiio_test.h"

enum {
    kBytes = 1 << 16,
    kWarm = 60,
    kRounds = 600,
    kMany = 600 /* twice as many as a rank may be ahead */
};

static unsigned char model[kBytes];

/* A file that is there as a whole, so that calls change bytes only. */
static MPI_File warm_file_for(const char* ahead_size) {
    MPI_Info info;
    MPI_Info_create(&info);
    if (ahead_size != NULL) MPI_Info_set(info, "orfa_run_ahead_size", ahead_size);
    MPI_Info_set(info, "orfa_collective", "independent"); /* or it changes with the pieces */
    MPI_File file = test_create(info);

    MPI_Info_free(&info);
    memset(model, 0, sizeof(model));
    if (test_rank == 0) OK(MPI_File_write_at(file, 0, model, kBytes, MPI_BYTE, MPI_STATUS_IGNORE));
    MPI_Barrier(MPI_COMM_WORLD);
    return file;
}

static MPI_File warm_file(void) {
    return warm_file_for(NULL);
}

/* `calls` of each rank to its own 64 bytes: after kWarm any client does them in the way it likes
 * best. */
static void small_calls(MPI_File file, int reading, int calls) {
    unsigned char data[64] = {0};
    const MPI_Offset at = (MPI_Offset)test_rank * 64;

    for (int i = 0; i < calls; i++) {
        if (reading)
            OK(MPI_File_read_at_all(file, at, data, 64, MPI_BYTE, MPI_STATUS_IGNORE));
        else
            OK(MPI_File_write_at_all(file, at, data, 64, MPI_BYTE, MPI_STATUS_IGNORE));
    }
}

/* In calls of more bytes than the hint allows ranks wait for each other. */
static void waits_where_it_is_told_to(void) {
    MPI_File file = warm_file_for("63");

    small_calls(file, 0, kWarm);
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    if (test_rank == 1) usleep(200000);
    small_calls(file, 0, 1);
    if (test_rank == 0) CHECK(MPI_Wtime() - start > 0.1, "- it ran ahead");
    test_close_and_remove(&file);
}

/* Makes what a rank reads with small_calls() two pieces. */
static void view_pieces(MPI_File file) {
    MPI_Datatype pieces;

    OK(MPI_Type_vector(2, 32, 48, MPI_BYTE, &pieces));
    OK(MPI_Type_commit(&pieces));
    OK(MPI_File_set_view(file, 0, MPI_BYTE, pieces, "native", MPI_INFO_NULL));
    OK(MPI_Type_free(&pieces));
}

/* Whether rank 0 ends calls that rank 1 has not begun. `in_pieces`: though there are more bytes
 * than the hint says; of reads. */
static void runs_ahead(int reading, int in_pieces) {
    enum { kCalls = 5, kSeconds = 10 };
    MPI_File file = warm_file_for(in_pieces ? "63" : NULL);
    int come = 1;

    if (in_pieces) view_pieces(file);
    small_calls(file, reading, kWarm);
    if (test_rank == 1) {
        const double end = MPI_Wtime() + kSeconds;
        for (come = 0; !come && MPI_Wtime() < end; usleep(1000))
            MPI_Iprobe(0, 7, MPI_COMM_WORLD, &come, MPI_STATUS_IGNORE);
        CHECK(come, "- rank 0 waits for this rank");
    }
    small_calls(file, reading, kCalls);
    if (test_rank == 0) MPI_Send(&come, 1, MPI_INT, 1, 7, MPI_COMM_WORLD);
    if (test_rank == 1) MPI_Recv(&come, 1, MPI_INT, 0, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    test_close_and_remove(&file);
}

/* ---- The last call's bytes stay -------------------------------------------------------------- */

/* A rank's pieces in a round: `count` of `length` bytes, the first at `start`, each `stride` on. */
typedef struct Pieces {
    int start, count, length, stride;
} Pieces;

/* Ranks take turns at shares of the file. Odd ones write pieces when `strided`. */
static Pieces pieces_of(int rank, int round, int strided) {
    const uint64_t draw = test_mix((uint64_t)round * 64 + (uint64_t)rank, 5);
    const int share = kBytes / test_ranks / 64 * 64;
    const int turn = (int)((rank + test_mix((uint64_t)round, 3)) % (uint64_t)test_ranks);
    Pieces pieces = {turn * share, 1, 0, 0};

    if (strided && rank % 2 == 1) { /* as the view has them */
        pieces.count = 1 + (int)(draw % (uint64_t)(share / 32));
        pieces.length = 16;
        pieces.stride = 32;
    } else {
        const int skip = (int)(draw % 1000);
        pieces.start += skip;
        pieces.length = (int)((draw >> 20) % (uint64_t)(share - skip));
    }
    return pieces;
}

static unsigned char byte_of(int round, int at) {
    return (unsigned char)test_mix((uint64_t)round, (uint64_t)at);
}

/* The bytes in order; how many. */
static int fill(const Pieces* pieces, int round, unsigned char* data) {
    int bytes = 0;

    for (int i = 0; i < pieces->count; i++)
        for (int k = 0; k < pieces->length; k++)
            data[bytes++] = byte_of(round, pieces->start + i * pieces->stride + k);
    return bytes;
}

static void apply(const Pieces* pieces, int round) {
    for (int i = 0; i < pieces->count; i++)
        for (int k = 0; k < pieces->length; k++) {
            const int at = pieces->start + i * pieces->stride + k;
            model[at] = byte_of(round, at);
        }
}

static void check_file(MPI_File file, int strided, int round) {
    static unsigned char found[kBytes];
    const int views = strided && test_rank % 2 == 1;
    int wrong = 0;

    OK(MPI_File_read_at(file, 0, found, views ? kBytes / 2 : kBytes, MPI_BYTE, MPI_STATUS_IGNORE));
    for (int at = 0, i = 0; at < kBytes; at++) {
        if (views && at % 32 >= 16) continue;
        if (found[i++] != model[at] && wrong++ == 0)
            fprintf(stderr, "rank %d, behind round %d: byte %d is wrong\n", test_rank, round, at);
    }
    CHECK(wrong == 0);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void last_call_stays(int strided, int gaps_in_memory) {
    static unsigned char data[kBytes], spread[2 * kBytes];
    MPI_Datatype every_other, view = MPI_BYTE;
    MPI_File file = warm_file();

    MPI_Type_create_resized(MPI_BYTE, 0, 2, &every_other);
    MPI_Type_commit(&every_other);
    if (strided && test_rank % 2 == 1) {
        MPI_Datatype piece;
        MPI_Type_contiguous(16, MPI_BYTE, &piece);
        MPI_Type_create_resized(piece, 0, 32, &view);
        MPI_Type_commit(&view);
        MPI_Type_free(&piece);
    }
    OK(MPI_File_set_view(file, 0, MPI_BYTE, view, "native", MPI_INFO_NULL));
    for (int round = 1; round <= kRounds; round++) {
        const Pieces mine = pieces_of(test_rank, round, strided);
        const MPI_Offset at = view == MPI_BYTE ? mine.start : mine.start / 2;
        const int bytes = fill(&mine, round, data);
        for (int i = 0; i < bytes; i++)
            spread[2 * i] = data[i];
        if (test_mix((uint64_t)round, (uint64_t)test_rank) % 16 == 0) usleep(500);
        if (gaps_in_memory)
            OK(MPI_File_write_at_all(file, at, spread, bytes, every_other, MPI_STATUS_IGNORE));
        else
            OK(MPI_File_write_at_all(file, at, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE));
        for (int rank = 0; rank < test_ranks; rank++) {
            const Pieces theirs = pieces_of(rank, round, strided);
            apply(&theirs, round);
        }
        if (round % 100 == 0) check_file(file, strided, round);
    }
    if (view != MPI_BYTE) MPI_Type_free(&view);
    MPI_Type_free(&every_other);
    test_close_and_remove(&file);
}

/* ---- Errors ---------------------------------------------------------------------------------- */

/* Counts errors of a call, and keeps their class. */
static void note(int code, int* errors, int* class) {
    if (code == MPI_SUCCESS) return;
    ++*errors;
    MPI_Error_class(code, class);
}

/* In one of many calls rank 1 writes behind the largest offset a file can have. `sync`: behind that
 * call comes MPI_File_sync; else more calls. */
static void an_error_comes_to_all(int sync) {
    unsigned char data[64] = {0};
    int errors = 0, class = MPI_SUCCESS, rank_1s;
    MPI_File file = warm_file();

    small_calls(file, 0, kWarm);
    for (int i = 0; i < kMany; i++) {
        const MPI_Offset right = (MPI_Offset)test_rank * 64;
        const int wrong = test_rank == 1 && i == 20;
        if (test_rank == 2) usleep(200);
        note(MPI_File_write_at_all(file, wrong ? INT64_MAX - 10 : right, data, 64, MPI_BYTE,
                                   MPI_STATUS_IGNORE),
             &errors, &class);
        if (wrong) CHECK(errors == 1, "- the failing rank's own call");
        if (sync && i == 20) break;
    }
    if (sync) note(MPI_File_sync(file), &errors, &class);
    CHECK(errors == 1, "- not one error on each rank");
    rank_1s = class;
    MPI_Bcast(&rank_1s, 1, MPI_INT, 1, MPI_COMM_WORLD);
    CHECK(class == rank_1s, "- the ranks' error classes differ");
    test_close_and_remove(&file);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    if (test_ranks < 2) return test_skip("needs two ranks");
    if (test_option(argc, argv, "--ahead") != NULL) {
        runs_ahead(0, 0);
        runs_ahead(1, 0);
        runs_ahead(1, 1);
        waits_where_it_is_told_to();
    }
    for (int i = 0; i < 4; i++)
        last_call_stays(i / 2, i % 2);
    an_error_comes_to_all(0);
    an_error_comes_to_all(1);
    return test_end("run_ahead");
}
