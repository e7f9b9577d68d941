# SPDX-License-Identifier: MIT
# HDF5's parallel test programs, built where this is called, against the *installed* parallel HDF5. `tree` links to HDF5's
# source tree, whose private headers the programs need. Called by build.sh, which leaves make no path with a space in it.

MPICC ?= mpicc
HDF5_CFLAGS = $(shell pkg-config --cflags hdf5-openmpi)
HDF5_LIBS = -lhdf5_openmpi -lm
# The installed headers come first: H5pubconf.h, made when Debian built the library, is there and not in the source tree.
# NDEBUG as in the library as built: it decides on members of the structures in the private headers.
CFLAGS = -O1 -w -DNDEBUG -I. $(HDF5_CFLAGS) -Itree/src -Itree/test -Itree/testpar

SINGLE = t_mpi t_bigio t_cache t_cache_image t_pread t_pshutdown t_prestart t_init_term t_shapesame t_filters_parallel \
         t_filters_parallel_write t_pflush1 t_pflush2
TESTPHDF5 = testphdf5 t_dset t_file t_file_image t_mdset t_ph5basic t_coll_chunk t_span_tree t_chunk_alloc t_filter_read \
            t_prop t_coll_md_read
SUPPORT = h5test testframe cache_common genall5

all: $(SINGLE) testphdf5

H5srcdir_str.h: programs.mk
	echo 'static const char *config_srcdir = ".";' > $@

# The part of t_filters_parallel that leaves all files to MPI: its reading tests have rank 0 write the file with POSIX calls.
t_filters_parallel_write.c: tree/testpar/t_filters_parallel.c programs.mk
	sed '/^    test_read_.*,$$/d; /^    test_write_serial_read_parallel,$$/d; /^    test_write_parallel_read_serial,$$/d' $< > $@
	test `grep -c '^    test_.*,$$' $@` = 16

vpath %.c tree/testpar tree/test
%.o: %.c H5srcdir_str.h programs.mk
	$(MPICC) $(CFLAGS) -c -o $@ $<

libh5test.a: $(SUPPORT:=.o)
	rm -f $@
	$(AR) rcs $@ $^

$(SINGLE): %: %.o libh5test.a
	$(MPICC) -o $@ $^ $(HDF5_LIBS)

testphdf5: $(TESTPHDF5:=.o) libh5test.a
	$(MPICC) -o $@ $^ $(HDF5_LIBS)
