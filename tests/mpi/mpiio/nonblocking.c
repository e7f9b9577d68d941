/* SPDX-License-Identifier: MIT */
/* Nonblocking calls, also the collective ones: many under way at once, in another order on each
 * rank, their datatypes freed early, waited for in every way. */
#include "mpiio_test.h"

enum { kCalls = 12, kPiece = 30000, kHole = 10000 };

static unsigned char data[kCalls][kPiece];

static MPI_Offset place(int rank, int call) {
    return (MPI_Offset)(call * test_ranks + rank) * (kPiece + kHole);
}

static void start(MPI_File file, int writing, int call, int collective, MPI_Request* request) {
    const MPI_Offset offset = place(writing ? test_rank : (test_rank + 1) % test_ranks, call);
    unsigned char* buffer = data[call];

    if (writing) test_fill(buffer, kPiece, (uint64_t)(call * 100 + test_rank));
    if (writing && collective)
        OK(MPI_File_iwrite_at_all(file, offset, buffer, kPiece, MPI_BYTE, request));
    else if (writing)
        OK(MPI_File_iwrite_at(file, offset, buffer, kPiece, MPI_BYTE, request));
    else if (collective)
        OK(MPI_File_iread_at_all(file, offset, buffer, kPiece, MPI_BYTE, request));
    else
        OK(MPI_File_iread_at(file, offset, buffer, kPiece, MPI_BYTE, request));
}

/* Ends the requests: even ranks wait for all, odd ones test and take any. */
static void finish(MPI_Request* requests, MPI_Status* statuses) {
    int done = 0, index;

    if (test_rank % 2 == 0) {
        OK(MPI_Waitall(kCalls, requests, statuses));
        return;
    }
    while (!done)
        OK(MPI_Testall(kCalls / 2, requests, &done, statuses));
    for (int i = kCalls / 2; i < kCalls; i++) {
        MPI_Status status;
        OK(MPI_Waitany(kCalls, requests, &index, &status));
        CHECK(index >= kCalls / 2 && index < kCalls);
        if (index >= 0 && index < kCalls) statuses[index] = status;
    }
}

static void round_trip(MPI_File file, int collective) {
    const int neighbour = (test_rank + 1) % test_ranks;

    for (int writing = 1; writing >= 0; writing--) {
        MPI_Request requests[kCalls];
        MPI_Status statuses[kCalls];
        for (int i = 0; i < kCalls; i++) {
            /* Collective calls must come in one order on all ranks, the others need not. */
            const int call = collective ? i : (i + 5 * test_rank) % kCalls;
            if (!writing) memset(data[call], 0, kPiece);
            start(file, writing, call, collective, &requests[call]);
        }
        finish(requests, statuses);
        for (int i = 0; i < kCalls; i++) {
            CHECK(test_bytes(&statuses[i]) == kPiece);
            if (!writing)
                CHECK(test_compare(data[i], kPiece, (uint64_t)(i * 100 + neighbour)) == kPiece);
        }
        test_settle(file);
    }
}

/* Pieces in memory and file; the types are gone before the access is over. */
static void strided(MPI_File file) {
    unsigned char *memory = malloc(2 * kPiece), *back = calloc(2, kPiece);
    MPI_Datatype in_memory, in_file;
    MPI_Request requests[2];
    MPI_Status status;

    test_fill(memory, 2 * kPiece, (uint64_t)test_rank);
    MPI_Type_vector(kPiece / 10, 10, 20, MPI_BYTE, &in_memory);
    MPI_Type_create_hvector(100, 1, 16 * test_ranks, MPI_DOUBLE, &in_file);
    MPI_Type_create_resized(in_file, 0, 100 * 16 * test_ranks, &in_file);
    MPI_Type_commit(&in_memory);
    MPI_Type_commit(&in_file);
    OK(MPI_File_set_view(file, 16 * test_rank, MPI_BYTE, in_file, "native", MPI_INFO_NULL));
    OK(MPI_File_iwrite_all(file, memory, 1, in_memory, &requests[0]));
    OK(MPI_File_iwrite(file, memory, 1, in_memory, &requests[1]));
    OK(MPI_Waitall(2, requests, MPI_STATUSES_IGNORE));
    OK(MPI_File_iread_at_all(file, kPiece, back, 1, in_memory, &requests[0]));
    MPI_Type_free(&in_memory);
    MPI_Type_free(&in_file);
    OK(MPI_Wait(&requests[0], &status));
    CHECK(test_bytes(&status) == kPiece);
    for (int i = 0; i < 2 * kPiece; i++)
        CHECK(back[i] == (i % 20 < 10 && i < 2 * kPiece - 10 ? memory[i] : 0));
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
    free(memory);
    free(back);
}

/* The pointer moves when the call is made, so calls through it may follow at once. */
static void through_pointer(MPI_File file) {
    MPI_Request requests[kCalls];
    MPI_Offset position;

    OK(MPI_File_seek(file, place(test_rank, 0) * kCalls, MPI_SEEK_SET));
    for (int i = 0; i < kCalls; i++) {
        test_fill(data[i], kPiece, (uint64_t)(i + 7));
        OK(MPI_File_iwrite(file, data[i], kPiece, MPI_BYTE, &requests[i]));
    }
    OK(MPI_File_get_position(file, &position));
    CHECK(position == place(test_rank, 0) * kCalls + kCalls * kPiece);
    OK(MPI_Waitall(kCalls, requests, MPI_STATUSES_IGNORE));
    OK(MPI_File_seek(file, place(test_rank, 0) * kCalls, MPI_SEEK_SET));
    for (int i = 0; i < kCalls; i++)
        OK(MPI_File_iread(file, data[i], kPiece, MPI_BYTE, &requests[i]));
    OK(MPI_Waitall(kCalls, requests, MPI_STATUSES_IGNORE));
    for (int i = 0; i < kCalls; i++)
        CHECK(test_compare(data[i], kPiece, (uint64_t)(i + 7)) == kPiece);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    MPI_File file = test_create(MPI_INFO_NULL);

    for (int i = 0; i < 3; i++) {
        round_trip(file, 0);
        round_trip(file, 1);
        strided(file);
        through_pointer(file);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    test_close_and_remove(&file);
    return test_end("nonblocking");
}
