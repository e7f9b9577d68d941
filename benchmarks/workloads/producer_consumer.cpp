// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/access.hpp"

namespace orfa::benchmarks {
namespace {

// Steps in which one half of the ranks writes a file, while the other half reads that of the step
// before. A step ends when both have closed theirs.
void work(Run& run) {
    if (run.ranks < 2) throw NotHere("needs two ranks");
    constexpr std::uint64_t kTransfer = kMiB;
    const std::uint64_t steps = run.number("steps");
    const std::uint64_t share = run.bytes_per_rank(kTransfer * steps) / steps;  // in a step
    const std::uint64_t producers = run.ranks / 2;
    const bool producing = run.rank < producers;
    const std::uint64_t part = (producing ? run.rank : run.rank + 1) % producers;
    const std::uint64_t step_bytes = producers * share;
    const Pattern pattern(run.settings.seed, kTransfer);
    std::vector<std::byte> found(producing ? 0 : steps * share);
    MPI_Comm half = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, producing ? 0 : 1, 0, &half);
    const auto name = [&](std::uint64_t step) { return run.file(".step" + std::to_string(step)); };

    const Amount amount{steps * share * run.ranks, steps * share / kTransfer * run.ranks,
                        kTransfer};
    run.calls("exchange", amount, steps + 1, [&](std::uint64_t turn) {
        const std::uint64_t step = producing ? turn : turn - 1;
        if (step < steps) {  // the consumers' first turn, 0 - 1, is none either
            const int mode = producing ? MPI_MODE_CREATE | MPI_MODE_WRONLY : MPI_MODE_RDONLY;
            const File file(half, name(step), mode, run.settings.info);
            Access access(file.get(), run.form, kTransfer, MPI_DATATYPE_NULL);
            for (std::uint64_t at = 0; at < share; at += kTransfer) {
                const std::uint64_t offset = part * share + at;
                if (producing)
                    access.start(Direction::kWrite, offset,
                                 const_cast<std::byte*>(pattern.at(step * step_bytes + offset)));
                else
                    access.start(Direction::kRead, offset, found.data() + step * share + at);
            }
            access.wait();
        }
        MPI_Barrier(MPI_COMM_WORLD);
    });
    for (std::uint64_t step = 0; step < steps; ++step) {
        if (!producing)
            run.expect(pattern, step * step_bytes + part * share,
                       std::span(found).subspan(step * share, share));
        if (run.rank == 0) MPI_File_delete(name(step).c_str(), MPI_INFO_NULL);
    }
    MPI_Comm_free(&half);
}

const Registration kRegistration({
    .name = "producer-consumer",
    .question = "What is left when one job reads what another one is writing?",
    .origin = "Workflows and in-situ analysis: a simulation's steps are analysed as they come",
    .forms = {Form::kIndependent, Form::kCollective, Form::kNonblocking},
    .quick = {{{"steps", 4}, {"bytes", 16 * kMiB}}},
    .full = {{{"steps", 8}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
