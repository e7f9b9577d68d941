/* SPDX-License-Identifier: MIT */
/* MPI_THREAD_MULTIPLE: threads of one process use one file and files of their own at once; one
 * thread waits inside a collective call for a rank that waits for another thread. */
#include <pthread.h>

#include "mpiio_test.h"

enum { kThreads = 4, kRounds = 40, kPiece = 5000 };

typedef struct Work {
    MPI_File shared, own;
    MPI_Comm comm;
    int thread;
} Work;

static void read_back(MPI_File file, MPI_Offset offset, uint64_t seed) {
    unsigned char data[kPiece];
    MPI_Status status;
    MPI_Request request;

    test_fill(data, kPiece, seed);
    OK(MPI_File_iwrite_at(file, offset, data, kPiece, MPI_BYTE, &request));
    OK(MPI_Wait(&request, &status));
    memset(data, 0, kPiece);
    OK(MPI_File_read_at(file, offset, data, kPiece, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == kPiece && test_compare(data, kPiece, seed) == kPiece);
}

static void* work(void* argument) {
    Work* mine = argument;
    const int slot = test_rank * kThreads + mine->thread;
    unsigned char data[kPiece];
    MPI_Status status;

    for (int i = 0; i < kRounds; i++) {
        const uint64_t seed = (uint64_t)(i * 1000 + slot);
        read_back(mine->shared, (MPI_Offset)slot * kPiece, seed);
        test_fill(data, kPiece, seed + 500);
        OK(MPI_File_write_at_all(mine->own, (MPI_Offset)test_rank * kPiece, data, kPiece, MPI_BYTE,
                                 &status));
        memset(data, 0, kPiece);
        OK(MPI_File_read_at(mine->own, (MPI_Offset)test_rank * kPiece, data, kPiece, MPI_BYTE,
                            &status));
        CHECK(test_compare(data, kPiece, seed + 500) == kPiece);
    }
    return NULL;
}

/* Rank 0's collective call lasts until rank 1's begins, and that waits for a message that rank 0's
 * other thread sends only after it has used another file. */
static void* write_then_tell(void* argument) {
    Work* mine = argument;

    OK(MPI_File_write_at(mine->shared, 0, &mine->thread, 1, MPI_INT, MPI_STATUS_IGNORE));
    MPI_Send(&mine->thread, 1, MPI_INT, 1, 99, MPI_COMM_WORLD);
    return NULL;
}

static void across(Work* works) {
    pthread_t thread;
    int number = test_rank;

    if (test_rank == 1) MPI_Recv(&number, 1, MPI_INT, 0, 99, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (test_rank == 0) pthread_create(&thread, NULL, write_then_tell, &works[1]);
    OK(MPI_File_write_at_all(works[0].own, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    if (test_rank == 0) pthread_join(thread, NULL);
    MPI_Barrier(MPI_COMM_WORLD);
}

int main(int argc, char** argv) {
    pthread_t threads[kThreads];
    Work works[kThreads];
    char name[4096];
    int level;

    test_start(&argc, &argv);
    MPI_Query_thread(&level);
    if (level != MPI_THREAD_MULTIPLE) return test_skip("this MPI has no MPI_THREAD_MULTIPLE");
    MPI_File file = test_create(MPI_INFO_NULL);
    for (int i = 0; i < kThreads; i++) {
        works[i] = (Work){.shared = file, .thread = i};
        MPI_Comm_dup(MPI_COMM_WORLD, &works[i].comm);
        snprintf(name, sizeof(name), "%s.%d", test_file, i);
        OK(MPI_File_open(works[i].comm, name,
                         MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL,
                         &works[i].own));
    }
    for (int i = 0; i < kThreads; i++)
        pthread_create(&threads[i], NULL, work, &works[i]);
    for (int i = 0; i < kThreads; i++)
        pthread_join(threads[i], NULL);
    MPI_Barrier(MPI_COMM_WORLD);
    for (int i = 0; i < 20 && test_ranks > 1; i++)
        across(works);
    for (int i = 0; i < kThreads; i++) {
        OK(MPI_File_close(&works[i].own));
        MPI_Comm_free(&works[i].comm);
    }
    test_close_and_remove(&file);
    return test_end("threads");
}
