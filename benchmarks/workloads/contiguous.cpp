// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

// Each rank's segment, call behind call.
void work(Run& run) {
    const std::uint64_t transfer = run.number("transfer");
    const std::uint64_t segment = run.bytes_per_rank(transfer);
    Plan plan{.calls = segment / transfer, .bytes = transfer, .file_bytes = segment};
    plan.file_per_process = run.number("file_per_process") != 0;
    const std::uint64_t step = plan.file_per_process ? 0 : segment;
    if (!plan.file_per_process) plan.file_bytes *= run.ranks;
    plan.pieces = [step, transfer](std::uint64_t owner, std::uint64_t call, const Plan::Use& use) {
        use(owner * step + call * transfer, transfer);
    };
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "contiguous",
    .question = "What does the file system give to large and small transfers when nothing is in "
                "the way?",
    .origin = "IOR's default and IO500's ior-easy: a segment of one file, or a file, for each rank",
    .forms = {Form::kIndependent, Form::kCollective, Form::kNonblocking},
    .quick = {{{"transfer", kMiB}, {"bytes", 64 * kMiB}},
              {{"transfer", 4 * kKiB}, {"bytes", 2 * kMiB}}},
    .full = {{{"transfer", 16 * kKiB}, {"bytes", 4 * kMiB}},
             {{"transfer", 64 * kKiB}, {"bytes", 16 * kMiB}},
             {{"transfer", 256 * kKiB}},
             {{"transfer", 4 * kMiB}},
             {{"transfer", 16 * kMiB}},
             {{"transfer", 64 * kMiB}},
             {{"transfer", kMiB}, {"file_per_process", 1}}},
    .io500 = {{{"transfer", kMiB}, {"file_per_process", 1}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
