// SPDX-License-Identifier: MIT
// One run of one case: its parameters, its timed phases, what it found wrong, its results.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stdexcept>

#include "benchmarks/mpi/mpi_support.hpp"
#include "benchmarks/mpi/workload.hpp"
#include "benchmarks/pattern.hpp"

namespace orfa::benchmarks {

// Thrown by a workload, on all ranks alike, that has no meaning here; says why.
struct NotHere : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// What is the same for all cases of a launch.
struct Settings {
    std::string path;               // beginning of the names of all files, with a driver's prefix
    std::uint64_t bytes = 0;        // that each rank is to write where a variant doesn't say
    std::uint64_t seed = 0;         // another one, other content
    unsigned pass = 0;              // over all cases, from 0
    MPI_Info info = MPI_INFO_NULL;  // the user's hints
    bool sync = false;              // MPI_File_sync belongs to what is timed of a write
    bool one_host = false;          // all ranks share a clock
    bool json = false;
};

// What all ranks together do in a phase.
struct Amount {
    std::uint64_t bytes = 0;
    std::uint64_t operations = 0;
    std::uint64_t transfer = 0;  // bytes of one operation
};

// All ranks of MPI_COMM_WORLD have one each, and call its methods together except where said
// otherwise. Not thread-safe.
class Run {
  public:
    Run(const Settings& settings, const Case& what);

    const Settings& settings;
    const Form form;
    const std::uint64_t rank;
    const std::uint64_t ranks;
    const std::uint64_t neighbour;  // the rank whose data this one reads: the next

    // Parameters of the variant; `otherwise` where it has none of this name.
    std::uint64_t number(const char* key, std::uint64_t otherwise = 0) const;
    std::string text(const char* key) const;
    // Bytes that each rank is to write, at least one `step` and whole steps.
    std::uint64_t bytes_per_rank(std::uint64_t step) const;
    // Name of a file of this run.
    std::string file(const std::string& suffix = "") const { return settings.path + suffix; }

    // Times `work` from a barrier to the end of the slowest rank.
    void phase(const char* name, Amount amount, const std::function<void()>& work);
    // As phase(), for `count` calls on each rank, each of which is timed on its own, too.
    void calls(const char* name, Amount amount, std::uint64_t count,
               const std::function<void(std::uint64_t)>& call);

    // Compares what this rank found at `offset` of a file. Local: ranks need not call together.
    void expect(const Pattern& pattern, std::uint64_t offset, std::span<const std::byte> found);
    // Anything else that this rank found wrong. Local.
    void wrong(std::uint64_t offset, const std::string& what);

    // The ranks agree on the first wrong byte; rank 0 prints the phases.
    void finish();

  private:
    struct Phase {
        std::string name;
        Amount amount;
        double seconds = 0;
        std::vector<double> latencies;  // us, of all ranks, at rank 0
    };
    struct Wrong {
        std::uint64_t offset = 0;
        std::string what;
    };
    std::optional<std::string> first_wrong() const;
    Json result_of(const Phase& phase, const std::optional<std::string>& error) const;

    const Case& case_;
    std::vector<Phase> phases_;
    std::optional<Wrong> wrong_;  // the first in the file that this rank found
};

// The lines that tell a reader of JSON what happens.
void print_begin(const Settings& settings, std::size_t index, const Case& what);
void print_not_here(const Settings& settings, const Case& what, const std::string& why);

}  // namespace orfa::benchmarks
