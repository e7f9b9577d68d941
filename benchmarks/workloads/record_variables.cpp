// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

// The file is [record][variable][rank]: time steps of several variables. One call writes a rank's
// share of one variable in all records, through a view set for it.
void work(Run& run) {
    const std::uint64_t share = run.number("share");
    const std::uint64_t variables = run.number("variables");
    const std::uint64_t variable = share * run.ranks;  // bytes in a record
    const std::uint64_t record = variable * variables;
    const std::uint64_t records = run.bytes_per_rank(share * variables) / (share * variables);
    Plan plan{.calls = variables, .bytes = records * share, .file_bytes = records * record};
    plan.pieces = [records, record, variable, share](std::uint64_t owner, std::uint64_t call,
                                                     const Plan::Use& use) {
        for (std::uint64_t i = 0; i < records; ++i)
            use(i * record + call * variable + owner * share, share);
    };
    plan.view_of_call = [records, record, variable, share](std::uint64_t owner,
                                                           std::uint64_t call) {
        return View{call * variable + owner * share, Type::strided(records, share, record)};
    };
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "record-variables",
    .question = "What do variables that grow record by record cost, with a view for every access?",
    .origin = "PnetCDF's record variables: Li et al., \"Parallel netCDF\" (2003)",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"variables", 8}, {"share", 16 * kKiB}, {"bytes", 16 * kMiB}}},
    .full = {{{"variables", 32}, {"share", 2 * kKiB}, {"bytes", 16 * kMiB}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
