// SPDX-License-Identifier: MIT
// Parallel HDF5's handles as owners, and its errors as the end of the program.
#pragma once

#include <hdf5.h>

#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {

inline void check_hdf5(bool done, const std::string& call) {
    if (!done) give_up(call + ": HDF5 failed");
}

// Owns one identifier; `close` is the call that ends its kind.
class Hdf5 {
  public:
    Hdf5(hid_t raw, herr_t (*close)(hid_t), const std::string& call) : raw_(raw), close_(close) {
        check_hdf5(raw >= 0, call);
    }
    Hdf5(const Hdf5&) = delete;
    Hdf5& operator=(const Hdf5&) = delete;
    ~Hdf5() { close_(raw_); }
    hid_t get() const { return raw_; }

  private:
    hid_t raw_;
    herr_t (*close_)(hid_t);
};

// A file that all ranks have open together, `writing`: a new one, else to read.
inline Hdf5 hdf5_file(const Run& run, const std::string& name, bool writing) {
    const Hdf5 access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "H5Pcreate");
    check_hdf5(H5Pset_fapl_mpio(access.get(), MPI_COMM_WORLD, run.settings.info) >= 0,
               "H5Pset_fapl_mpio");
    return {writing ? H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get())
                    : H5Fopen(name.c_str(), H5F_ACC_RDONLY, access.get()),
            H5Fclose, "opening " + name};
}

inline Hdf5 data_space(const std::vector<hsize_t>& extent) {
    return {H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose,
            "H5Screate_simple"};
}

// A data set of doubles in a file, `writing`: a new one, in chunks of this shape (none:
// contiguous).
inline Hdf5 data_set(const Hdf5& file, const std::string& name, const Hdf5& space,
                     const std::vector<hsize_t>& chunk, bool writing) {
    if (!writing) return {H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose, name};
    const Hdf5 list(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "H5Pcreate");
    check_hdf5(H5Pset_fill_time(list.get(), H5D_FILL_TIME_NEVER) >= 0, "H5Pset_fill_time");
    if (!chunk.empty())
        check_hdf5(H5Pset_chunk(list.get(), static_cast<int>(chunk.size()), chunk.data()) >= 0,
                   "H5Pset_chunk");
    return {H5Dcreate2(file.get(), name.c_str(), H5T_NATIVE_DOUBLE, space.get(), H5P_DEFAULT,
                       list.get(), H5P_DEFAULT),
            H5Dclose, name};
}

// Writes or reads the selection `space` of a data set, in the run's form; `data` lies in one.
inline void move(const Run& run, const Hdf5& set, const Hdf5& space, void* data, bool writing) {
    const bool together = run.form == Form::kCollective;
    const Hdf5 list(H5Pcreate(H5P_DATASET_XFER), H5Pclose, "H5Pcreate");
    check_hdf5(
        H5Pset_dxpl_mpio(list.get(), together ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT) >= 0,
        "H5Pset_dxpl_mpio");
    const auto elements = static_cast<hsize_t>(H5Sget_select_npoints(space.get()));
    const Hdf5 memory = data_space({elements});
    const herr_t done =
        writing
            ? H5Dwrite(set.get(), H5T_NATIVE_DOUBLE, memory.get(), space.get(), list.get(), data)
            : H5Dread(set.get(), H5T_NATIVE_DOUBLE, memory.get(), space.get(), list.get(), data);
    check_hdf5(done >= 0, writing ? "H5Dwrite" : "H5Dread");
}

// An attribute of a data set, made as `value` or read; returns what it is.
inline double attribute(const Hdf5& set, const char* name, double value, bool writing) {
    if (writing) {
        const Hdf5 scalar(H5Screate(H5S_SCALAR), H5Sclose, "H5Screate");
        const Hdf5 made(
            H5Acreate2(set.get(), name, H5T_NATIVE_DOUBLE, scalar.get(), H5P_DEFAULT, H5P_DEFAULT),
            H5Aclose, name);
        check_hdf5(H5Awrite(made.get(), H5T_NATIVE_DOUBLE, &value) >= 0, name);
    } else {
        const Hdf5 opened(H5Aopen(set.get(), name, H5P_DEFAULT), H5Aclose, name);
        check_hdf5(H5Aread(opened.get(), H5T_NATIVE_DOUBLE, &value) >= 0, name);
    }
    return value;
}

}  // namespace orfa::benchmarks
