/* SPDX-License-Identifier: MIT */
/* Makes calls of one pattern, so that what they cost on the wire can be counted at the servers (see
 * ../wire_cost.py, which runs it).
 *
 *     wire_cost FILE PATTERN PIECES PIECE CALLS [--collective=1] [--read=1]
 *
 * Calls of all patterns but records go to the same bytes, which are there before they are read.
 * Each call moves PIECES pieces of PIECE bytes on each rank. PATTERN: contiguous (one piece of
 * all), vector (the ranks' pieces take turns), subarray (a box of a 3-D array of all ranks' boxes,
 * its rows the pieces), records (one piece a call at places of its own; PIECES does not count).
 */
#include "mpiio_test.h"

static MPI_Datatype vector_of(int pieces, int piece) {
    MPI_Datatype type;

    MPI_Type_create_hvector(pieces, piece, (MPI_Aint)piece * test_ranks, MPI_BYTE, &type);
    return type;
}

/* Boxes of planes x rows pieces, side by side along the fastest dimension. */
static MPI_Datatype subarray_of(int pieces, int piece) {
    int rows = 1;
    MPI_Datatype type;

    while (rows * rows < pieces)
        rows *= 2;
    const int planes = pieces / rows;
    const int sizes[] = {planes, 2 * rows, piece * test_ranks}, subsizes[] = {planes, rows, piece};
    const int starts[] = {0, rows / 2, piece * test_rank};
    MPI_Type_create_subarray(3, sizes, subsizes, starts, MPI_ORDER_C, MPI_BYTE, &type);
    return type;
}

static void move(MPI_File file, MPI_Offset at, char* data, int bytes, int collective, int reading) {
    if (collective && reading)
        OK(MPI_File_read_at_all(file, at, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE));
    else if (collective)
        OK(MPI_File_write_at_all(file, at, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE));
    else if (reading)
        OK(MPI_File_read_at(file, at, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE));
    else
        OK(MPI_File_write_at(file, at, data, bytes, MPI_BYTE, MPI_STATUS_IGNORE));
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    if (argc < 6) return test_skip("needs a pattern and its numbers");
    const char* pattern = argv[2];
    const int piece = atoi(argv[4]), calls = atoi(argv[5]);
    const int records = strcmp(pattern, "records") == 0;
    const int pieces = records ? 1 : atoi(argv[3]), bytes = pieces * piece;
    const int collective = test_option(argc, argv, "--collective") != NULL;
    const int reading = test_option(argc, argv, "--read") != NULL;
    char* data = calloc((size_t)bytes, 1);
    MPI_Datatype view = MPI_BYTE;

    MPI_File file = test_create(MPI_INFO_NULL);
    /* However many calls come, so that the difference of two runs does not have it. */
    for (int rank = 0; reading && test_rank == 0 && rank < test_ranks; rank++)
        move(file, (MPI_Offset)rank * bytes, data, bytes, 0, 0);
    test_settle(file);
    if (strcmp(pattern, "vector") == 0) view = vector_of(pieces, piece);
    if (strcmp(pattern, "subarray") == 0) view = subarray_of(pieces, piece);
    if (view != MPI_BYTE) MPI_Type_commit(&view);
    OK(MPI_File_set_view(file, 0, MPI_BYTE, view, "native", MPI_INFO_NULL));
    for (int i = 0; i < calls; i++) {
        MPI_Offset at = 0;
        if (view == MPI_BYTE) at = (MPI_Offset)((records ? i : 0) * test_ranks + test_rank) * bytes;
        move(file, at, data, bytes, collective, reading);
    }
    free(data);
    if (view != MPI_BYTE) MPI_Type_free(&view);
    test_settle(file);
    test_close_and_remove(&file);
    return test_end("wire_cost");
}
