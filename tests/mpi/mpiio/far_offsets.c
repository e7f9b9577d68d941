/* SPDX-License-Identifier: MIT */
/* A file of more than 4 TiB that is nearly all hole: views, offsets, sizes and collective calls
 * where 32 bits, of bytes or of blocks, have long run over. */
#include "mpiio_test.h"

enum { kPiece = 3000, kPieces = 40 };

static const MPI_Offset kTebi = (MPI_Offset)1 << 40;

static unsigned char out[kPieces * kPiece], back[kPieces * kPiece];

/* Pieces 1 GiB + 4 KiB apart, every rank's next to each other. */
static MPI_Datatype far_apart(void) {
    MPI_Datatype pieces;

    MPI_Type_create_hvector(kPieces, kPiece, ((MPI_Aint)1 << 30) + 4096, MPI_BYTE, &pieces);
    MPI_Type_commit(&pieces);
    return pieces;
}

static MPI_Offset displacement(void) {
    return 5 * kTebi + 12345 + (MPI_Offset)test_rank * kPiece;
}

static void by_view(MPI_File file, int collective) {
    MPI_Datatype pieces = far_apart();
    MPI_Offset byte = -1;
    MPI_Status status;

    OK(MPI_File_set_view(file, displacement(), MPI_BYTE, pieces, "native", MPI_INFO_NULL));
    OK(MPI_File_get_byte_offset(file, kPiece * (kPieces - 1), &byte));
    CHECK(byte == displacement() + (kPieces - 1) * (((MPI_Offset)1 << 30) + 4096));
    test_fill(out, sizeof(out), (uint64_t)(10 + test_rank + 100 * collective));
    memset(back, 0, sizeof(back));
    if (collective) {
        OK(MPI_File_write_at_all(file, 0, out, sizeof(out), MPI_BYTE, &status));
        CHECK(test_bytes(&status) == sizeof(out));
        OK(MPI_File_read_at_all(file, 0, back, sizeof(back), MPI_BYTE, &status));
    } else {
        OK(MPI_File_write_at(file, 0, out, sizeof(out), MPI_BYTE, &status));
        CHECK(test_bytes(&status) == sizeof(out));
        OK(MPI_File_read_at(file, 0, back, sizeof(back), MPI_BYTE, &status));
    }
    CHECK(test_bytes(&status) == sizeof(back));
    CHECK(memcmp(out, back, sizeof(out)) == 0);
    MPI_Type_free(&pieces);
}

static void by_offset(MPI_File file) {
    const MPI_Offset at = 9 * kTebi + 7 + (MPI_Offset)test_rank * (kTebi / 3);
    MPI_Offset position = -1, size = -1;
    MPI_Status status;

    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
    OK(MPI_File_seek(file, at, MPI_SEEK_SET));
    OK(MPI_File_write(file, out, kPiece, MPI_BYTE, &status));
    OK(MPI_File_get_position(file, &position));
    CHECK(position == at + kPiece);
    /* A hole in front of it. */
    OK(MPI_File_read_at(file, at - 500, back, 1000, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == 1000);
    for (int i = 0; i < 500; i++)
        CHECK(back[i] == 0);
    CHECK(memcmp(back + 500, out, 500) == 0);
    test_settle(file);
    OK(MPI_File_get_size(file, &size));
    CHECK(size == 9 * kTebi + 7 + (test_ranks - 1) * (kTebi / 3) + kPiece);
    OK(MPI_File_read_at(file, size, back, 10, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == 0);
    OK(MPI_File_set_size(file, 6 * kTebi));
    OK(MPI_File_get_size(file, &size));
    CHECK(size == 6 * kTebi);
}

int main(int argc, char** argv) {
    static const char* const ways[] = {"independent", "twophase", "server", "auto"};

    test_start(&argc, &argv);
    for (int i = 0; i < 4; i++) {
        MPI_Info info;
        MPI_Info_create(&info);
        MPI_Info_set(info, "orfa_collective", ways[i]);
        MPI_File file = test_create(info);
        MPI_Info_free(&info);
        by_view(file, 0);
        test_settle(file);
        by_view(file, 1);
        by_offset(file);
        test_close_and_remove(&file);
    }
    return test_end("far_offsets");
}
