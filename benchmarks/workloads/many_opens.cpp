// SPDX-License-Identifier: MIT
#include <memory>

#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {
namespace {

// One file, opened many times before any of them is closed; each handle must give its bytes.
void work(Run& run) {
    constexpr std::uint64_t kBytes = 4 * kKiB;
    const std::uint64_t count = run.number("opens");
    const Pattern pattern(run.settings.seed, kBytes);
    const std::string name = run.file(".opens");
    if (run.rank == 0) {
        const File file(MPI_COMM_SELF, name, MPI_MODE_CREATE | MPI_MODE_WRONLY, run.settings.info);
        check(MPI_File_write_at(file.get(), 0, pattern.at(0), count_of(kBytes), MPI_BYTE,
                                MPI_STATUS_IGNORE),
              "writing");
    }
    const bool together = run.form == Form::kCollective;
    MPI_Comm comm = together ? MPI_COMM_WORLD : MPI_COMM_SELF;
    const Amount amount{0, together ? count : count * run.ranks, 0};
    std::vector<std::unique_ptr<File>> files(count);
    run.calls("open", amount, count, [&](std::uint64_t i) {
        files[i] = std::make_unique<File>(comm, name, MPI_MODE_RDONLY, run.settings.info);
    });
    std::vector<std::byte> found(kBytes);
    for (std::uint64_t i = 0; i < count; ++i) {
        std::fill(found.begin(), found.end(), std::byte{0});
        check(MPI_File_read_at(files[i]->get(), 0, found.data(), count_of(kBytes), MPI_BYTE,
                               MPI_STATUS_IGNORE),
              "reading");
        run.expect(pattern, 0, found);
    }
    run.calls("close", amount, count, [&](std::uint64_t i) { files[i].reset(); });
    if (run.rank == 0) check(MPI_File_delete(name.c_str(), MPI_INFO_NULL), "MPI_File_delete");
}

const Registration kRegistration({
    .name = "many-opens",
    .question = "What does opening cost when all ranks open one file, each for itself or together?",
    .origin = "Start of a large job: all processes read one input file",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"opens", 64}}},
    .full = {{{"opens", 256}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
