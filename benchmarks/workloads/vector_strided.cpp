// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

// Strips dealt to the ranks in turn, many a call, through a vector view.
void work(Run& run) {
    const std::uint64_t strip = run.number("strip");
    const std::uint64_t transfer =
        std::max(run.number("transfer", kMiB) / strip, std::uint64_t{1}) * strip;
    const std::uint64_t ranks = run.ranks;
    Plan plan{.calls = run.bytes_per_rank(transfer) / transfer, .bytes = transfer};
    plan.file_bytes = plan.calls * transfer * ranks;
    plan.pieces = [transfer, strip, ranks](std::uint64_t owner, std::uint64_t call,
                                           const Plan::Use& use) {
        for (std::uint64_t at = call * transfer; at < (call + 1) * transfer; at += strip)
            use((at / strip * ranks + owner) * strip, strip);
    };
    const std::uint64_t strips = plan.calls * transfer / strip;
    plan.view = [strips, strip, ranks](std::uint64_t owner) {
        return View{owner * strip, Type::strided(strips, strip, ranks * strip)};
    };
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "vector-strided",
    .question = "From which size of pieces on is a strided view as fast as contiguous access?",
    .origin = "noncontig of ROMIO's tests; Thakur, Gropp, Lusk, \"Data Sieving and Collective I/O "
              "in ROMIO\" (1999)",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"strip", 8 * kKiB}}, {{"strip", 64}, {"bytes", 4 * kMiB}}},
    .full = {{{"strip", 16}, {"bytes", 4 * kMiB}},
             {{"strip", 256}, {"bytes", 16 * kMiB}},
             {{"strip", kKiB}, {"bytes", 16 * kMiB}},
             {{"strip", 64 * kKiB}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
