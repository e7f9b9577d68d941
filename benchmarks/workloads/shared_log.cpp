// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {
namespace {

// Every rank's records, found in any order: each is its number and a piece of the pattern, and must
// be found by one rank, once.
void verify(Run& run, const Pattern& pattern, std::span<const std::byte> found,
            std::uint64_t record) {
    std::vector<int> times(found.size() / record * run.ranks);
    for (std::uint64_t at = 0; at < found.size(); at += record) {
        std::uint64_t number = 0;
        std::memcpy(&number, found.data() + at, sizeof number);
        const auto data = found.subspan(at + sizeof number, record - sizeof number);
        if (number < times.size()) ++times[number];
        if (pattern.right_bytes(number * record + sizeof number, data) < data.size())
            run.wrong(0, "wrong byte in record " + std::to_string(number) + " of the log");
    }
    MPI_Allreduce(MPI_IN_PLACE, times.data(), count_of(times.size()), MPI_INT, MPI_SUM,
                  MPI_COMM_WORLD);
    const auto bad = std::find_if(times.begin(), times.end(), [](int n) { return n != 1; });
    if (bad != times.end())
        run.wrong(0, "a record of the log was found " + std::to_string(*bad) + " times");
}

// Ranks add records by the shared pointer, and take them from the log by it again.
void work(Run& run) {
    const std::uint64_t record = run.number("record");
    const std::uint64_t records = run.number("records");  // of each rank
    const Pattern pattern(run.settings.seed, record);
    std::vector<std::byte> data(records * record);
    for (std::uint64_t i = 0; i < records; ++i) {
        const std::uint64_t number = run.rank * records + i;
        pattern.fill(number * record, std::span(data).subspan(i * record, record));
        std::memcpy(data.data() + i * record, &number, sizeof number);
    }
    const Amount amount{data.size() * run.ranks, records * run.ranks, record};
    const int count = count_of(record);
    const bool ordered = run.form == Form::kCollective;
    const File file(MPI_COMM_WORLD, run.file(".log"),
                    MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, run.settings.info);
    run.calls("write", amount, records, [&](std::uint64_t i) {
        const auto call = ordered ? MPI_File_write_ordered : MPI_File_write_shared;
        check(call(file.get(), data.data() + i * record, count, MPI_BYTE, MPI_STATUS_IGNORE),
              "writing");
    });
    std::fill(data.begin(), data.end(), std::byte{0});
    check(MPI_File_seek_shared(file.get(), 0, MPI_SEEK_SET), "MPI_File_seek_shared");
    run.calls("read", amount, records, [&](std::uint64_t i) {
        const auto call = ordered ? MPI_File_read_ordered : MPI_File_read_shared;
        check(call(file.get(), data.data() + i * record, count, MPI_BYTE, MPI_STATUS_IGNORE),
              "reading");
    });
    verify(run, pattern, data, record);
}

const Registration kRegistration({
    .name = "shared-log",
    .question = "How many records a second can ranks add to one log by its shared file pointer?",
    .origin = "MPI-2's shared file pointers: logs, work queues, particle output",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"record", 4 * kKiB}, {"records", 128}}},
    .full = {{{"record", 64 * kKiB}, {"records", 256}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks
