/* SPDX-License-Identifier: MIT */
/* What the component's own files and the patched romio321 files share. */
#ifndef IO_ORFA_H
#define IO_ORFA_H

#include <mpi.h>

struct ompi_file_t;
struct ADIOI_FileD;

/* 1 when the file is ORFA's: its name starts with "orfa:", or ROMIO_FSTYPE_FORCE names orfa. */
int adio_orfa_takes(const char* name);

/* The part of a file name behind a known prefix ("orfa:", "ufs:", ...); other colons are part of
 * the name. */
const char* adio_orfa_cut_prefix(const char* name);

/* Takes part without bytes in a collective access whose arguments were refused, so that the other
 * ranks need not wait for ever. Does nothing when `joined`. */
void adio_orfa_collective_leave(struct ADIOI_FileD* fd, int joined, int writing, int* error_code);

/* For an ordered access: moves the shared file pointer once for all ranks, and tells each where its
 * own `etypes` begin. Collective. Returns what adio_orfa_ordered_leave() wants to know. */
int adio_orfa_ordered_join(struct ADIOI_FileD* fd, MPI_Offset etypes, MPI_Offset* offset,
                           int* error_code);

/* The part of an ordered access that is left for a rank that came as far as `joined`: 0 when its
 * arguments were refused, else what adio_orfa_ordered_join() returned, or kOrderedDone behind the
 * transfer. The other ranks need not wait for ever then. */
void adio_orfa_ordered_leave(struct ADIOI_FileD* fd, int joined, int writing, int* error_code);
enum { kOrderedJoined = 1, kOrderedDone = 2 };

/* MPI_File_seek_shared() behind the checks: collective, the same error on all ranks. */
void adio_orfa_seek_shared(struct ADIOI_FileD* fd, MPI_Offset offset, int whence, int* error_code);

/* For a sequential file's new view: the byte that the shared file pointer stands on. Collective;
 * the same error on all ranks. */
void adio_orfa_current_displacement(struct ADIOI_FileD* fd, MPI_Offset* displacement,
                                    int* error_code);

/* The end of each MPI_File_set_view(), whether it did well or not: a new view begins with its
 * shared file pointer at 0. `joined` is the last that the rank took part in of what all ranks do
 * together: looking at each other's hints, and, with a sequential file, the above. One that was
 * refused before does the rest now: the others wait for it. */
void adio_orfa_view_set(struct ADIOI_FileD* fd, int joined, int error_code);
enum { kViewHints = 1, kViewPlace = 2 };

/* Sets ROMIO up in this process, once, whichever thread comes first. */
void mca_io_orfa_initialize(void);

/* Makes MPI_File_get_info() tell what is in force: Open MPI 4.1 answers it from a copy of the
 * user's own hints, and never asks the component. Called after open and set_view; also subscribes
 * the file to later changes of its hints. */
void mca_io_orfa_publish_info(struct ompi_file_t* file);

#endif
