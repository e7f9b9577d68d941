#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Changes a copy of Open MPI 4.1's romio321 folder where ROMIO's own text must differ.

    patch_romio.py <copy of ompi/mca/io/romio321>

Each change names a file, a short anchor in it, what goes in its place, and how often the anchor must
occur. An anchor that is missing, or occurs more or less often, stops everything: then this release of
Open MPI differs from those this was made for (4.1.x), and nobody should guess.
"""
import pathlib
import sys

LOCK = "OPAL_THREAD_LOCK (&mca_io_romio321_mutex);"
UNLOCK = "OPAL_THREAD_UNLOCK (&mca_io_romio321_mutex);"
DRIVER = '#include "io_orfa.h"\n'


def prefixes(path):
    """Cut known prefixes only: other colons are part of the name."""
    return [
        (path, "tmp = strchr(filename, ':');", "tmp = NULL; filename = adio_orfa_cut_prefix(filename);", 1),
        (path, '#include "mpioimpl.h"', '#include "mpioimpl.h"\n' + DRIVER, 1),
    ]


def closing_agreement(path, call, writing):
    """A rank whose arguments are refused joins the agreement of the others, who would hang."""
    return [
        (path, '#include "mpioimpl.h"', '#include "mpioimpl.h"\n' + DRIVER, 1),
        (path, "    ADIO_File adio_fh;", "    ADIO_File adio_fh; int joined = 0;", 1),
        (path, f"    {call}(adio_fh,", f"    joined = 1;\n    {call}(adio_fh,", 1),
        (path, "    ROMIO_THREAD_CS_EXIT();\n\n    return error_code;",
         f"    adio_orfa_collective_leave(adio_fh, joined, {writing}, &error_code);\n"
         "    ROMIO_THREAD_CS_EXIT();\n\n    return error_code;", 1),
    ]


def ordered(path, call, writing):
    """One addition to the shared file pointer instead of a token that goes from rank to rank."""
    return [
        (path, '#include "mpioimpl.h"', '#include "mpioimpl.h"\n' + DRIVER, 1),
        (path, "    ADIO_File adio_fh;", "    ADIO_File adio_fh; int joined = 0;", 1),
        (path, "    MPI_Recv(NULL, 0, MPI_BYTE, source, 0, adio_fh->comm, MPI_STATUS_IGNORE);", "", 1),
        (path, "    MPI_Send(NULL, 0, MPI_BYTE, dest, 0, adio_fh->comm);", "", 1),
        (path, "    ADIO_Get_shared_fp(adio_fh, incr, &shared_fp, &error_code);",
         "    joined = adio_orfa_ordered_join(adio_fh, incr, &shared_fp, &error_code);\n"
         "    if (error_code != MPI_SUCCESS) goto fn_exit;", 1),
        (path, f"    {call}(adio_fh,", f"    joined = kOrderedDone;\n    {call}(adio_fh,", 1),
        (path, "    ROMIO_THREAD_CS_EXIT();",
         f"    adio_orfa_ordered_leave(adio_fh, joined, {writing}, &error_code);\n    ROMIO_THREAD_CS_EXIT();", 1),
    ]


def shared_nonblocking(path):
    """Without a position nothing is read or written (ROMIO goes on at 0)."""
    return [
        (path, "\tMPIO_Err_return_file(adio_fh, error_code);\n",
         "\terror_code = MPIO_Err_return_file(adio_fh, error_code);\n\tgoto fn_exit;\n", 1),
    ]


def direction(path, check):
    """An access that the file's mode forbids is refused before it moves the shared file pointer."""
    anchor = "    MPIO_CHECK_FS_SUPPORTS_SHARED(adio_fh, myname, error_code);"
    return [(path, anchor, f"{anchor}\n    {check}(adio_fh, myname, error_code);", 1)]


def nonblocking(path):
    """The driver knows what atomic mode asks of a nonblocking call, and the true count of a short read."""
    return [(path, "if (!(adio_fh->atomicity))", "if (1)", 1)]


