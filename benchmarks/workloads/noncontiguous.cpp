// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

namespace orfa::benchmarks {
namespace {

// The same pieces with gaps in memory, in the file (other ranks' pieces), or in both.
void work(Run& run) {
    const std::uint64_t piece = run.number("piece");
    const std::string where = run.text("gaps_in");
    const std::uint64_t transfer = run.number("transfer", kMiB) / piece * piece;
    const std::uint64_t ranks = run.ranks;
    Plan plan{.calls = run.bytes_per_rank(transfer) / transfer, .bytes = transfer};
    const std::uint64_t segment = plan.calls * transfer;
    plan.file_bytes = segment * ranks;
    if (where != "file") plan.memory = {.piece = piece, .stride = 2 * piece};
    if (where == "memory") {
        plan.pieces = [segment, transfer](std::uint64_t owner, std::uint64_t call,
                                          const Plan::Use& use) {
            use(owner * segment + call * transfer, transfer);
        };
    } else {
        plan.pieces = [transfer, piece, ranks](std::uint64_t owner, std::uint64_t call,
                                               const Plan::Use& use) {
            for (std::uint64_t at = call * transfer; at < (call + 1) * transfer; at += piece)
                use((at / piece * ranks + owner) * piece, piece);
        };
        plan.view = [segment, piece, ranks](std::uint64_t owner) {
            return View{owner * piece, Type::strided(segment / piece, piece, ranks * piece)};
        };
    }
    run_plan(run, plan);
}

const Registration kRegistration({
    .name = "noncontiguous",
    .question = "What do gaps cost: in memory, in the file, in both?",
    .origin = "Ching et al., \"Noncontiguous I/O through PVFS\" (2002); the noncontig benchmark",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"gaps_in", "memory"}, {"piece", kKiB}, {"bytes", 8 * kMiB}},
              {{"gaps_in", "file"}, {"piece", kKiB}, {"bytes", 8 * kMiB}},
              {{"gaps_in", "both"}, {"piece", kKiB}, {"bytes", 8 * kMiB}}},
    .full = {{{"gaps_in", "memory"}, {"piece", 16 * kKiB}},
             {{"gaps_in", "file"}, {"piece", 16 * kKiB}},
             {{"gaps_in", "both"}, {"piece", 16 * kKiB}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
