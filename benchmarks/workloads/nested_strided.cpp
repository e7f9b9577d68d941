// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

// The file is [group][row of ranks][strip of the group][column of ranks]: a rank's strips are
// a vector within a group and groups a vector again, with another stride.
void work(Run& run) {
    const std::uint64_t strip = run.number("strip");
    const std::uint64_t strips = run.number("strips");  // of a rank in a group
    const auto grid = grid_of(run.ranks, 2);
    const std::uint64_t row_bytes = strips * grid[1] * strip;  // of one row of ranks in a group
    const std::uint64_t group_bytes = grid[0] * row_bytes;
    const std::uint64_t groups_per_call = std::max(kMiB / (strips * strip), std::uint64_t{1});
    Plan plan{.bytes = groups_per_call * strips * strip};
    plan.calls = run.bytes_per_rank(plan.bytes) / plan.bytes;
    plan.file_bytes = plan.calls * plan.bytes * run.ranks;
    const auto first = [grid, row_bytes, strip](std::uint64_t owner) {
        return owner / grid[1] * row_bytes + owner % grid[1] * strip;
    };
    plan.pieces = [first, grid, groups_per_call, group_bytes, strips, strip](
                      std::uint64_t owner, std::uint64_t call, const Plan::Use& use) {
        for (std::uint64_t group = call * groups_per_call; group < (call + 1) * groups_per_call;
             ++group) {
            for (std::uint64_t i = 0; i < strips; ++i)
                use(group * group_bytes + first(owner) + i * grid[1] * strip, strip);
        }
    };
    const std::uint64_t groups = plan.calls * groups_per_call;
    plan.view = [first, grid, groups, group_bytes, strips, strip](std::uint64_t owner) {
        const Type inner = Type::strided(strips, strip, grid[1] * strip);
        MPI_Datatype outer = MPI_DATATYPE_NULL;
        check(MPI_Type_create_hvector(count_of(groups), 1, static_cast<MPI_Aint>(group_bytes),
                                      inner.get(), &outer),
              "MPI_Type_create_hvector");
        return View{first(owner), Type(outer)};
    };
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "nested-strided",
    .question = "Does a vector of vectors cost more than one vector of the same pieces?",
    .origin = "Nieuwejaar, Kotz, \"The Galley Parallel File System\" (1996): most strided accesses "
              "of the CHARISMA traces are nested",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"strip", 512}, {"strips", 16}, {"bytes", 8 * kMiB}}},
    .full = {{{"strip", 8 * kKiB}, {"strips", 16}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
