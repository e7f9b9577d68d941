// SPDX-License-Identifier: MIT
#include <numeric>
#include <random>

#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

// All places of the file in random order, dealt to the ranks: every byte is written once.
void work(Run& run) {
    const std::uint64_t transfer = run.number("transfer");
    const std::uint64_t ranks = run.ranks;
    Plan plan{.calls = run.bytes_per_rank(transfer) / transfer, .bytes = transfer};
    plan.file_bytes = plan.calls * transfer * ranks;
    std::vector<std::uint64_t> places(plan.calls * ranks);
    std::iota(places.begin(), places.end(), 0);
    std::shuffle(places.begin(), places.end(), std::mt19937_64(run.settings.seed));
    plan.pieces = [places, ranks, transfer](std::uint64_t owner, std::uint64_t call,
                                            const Plan::Use& use) {
        use(places[call * ranks + owner] * transfer, transfer);
    };
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "random",
    .question = "How many small accesses a second does it take, and how long does the slowest of "
                "a hundred take?",
    .origin = "IOR's random offsets; databases, out-of-core solvers",
    .forms = {Form::kIndependent, Form::kNonblocking},
    .quick = {{{"transfer", 4 * kKiB}, {"bytes", 4 * kMiB}, {"rewrite", 1}}},
    .full = {{{"transfer", 512}, {"bytes", 2 * kMiB}},
             {{"transfer", 64 * kKiB}, {"bytes", 32 * kMiB}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