# One mutex for all of ROMIO, held through blocking collective calls, makes programs with
# MPI_THREAD_MULTIPLE hang whose threads wait for each other across ranks. The driver needs none.
GLUE = [
    ("src/io_romio321_file_read.c", LOCK, "", None),
    ("src/io_romio321_file_read.c", UNLOCK, "", None),
    ("src/io_romio321_file_write.c", LOCK, "", None),
    ("src/io_romio321_file_write.c", UNLOCK, "", None),
    ("src/io_romio321_file_open.c", LOCK, "", None),
    ("src/io_romio321_file_open.c", UNLOCK, "", None),
    # Hints in force, for MPI_File_get_info().
    ("src/io_romio321_file_open.c", '#include "io_romio321.h"',
     '#include "io_romio321.h"\n#include "io_orfa.h"', 1),
    ("src/io_romio321_file_open.c", "ret = ROMIO_PREFIX(MPI_File_open)(",
     "mca_io_orfa_initialize();\n    ret = ROMIO_PREFIX(MPI_File_open)(", 1),
    ("src/io_romio321_file_open.c", "                                      &data->romio_fh);",
     "                                      &data->romio_fh);\n"
     "    if (MPI_SUCCESS == ret) mca_io_orfa_publish_info(fh);", 1),
    ("src/io_romio321_file_open.c", "                                        datarep, ompi_info);",
     "                                        datarep, ompi_info);\n"
     "    if (MPI_SUCCESS == ret) mca_io_orfa_publish_info(fh);", 1),
    # Replaced by io_orfa_common.c: this one takes a negative true lower bound for none.
    ("src/io_romio321_module.c", "void ADIOI_Datatype_iscontig(",
     "void mca_io_orfa_unused_iscontig(", 2),
]

