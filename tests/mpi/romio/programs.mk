# SPDX-License-Identifier: MIT
# ROMIO's own test programs, built where this is called: `src` links to the folder of their sources. Called by build.sh,
# which leaves make no path that could contain a space.

MPICC ?= mpicc
CFLAGS = -O1 -w -include mpi1.h

# Two programs are built smaller than they are shipped: coll_perf's array of 14 GB makes stock Open MPI crash in its own
# message passing; its comment says 128^3.
SHRUNK = coll_perf
PROGRAMS = aggregation1 aggregation2 async async-multiple atomicity coll_test darray_read error excl external32 file_info \
           hindexed i_noncontig large_array large_file misc noncontig noncontig_coll noncontig_coll2 ordered_fp perf psimple \
           shared_fp simple split_coll status types_with_zeros

all: $(PROGRAMS) $(SHRUNK)

$(PROGRAMS): %: src/%.c mpi1.h programs.mk
	$(MPICC) $(CFLAGS) -o $@ $<

coll_perf.c: src/coll_perf.c
	sed 's/\(array_of_gsizes\[[012]\] = 128\)\*[0-9]*;/\1;/' $< > $@
	test `grep -c 'array_of_gsizes\[[012]\] = 128;' $@` = 3

coll_perf: coll_perf.c mpi1.h programs.mk
	$(MPICC) $(CFLAGS) -o $@ $<
