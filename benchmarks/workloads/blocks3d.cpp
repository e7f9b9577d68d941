// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

constexpr std::uint64_t kElement = 4;  // bytes

// A 3-D array dealt in blocks, each in one call. Extents are rounded up to what the ranks divide.
void work(Run& run) {
    const auto grid = grid_of(run.ranks, 3);
    std::vector<std::uint64_t> block{run.number("x"), run.number("y"), run.number("z")};
    std::vector<std::uint64_t> array(3);
    for (std::size_t i = 0; i < 3; ++i) {
        block[i] = (block[i] + grid[i] - 1) / grid[i];
        if (i == 2) block[i] *= kElement;
        array[i] = block[i] * grid[i];
    }
    const auto start = [grid, block](std::uint64_t owner) {
        return std::vector<std::uint64_t>{owner / (grid[1] * grid[2]) * block[0],
                                          owner / grid[2] % grid[1] * block[1],
                                          owner % grid[2] * block[2]};
    };
    Plan plan{.calls = 1,
              .bytes = block[0] * block[1] * block[2],
              .file_bytes = array[0] * array[1] * array[2]};
    plan.pieces = [start, array, block](std::uint64_t owner, std::uint64_t, const Plan::Use& use) {
        const auto at = start(owner);
        for (std::uint64_t x = at[0]; x < at[0] + block[0]; ++x) {
            for (std::uint64_t y = at[1]; y < at[1] + block[1]; ++y)
                use((x * array[1] + y) * array[2] + at[2], block[2]);
        }
    };
    plan.view = [start, array, block](std::uint64_t owner) {
        return View{0, Type::subarray(array, block, start(owner))};
    };
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "blocks3d",
    .question = "How fast is a 3-D array that ranks own blocks of, as most simulations do?",
    .origin = "ROMIO's coll_perf: block decomposition of an array of 4-byte elements",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"x", 256}, {"y", 256}, {"z", 256}}},
    .full = {{{"x", 256}, {"y", 512}, {"z", 512}}, {{"x", 1024}, {"y", 256}, {"z", 64}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
