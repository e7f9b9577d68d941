// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

// A window of a frame, in bytes: rows and what lies between two columns.
struct Window {
    std::uint64_t row, rows, column, columns;
};

// Accesses of one window of each rank, in one call.
Plan plan_of(std::uint64_t rows, std::uint64_t columns,
             const std::function<Window(std::uint64_t)>& window) {
    const Window any = window(0);
    Plan plan{.calls = 1, .bytes = any.rows * any.columns, .file_bytes = rows * columns};
    plan.pieces = [window, columns](std::uint64_t owner, std::uint64_t, const Plan::Use& use) {
        const Window w = window(owner);
        for (std::uint64_t row = w.row; row < w.row + w.rows; ++row)
            use(row * columns + w.column, w.columns);
    };
    plan.view = [window, rows, columns](std::uint64_t owner) {
        const Window w = window(owner);
        return View{0, Type::subarray({rows, columns}, {w.rows, w.columns}, {w.row, w.column})};
    };
    return plan;
}

// Tiles are written out of memory that has a border around them, and read with the border, which
// belongs to the neighbours.
void work(Run& run) {
    const std::uint64_t border = run.number("border");  // rows, and bytes of columns
    const auto grid = grid_of(run.ranks, 2);
    const std::uint64_t columns = run.number("columns");  // of a tile, bytes
    const std::uint64_t rows = run.bytes_per_rank(columns) / columns;
    const std::uint64_t all_rows = rows * grid[0];
    const std::uint64_t all_columns = columns * grid[1];
    Plan writing = plan_of(all_rows, all_columns, [grid, rows, columns](std::uint64_t owner) {
        return Window{owner / grid[1] * rows, rows, owner % grid[1] * columns, columns};
    });
    const std::uint64_t stride = columns + 2 * border;
    writing.memory = {.piece = columns, .stride = stride, .first = border * stride + border};
    // At the frame's edge the window moves inwards, so that all are of one size.
    const auto start = [border](std::uint64_t tile, std::uint64_t size, std::uint64_t all) {
        const std::uint64_t wanted = tile * size - std::min(tile * size, border);
        return std::min(wanted, all - std::min(size + 2 * border, all));
    };
    const Plan reading =
        plan_of(all_rows, all_columns,
                [start, grid, rows, columns, all_rows, all_columns, border](std::uint64_t owner) {
                    return Window{start(owner / grid[1], rows, all_rows),
                                  std::min(rows + 2 * border, all_rows),
                                  start(owner % grid[1], columns, all_columns),
                                  std::min(columns + 2 * border, all_columns)};
                });
    run_plan(run, writing, reading);
}

const Registration kRegistration({
    .name = "tiles",
    .question = "How fast is a 2-D array in tiles, each with a border of ghost cells?",
    .origin = "mpi-tile-io of the Parallel I/O Benchmarking Consortium: visualisation and stencils",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"columns", 8 * kKiB}, {"border", 64}, {"bytes", 16 * kMiB}}},
    .full = {{{"columns", kKiB}, {"border", 64}, {"bytes", 16 * kMiB}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
