// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {
namespace {

// Ranks add records through the shared pointer and take them from it again. A record is its number
// and a piece of the pattern: each must be found once.
class Log {
  public:
    explicit Log(Run& run)
        : run_(run),
          record_(run.number("record")),
          records_(run.number("records")),
          pattern_(run.settings.seed, record_),
          data_(records_ * record_) {}

    void work() {
        const Amount amount{data_.size() * run_.ranks, records_ * run_.ranks, record_};
        const bool ordered = run_.form == Form::kCollective;
        for (std::uint64_t i = 0; i < records_; ++i) {
            const std::uint64_t number = run_.rank * records_ + i;
            pattern_.fill(number * record_, std::span(data_).subspan(i * record_, record_));
            std::memcpy(data_.data() + i * record_, &number, sizeof number);
        }
        const File file(MPI_COMM_WORLD, run_.file(".log"),
                        MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
                        run_.settings.info);
        run_.calls("write", amount, records_, [&](std::uint64_t i) {
            const auto call = ordered ? MPI_File_write_ordered : MPI_File_write_shared;
            check(call(file.get(), data_.data() + i * record_, count_of(record_), MPI_BYTE,
                       MPI_STATUS_IGNORE),
                  "writing");
        });
        std::fill(data_.begin(), data_.end(), std::byte{0});
        check(MPI_File_seek_shared(file.get(), 0, MPI_SEEK_SET), "MPI_File_seek_shared");
        run_.calls("read", amount, records_, [&](std::uint64_t i) {
            const auto call = ordered ? MPI_File_read_ordered : MPI_File_read_shared;
            check(call(file.get(), data_.data() + i * record_, count_of(record_), MPI_BYTE,
                       MPI_STATUS_IGNORE),
                  "reading");
        });
        verify();
    }

  private:
    void verify() {
        std::vector<int> times(records_ * run_.ranks);
        for (std::uint64_t i = 0; i < records_; ++i) {
            const std::span found(data_.data() + i * record_, record_);
            std::uint64_t number = 0;
            std::memcpy(&number, found.data(), sizeof number);
            if (number < times.size()) ++times[number];
            const auto data = found.subspan(sizeof number);
            if (pattern_.right_bytes(number * record_ + sizeof number, data) < data.size())
                run_.wrong(0, "wrong byte in record " + std::to_string(number) + " of the log");
        }
        MPI_Allreduce(MPI_IN_PLACE, times.data(), count_of(times.size()), MPI_INT, MPI_SUM,
                      MPI_COMM_WORLD);
        const auto bad = std::find_if(times.begin(), times.end(), [](int n) { return n != 1; });
        if (bad != times.end())
            run_.wrong(0, "a record of the log was found " + std::to_string(*bad) + " times");
    }

    Run& run_;
    std::uint64_t record_;   // bytes
    std::uint64_t records_;  // of each rank
    Pattern pattern_;
    std::vector<std::byte> data_;
};

const Registration registration({
    .name = "shared-log",
    .question = "How many records a second can ranks add to one log by its shared file pointer?",
    .origin = "MPI-2's shared file pointers: logs, work queues, particle output",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"record", 4 * kKiB}, {"records", 128}}},
    .full = {{{"record", 64 * kKiB}, {"records", 256}}},
    .work = [](Run& run) { Log(run).work(); },
});

}  // namespace
}  // namespace orfa::benchmarks
