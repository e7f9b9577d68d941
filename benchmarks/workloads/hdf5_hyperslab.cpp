// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/hdf5_support.hpp"

namespace orfa::benchmarks {
namespace {

constexpr std::uint64_t kElement = sizeof(double);

// Rows, and of each `count` pieces of `columns` elements, `stride` apart.
struct Selection {
    hsize_t row, rows, column, columns, stride, count;
};

// A 2-D dataset of which each rank selects rows, columns, or blocks of columns in turn, in one
// access. Opening the file is not timed.
void work(Run& run) {
    const std::string shape = run.text("shape");
    const std::uint64_t width = run.number("columns");  // of a rank
    const std::uint64_t columns = width * run.ranks;
    const std::uint64_t height = run.bytes_per_rank(columns * kElement) / (columns * kElement);
    const std::uint64_t rows = height * run.ranks;
    const std::uint64_t block = shape == "cyclic" ? run.number("block") : width;
    const auto selection = [shape, width, columns, height, rows, block](std::uint64_t owner) {
        if (shape == "rows") return Selection{owner * height, height, 0, columns, columns, 1};
        return Selection{0, rows, owner * block, block, block * columns / width, width / block};
    };
    const auto for_each_piece = [selection, columns](std::uint64_t owner, const auto& use) {
        const Selection s = selection(owner);
        std::uint64_t at = 0;
        for (std::uint64_t piece = 0; piece < s.rows * s.count; ++piece) {
            const std::uint64_t column = s.column + piece % s.count * s.stride;
            const std::uint64_t element = (s.row + piece / s.count) * columns + column;
            use(at, element * kElement, s.columns * kElement);
            at += s.columns * kElement;
        }
    };
    const std::string name = run.file(".h5");
    const Pattern pattern(run.settings.seed, kMiB);
    std::vector<std::byte> data(height * columns * kElement);
    for_each_piece(run.rank, [&](std::uint64_t at, std::uint64_t offset, std::uint64_t length) {
        pattern.fill(offset, std::span(data).subspan(at, length));
    });
    for (const bool writing : {true, false}) {
        const Hdf5 file = hdf5_file(run, name, writing);
        const Hdf5 space = data_space({rows, columns});
        const Hdf5 set = data_set(file, "field", space, {}, writing);
        const Selection s = selection(writing ? run.rank : run.neighbour);
        const hsize_t start[2] = {s.row, s.column};
        const hsize_t stride[2] = {s.rows, s.stride};
        const hsize_t count[2] = {1, s.count};
        const hsize_t extent[2] = {s.rows, s.columns};
        H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, stride, count, extent);
        run.phase(writing ? "write" : "read", {data.size() * run.ranks, run.ranks, data.size()},
                  [&] { move(run, set, space, data.data(), writing); });
        if (writing) std::fill(data.begin(), data.end(), std::byte{0});
    }
    const auto check_piece = [&](std::uint64_t at, std::uint64_t offset, std::uint64_t length) {
        run.expect(pattern, offset, std::span(data).subspan(at, length));
    };
    for_each_piece(run.neighbour, check_piece);
    if (run.rank == 0) MPI_File_delete(name.c_str(), MPI_INFO_NULL);
}

const Registration kRegistration({
    .name = "hdf5-hyperslab",
    .question = "How do the shapes of a selection change the bandwidth through HDF5?",
    .origin = "h5perf and the hyperslabs of climate and particle codes: rows, columns, cyclic",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"shape", "rows"}, {"columns", 512}, {"bytes", 16 * kMiB}},
              {{"shape", "columns"}, {"columns", 512}, {"bytes", 8 * kMiB}},
              {{"shape", "cyclic"}, {"columns", 512}, {"block", 32}, {"bytes", kMiB}}},
    .full = {{{"shape", "rows"}, {"columns", 4096}},
             {{"shape", "columns"}, {"columns", 4096}},
             {{"shape", "cyclic"}, {"columns", 4096}, {"block", 512}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
