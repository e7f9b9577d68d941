// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {
namespace {

// Again and again the ranks open the file to append, write in rank order, and close it.
void work(Run& run) {
    const std::uint64_t record = run.number("record");
    const std::uint64_t rounds = run.number("rounds");
    const std::uint64_t all = run.ranks * record;
    const Pattern pattern(run.settings.seed, record);
    const std::string name = run.file(".append");
    if (run.rank == 0) MPI_File_delete(name.c_str(), MPI_INFO_NULL);
    const auto mode = MPI_MODE_CREATE | MPI_MODE_WRONLY | MPI_MODE_APPEND;
    run.calls("append", {rounds * all, rounds * run.ranks, record}, rounds, [&](std::uint64_t i) {
        const File file(MPI_COMM_WORLD, name, mode, run.settings.info);
        MPI_Offset position = 0;
        // The first in rank order sees it before anybody moves it.
        if (run.rank == 0)
            check(MPI_File_get_position_shared(file.get(), &position), "its shared pointer");
        if (run.rank == 0 && static_cast<std::uint64_t>(position) != i * all)
            run.wrong(i * all, "opened to append at " + std::to_string(position) + " instead of " +
                                   std::to_string(i * all));
        const std::byte* data = pattern.at(i * all + run.rank * record);
        check(
            MPI_File_write_ordered(file.get(), data, count_of(record), MPI_BYTE, MPI_STATUS_IGNORE),
            "MPI_File_write_ordered");
    });
    {
        const File file(MPI_COMM_WORLD, name, MPI_MODE_RDONLY | MPI_MODE_DELETE_ON_CLOSE,
                        run.settings.info);
        std::vector<std::byte> found(rounds * record);
        const std::uint64_t at = run.rank * found.size();
        check(MPI_File_read_at(file.get(), static_cast<MPI_Offset>(at), found.data(),
                               count_of(found.size()), MPI_BYTE, MPI_STATUS_IGNORE),
              "reading back");
        run.expect(pattern, at, found);
        if (file.size() != rounds * all) run.wrong(rounds * all, "the file is not of that size");
    }
}

const Registration kRegistration({
    .name = "append",
    .question = "How long does it take a program to open a growing file and add to its end?",
    .origin = "Time histories of simulations: MPI_MODE_APPEND with ordered writes",
    .forms = {Form::kCollective},
    .quick = {{{"record", 64 * kKiB}, {"rounds", 16}}},
    .full = {{{"record", kMiB}, {"rounds", 32}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
