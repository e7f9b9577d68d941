// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

// Records dealt to the ranks in turn, one a call.
void work(Run& run) {
    const std::uint64_t record = run.number("record");
    const std::uint64_t ranks = run.ranks;
    Plan plan{.calls = run.bytes_per_rank(record) / record, .bytes = record};
    plan.file_bytes = plan.calls * record * ranks;
    plan.pieces = [ranks, record](std::uint64_t owner, std::uint64_t call, const Plan::Use& use) {
        use((call * ranks + owner) * record, record);
    };
    if (run.number("view") != 0) {
        plan.view = [ranks, record, calls = plan.calls](std::uint64_t owner) {
            return View{owner * record, Type::strided(calls, record, ranks * record)};
        };
    }
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "records",
    .question = "What is left of the bandwidth when ranks write small unaligned records in turn?",
    .origin = "IO500's ior-hard: 47,008 bytes, a record of a real application's checkpoint",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"record", 47008}, {"rewrite", 1}}},
    .full = {{{"record", 47008}, {"view", 1}}, {{"record", 4700}, {"bytes", 8 * kMiB}}},
    .io500 = {{{"record", 47008}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