ROMIO = (
    prefixes("romio/mpi-io/open.c")
    + prefixes("romio/mpi-io/delete.c")
    + closing_agreement("romio/mpi-io/read_all.c", "ADIO_ReadStridedColl", 0)
    + closing_agreement("romio/mpi-io/read_allb.c", "ADIO_ReadStridedColl", 0)
    + closing_agreement("romio/mpi-io/write_all.c", "ADIO_WriteStridedColl", 1)
    + closing_agreement("romio/mpi-io/write_allb.c", "ADIO_WriteStridedColl", 1)
    + ordered("romio/mpi-io/read_ord.c", "ADIO_ReadStridedColl", 0)
    + ordered("romio/mpi-io/read_ordb.c", "ADIO_ReadStridedColl", 0)
    + ordered("romio/mpi-io/write_ord.c", "ADIO_WriteStridedColl", 1)
    + ordered("romio/mpi-io/write_ordb.c", "ADIO_WriteStridedColl", 1)
    + direction("romio/mpi-io/iread_sh.c", "MPIO_CHECK_READABLE")
    + direction("romio/mpi-io/iwrite_sh.c", "MPIO_CHECK_WRITABLE")
    + direction("romio/mpi-io/write_sh.c", "MPIO_CHECK_WRITABLE")
    + direction("romio/mpi-io/read_ord.c", "MPIO_CHECK_READABLE")
    + direction("romio/mpi-io/read_ordb.c", "MPIO_CHECK_READABLE")
    + direction("romio/mpi-io/write_ord.c", "MPIO_CHECK_WRITABLE")
    + direction("romio/mpi-io/write_ordb.c", "MPIO_CHECK_WRITABLE")
    + nonblocking("romio/mpi-io/iread.c")
    + nonblocking("romio/mpi-io/iwrite.c")
    + nonblocking("romio/mpi-io/iread_sh.c")
    + nonblocking("romio/mpi-io/iwrite_sh.c")
    + shared_nonblocking("romio/mpi-io/iread_sh.c")
    + shared_nonblocking("romio/mpi-io/iwrite_sh.c")
    + [
        # The opening rank's handle must outlive the work of the others, and a file that is deleted on
        # close must have been closed by all: this barrier, which the file systems with shared file
        # pointers have, must be there.
        ("romio/mpi-io/close.c", "\tMPI_Barrier((adio_fh)->comm);", "\tMPI_Barrier((adio_fh)->comm);", 1),
        # Without the hang where rank 0 finds something wrong, and with the same answer on all ranks.
        ("romio/mpi-io/seek_sh.c", '#include "mpioimpl.h"', '#include "mpioimpl.h"\n' + DRIVER, 1),
        ("romio/mpi-io/seek_sh.c", "    tmp_offset = offset;\n",
         "    adio_orfa_seek_shared(adio_fh, offset, whence, &error_code);\n"
         "    if (error_code != MPI_SUCCESS) error_code = MPIO_Err_return_file(adio_fh, error_code);\n"
         "    goto fn_exit;\n    tmp_offset = offset;\n", 1),
        # A new view has a shared pointer of its own, at 0, so nobody has to wait for its being reset.
        ("romio/mpi-io/set_view.c", '#include "mpioimpl.h"', '#include "mpioimpl.h"\n' + DRIVER, 1),
        ("romio/mpi-io/set_view.c", "MPI_Barrier(adio_fh->comm); /* for above to work correctly */", "", 1),
        ("romio/mpi-io/set_view.c", "    ROMIO_THREAD_CS_EXIT();",
         "    adio_orfa_view_set(adio_fh, joined, error_code);\n    ROMIO_THREAD_CS_EXIT();", 1),
        # No rank waits for one whose arguments are refused: that one joins late in what all do together.
        ("romio/mpi-io/set_view.c", "    MPIO_CHECK_INFO_ALL(info, error_code, adio_fh->comm);\n",
         "    joined = kViewHints;\n    MPIO_CHECK_INFO_ALL(info, error_code, adio_fh->comm);\n", 1),
        ("romio/mpi-io/set_view.c", "    ADIO_File adio_fh;", "    ADIO_File adio_fh; int joined = 0;", 1),
        ("romio/mpi-io/set_view.c", "\tMPI_Barrier(adio_fh->comm);\n\tADIO_Get_shared_fp(adio_fh, 0, &shared_fp, &error_code);\n",
         "\tjoined = kViewPlace;\n\tadio_orfa_current_displacement(adio_fh, &byte_off, &error_code);\n"
         "\tif (error_code != MPI_SUCCESS) {\n\t    error_code = MPIO_Err_return_file(adio_fh, error_code);\n"
         "\t    goto fn_exit;\n\t}\n", 1),
        ("romio/mpi-io/set_view.c",
         "\tMPI_Barrier(adio_fh->comm);\n\tADIOI_Get_byte_offset(adio_fh, shared_fp, &byte_off);\n", "", 1),
        # All ranks learn whether there was space.
        ("romio/mpi-io/prealloc.c", "    MPI_Barrier(adio_fh->comm);",
         "    MPI_Bcast(&error_code, 1, MPI_INT, 0, adio_fh->comm);", 1),
        ("romio/mpi-io/prealloc.c", "    if (!mynod) return error_code;\n    else return MPI_SUCCESS;",
         "    return error_code;", 1),
        # Two-phase, for comparison only (ad_orfa_generic.c): without persistent file realms, with lists of
        # pieces from the driver, and with a buffer whose size all ranks agree on.
        ("romio/adio/common/ad_read_coll.c", "if (fd->hints->cb_pfr != ADIOI_HINT_DISABLE)", "if (0)", 1),
        ("romio/adio/common/ad_write_coll.c", "if (fd->hints->cb_pfr != ADIOI_HINT_DISABLE)", "if (0)", 1),
        ("romio/adio/common/ad_read_coll.c", "void ADIOI_Calc_my_off_len(ADIO_File fd,",
         "static void __attribute__((unused)) romio_calc_my_off_len(ADIO_File fd,", 1),
        ("romio/adio/common/ad_write_coll.c", "coll_bufsize = atoi(value);",
         "coll_bufsize = fd->hints->cb_buffer_size;", 1),
        # Its buffer is made when it is first used.
        ("romio/adio/common/ad_open.c", "ADIOI_Malloc(fd->hints->cb_buffer_size)", "ADIOI_Malloc(1)", 1),
    ]
)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    for name, anchor, replacement, times in GLUE + ROMIO:
        path = root / name
        if not path.is_file():
            sys.exit(f"patch_romio: no file {name} in this Open MPI: not a release of the 4.1 series?")
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        found = text.count(anchor)
        if found != times if times is not None else found == 0:
            sys.exit(f"patch_romio: {name}: expected {times or 'some'} x {anchor!r}, found {found}: "
                     "not a release of Open MPI's 4.1 series?")
        path.write_text(text.replace(anchor, replacement), encoding="utf-8", errors="surrogateescape")


main()
