// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/names.hpp"
#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {
namespace {

// Each rank makes, looks at, reads and removes small files: in a directory of its own, or all in
// one. The ranks change places between the phases, so that nobody meets what it knows already.
void work(Run& run) {
    const bool shared = run.text("directory") == "shared";
    const bool by_mpi = run.text("api") == "mpiio";
    const std::uint64_t files = run.number("files");
    const std::uint64_t bytes = run.number("file_bytes");
    const std::unique_ptr<Names> direct = direct_names(run.file());
    const std::unique_ptr<Names> by_files = by_mpi ? mpi_names(*direct) : nullptr;
    Names& names = by_mpi ? *by_files : *direct;
    const auto directory = [&](std::uint64_t owner) {
        return run.file(".d") + (shared ? "" : std::to_string(owner));
    };
    const auto name = [&](std::uint64_t owner, std::uint64_t i) {
        return directory(owner) + "/f" + std::to_string(owner) + "." + std::to_string(i);
    };
    const Pattern pattern(run.settings.seed, bytes);
    const Amount amount{0, files * run.ranks, bytes};
    const bool maker = run.rank == 0 || !shared;
    if (maker) direct->make_directory(directory(run.rank));

    run.calls("create", amount, files, [&](std::uint64_t i) {
        names.create(name(run.rank, i), std::span(pattern.at(run.rank * files + i), bytes));
    });
    if (!by_mpi) {  // which has no such call
        run.calls("stat", amount, files, [&](std::uint64_t i) {
            if (names.size(name(run.neighbour, i)) != static_cast<std::int64_t>(bytes))
                run.wrong(0, name(run.neighbour, i) + " is not of its size");
        });
        const Amount entries{0, (shared ? files * run.ranks : files) * run.ranks, 0};
        run.phase("readdir", entries, [&] {
            const std::uint64_t found = names.list(directory(run.neighbour));
            if (found != (shared ? files * run.ranks : files))
                run.wrong(0, text_of("a directory has %llu entries",
                                     static_cast<unsigned long long>(found)));
        });
    }
    std::vector<std::byte> content(bytes * files);
    run.calls("open", amount, files, [&](std::uint64_t i) {
        names.read(name(run.neighbour, i), std::span(content).subspan(i * bytes, bytes));
    });
    for (std::uint64_t i = 0; i < files; ++i)
        run.expect(pattern, run.neighbour * files + i,
                   std::span(content).subspan(i * bytes, bytes));
    run.calls("unlink", amount, files, [&](std::uint64_t i) { names.unlink(name(run.rank, i)); });
    if (direct->size(name(run.rank, 0)) != -1) run.wrong(0, "a file is there after its unlink");
    if (maker) direct->remove_directory(directory(run.rank));
}

const Registration kRegistration({
    .name = "metadata",
    .question = "How many files a second can be made, looked at, opened and removed?",
    .origin = "mdtest; IO500's mdtest-easy (own directories) and mdtest-hard (one directory, 3901 "
              "bytes a file)",
    .forms = {Form::kNone},
    .quick = {{{"api", "direct"}, {"directory", "own"}, {"files", 500}},
              {{"api", "direct"}, {"directory", "shared"}, {"files", 500}},
              {{"api", "mpiio"}, {"directory", "shared"}, {"files", 200}}},
    .full = {{{"api", "direct"}, {"directory", "shared"}, {"files", 1000}, {"file_bytes", 3901}}},
    .io500 = {{{"api", "direct"}, {"directory", "own"}, {"files", 5000}},
              {{"api", "direct"}, {"directory", "shared"}, {"files", 2500}, {"file_bytes", 3901}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
