/* SPDX-License-Identifier: MIT */
/* What a read says and does at the end of the file, and what an access of no bytes says: in every
 * form of call. The pointer moves by what was asked (MPI-3.1, 13.4.3). */
#include "mpiio_test.h"

enum { kSize = 10000, kAsk = 600 };

static void expect(int line, const MPI_Status* status, MPI_Count bytes) {
    char text[100];

    if (test_bytes(status) == bytes) return;
    snprintf(text, sizeof(text), "%lld bytes instead of %lld", (long long)test_bytes(status),
             (long long)bytes);
    test_fail(__FILE__, line, "count", text);
}

/* All forms of a read of kAsk bytes at `offset`, of which `there` exist. */
static void read_forms(MPI_File file, MPI_Offset offset, MPI_Count there) {
    unsigned char data[kAsk];
    MPI_Status status;
    MPI_Request request;
    MPI_Offset position;

    OK(MPI_File_read_at(file, offset, data, kAsk, MPI_BYTE, &status));
    expect(__LINE__, &status, there);
    OK(MPI_File_read_at_all(file, offset, data, kAsk, MPI_BYTE, &status));
    expect(__LINE__, &status, there);
    OK(MPI_File_iread_at(file, offset, data, kAsk, MPI_BYTE, &request));
    OK(MPI_Wait(&request, &status));
    expect(__LINE__, &status, there);
    OK(MPI_File_iread_at_all(file, offset, data, kAsk, MPI_BYTE, &request));
    OK(MPI_Wait(&request, &status));
    expect(__LINE__, &status, there);
    OK(MPI_File_read_at_all_begin(file, offset, data, kAsk, MPI_BYTE));
    OK(MPI_File_read_at_all_end(file, data, &status));
    expect(__LINE__, &status, there);

    OK(MPI_File_seek(file, offset, MPI_SEEK_SET));
    OK(MPI_File_read(file, data, kAsk, MPI_BYTE, &status));
    expect(__LINE__, &status, there);
    OK(MPI_File_get_position(file, &position));
    CHECK(position == offset + kAsk);
    OK(MPI_File_seek(file, offset, MPI_SEEK_SET));
    OK(MPI_File_iread(file, data, kAsk, MPI_BYTE, &request));
    OK(MPI_File_get_position(file, &position));
    CHECK(position == offset + kAsk);
    OK(MPI_Wait(&request, &status));
    expect(__LINE__, &status, there);
    OK(MPI_File_seek(file, offset, MPI_SEEK_SET));
    OK(MPI_File_read_all(file, data, kAsk, MPI_BYTE, &status));
    expect(__LINE__, &status, there);
}

static void nothing(MPI_File file) {
    unsigned char data[1] = {42};
    MPI_Status status;
    MPI_Request request;

    OK(MPI_File_read_at(file, 5, data, 0, MPI_BYTE, &status));
    expect(__LINE__, &status, 0);
    OK(MPI_File_write_at(file, 5, data, 0, MPI_BYTE, &status));
    expect(__LINE__, &status, 0);
    OK(MPI_File_iread_at(file, 5, data, 0, MPI_BYTE, &request));
    OK(MPI_Wait(&request, &status));
    expect(__LINE__, &status, 0);
    OK(MPI_File_iwrite_at_all(file, 5, data, 0, MPI_BYTE, &request));
    OK(MPI_Wait(&request, &status));
    expect(__LINE__, &status, 0);
    /* Some ranks have something to do in a collective call, the others nothing. */
    OK(MPI_File_write_at_all(file, 3 * kSize, data, test_rank == 0 ? 1 : 0, MPI_BYTE, &status));
    expect(__LINE__, &status, test_rank == 0 ? 1 : 0);
    data[0] = 0;
    OK(MPI_File_read_at_all(file, 3 * kSize, data, test_rank == 1 ? 1 : 0, MPI_BYTE, &status));
    expect(__LINE__, &status, test_rank == 1 ? 1 : 0);
    CHECK(data[0] == (test_rank == 1 ? 42 : 0));
}

static void with_holes(MPI_File file) {
    MPI_Datatype type;
    MPI_Offset position, size;

    MPI_Type_vector(3, 10, 20, MPI_BYTE, &type); /* 30 bytes of 50, the next instance joins on */
    MPI_Type_commit(&type);
    OK(MPI_File_set_view(file, 0, MPI_BYTE, type, "native", MPI_INFO_NULL));
    OK(MPI_File_get_size(file, &size));
    CHECK(size == kSize);
    /* 10000 bytes are 200 instances of 50 bytes. */
    read_forms(file, 6000 - 25, 25);
    read_forms(file, 6000, 0);
    read_forms(file, 7000, 0);
    OK(MPI_File_seek(file, 0, MPI_SEEK_END));
    OK(MPI_File_get_position(file, &position));
    CHECK(position == 6000);
    MPI_Type_free(&type);
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    MPI_File file = test_create(MPI_INFO_NULL);
    static unsigned char data[kSize];

    if (test_rank == 0) OK(MPI_File_write_at(file, 0, data, kSize, MPI_BYTE, MPI_STATUS_IGNORE));
    test_settle(file);
    read_forms(file, kSize - kAsk, kAsk);
    read_forms(file, kSize - 100, 100);
    read_forms(file, kSize, 0);
    read_forms(file, 5 * kSize, 0);
    with_holes(file);
    nothing(file);
    test_close_and_remove(&file);
    return test_end("end_of_file");
}
