// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

constexpr std::uint64_t kPoint = 5 * sizeof(double);  // bytes: five doubles

// An array of points in n x n x n cells on n x n ranks: in each slice of cells a rank owns one, on
// a diagonal. Every dump writes the whole array behind the one before, in one call.
void work(Run& run) {
    std::uint64_t n = 1;
    while ((n + 1) * (n + 1) <= run.ranks)
        ++n;
    if (n * n != run.ranks) throw NotHere("needs a square number of ranks");
    const std::uint64_t cell = (run.number("points") + n - 1) / n;  // points along an edge
    const std::uint64_t edge = cell * n;
    const std::uint64_t row = cell * kPoint;
    Plan plan{.calls = run.number("dumps"), .bytes = n * cell * cell * row};
    const std::uint64_t dump = edge * edge * edge * kPoint;
    plan.file_bytes = plan.calls * dump;
    // The first point of the rank's cell in slice `slice`.
    const auto start = [n, cell, row](std::uint64_t owner, std::uint64_t slice) {
        return std::vector<std::uint64_t>{slice * cell, (owner / n + slice) % n * cell,
                                          (owner % n + slice) % n * row};
    };
    plan.pieces = [start, n, cell, row, edge, dump](std::uint64_t owner, std::uint64_t call,
                                                    const Plan::Use& use) {
        for (std::uint64_t slice = 0; slice < n; ++slice) {
            const auto at = start(owner, slice);
            for (std::uint64_t x = at[0]; x < at[0] + cell; ++x) {
                for (std::uint64_t y = at[1]; y < at[1] + cell; ++y)
                    use(call * dump + (x * edge + y) * edge * kPoint + at[2], row);
            }
        }
    };
    plan.view = [start, n, cell, row, edge](std::uint64_t owner) {
        std::vector<Type> cells;
        std::vector<MPI_Datatype> raw;
        for (std::uint64_t slice = 0; slice < n; ++slice) {
            cells.push_back(Type::subarray({edge, edge, edge * kPoint}, {cell, cell, row},
                                           start(owner, slice)));
            raw.push_back(cells.back().get());
        }
        const std::vector<int> ones(n, 1);
        const std::vector<MPI_Aint> places(n, 0);
        MPI_Datatype all = MPI_DATATYPE_NULL;
        check(MPI_Type_create_struct(count_of(n), ones.data(), places.data(), raw.data(), &all),
              "MPI_Type_create_struct");
        return View{0, Type(all)};
    };
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "btio",
    .question = "How fast are the dumps of a solver whose ranks own diagonals of cells?",
    .origin = "BTIO of the NAS Parallel Benchmarks: the block-tridiagonal solver's checkpoints",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"points", 64}, {"dumps", 4}}},
    .full = {{{"points", 102}, {"dumps", 8}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
