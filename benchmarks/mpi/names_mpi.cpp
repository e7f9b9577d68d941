// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/mpi_support.hpp"
#include "benchmarks/mpi/names.hpp"

namespace orfa::benchmarks {
namespace {

class MpiNames final : public Names {
  public:
    explicit MpiNames(Names& others) : others_(others) {}

    void create(const std::string& path, std::span<const std::byte> content) override {
        const File file(MPI_COMM_SELF, path, MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_WRONLY);
        if (!content.empty())
            check(MPI_File_write_at(file.get(), 0, content.data(), count_of(content.size()),
                                    MPI_BYTE, MPI_STATUS_IGNORE),
                  path);
    }
    void read(const std::string& path, std::span<std::byte> content) override {
        const File file(MPI_COMM_SELF, path, MPI_MODE_RDONLY);
        if (!content.empty())
            check(MPI_File_read_at(file.get(), 0, content.data(), count_of(content.size()),
                                   MPI_BYTE, MPI_STATUS_IGNORE),
                  path);
    }
    void unlink(const std::string& path) override {
        check(MPI_File_delete(path.c_str(), MPI_INFO_NULL), path);
    }
    std::int64_t size(const std::string& path) override { return others_.size(path); }
    void make_directory(const std::string& path) override { others_.make_directory(path); }
    void remove_directory(const std::string& path) override { others_.remove_directory(path); }
    std::uint64_t list(const std::string& path) override { return others_.list(path); }

  private:
    Names& others_;
};

}  // namespace

std::unique_ptr<Names> mpi_names(Names& others) {
    return std::make_unique<MpiNames>(others);
}

}  // namespace orfa::benchmarks
