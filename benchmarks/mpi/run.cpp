// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/run.hpp"

#include <limits>

namespace orfa::benchmarks {
namespace {

std::uint64_t own_rank() {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return static_cast<std::uint64_t>(rank);
}

std::uint64_t all_ranks() {
    int ranks = 0;
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    return static_cast<std::uint64_t>(ranks);
}

// All ranks' samples, in one list at rank 0.
std::vector<double> gathered(const std::vector<double>& own, std::uint64_t rank,
                             std::uint64_t ranks) {
    const int count = count_of(own.size());
    std::vector<int> counts(ranks);
    MPI_Gather(&count, 1, MPI_INT, counts.data(), 1, MPI_INT, 0, MPI_COMM_WORLD);
    std::vector<int> places(ranks);
    std::size_t total = 0;
    for (std::size_t i = 0; i < ranks; ++i) {
        places[i] = count_of(total);
        total += static_cast<std::size_t>(counts[i]);
    }
    std::vector<double> all(rank == 0 ? total : 0);
    MPI_Gatherv(own.data(), count, MPI_DOUBLE, all.data(), counts.data(), places.data(), MPI_DOUBLE,
                0, MPI_COMM_WORLD);
    return all;
}

Json latencies_of(const std::vector<double>& samples) {
    if (samples.empty()) return nullptr;
    return {{"p50", percentile(samples, 0.5)},
            {"p90", percentile(samples, 0.9)},
            {"p99", percentile(samples, 0.99)},
            {"max", percentile(samples, 1)}};
}

Json heading(const char* kind, const Case& what) {
    return {{"kind", kind},
            {"workload", what.workload->name},
            {"form", name_of(what.form)},
            {"parameters", what.parameters}};
}

}  // namespace

Run::Run(const Settings& from, const Case& what)
    : settings(from),
      form(what.form),
      rank(own_rank()),
      ranks(all_ranks()),
      neighbour((rank + 1) % ranks),
      case_(what) {
}

std::uint64_t Run::number(const char* key, std::uint64_t otherwise) const {
    return case_.parameters.value(key, otherwise);
}

std::string Run::text(const char* key) const {
    return case_.parameters.value(key, std::string());
}

std::uint64_t Run::bytes_per_rank(std::uint64_t step) const {
    return std::max(number("bytes", settings.bytes) / step, std::uint64_t{1}) * step;
}

void Run::phase(const char* name, Amount amount, const std::function<void()>& work) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = now();
    work();
    const double end = now();
    // From the first rank's start to the last one's end, where they share a clock.
    double span[2] = {settings.one_host ? -start : 0, settings.one_host ? end : end - start};
    MPI_Allreduce(MPI_IN_PLACE, span, 2, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    phases_.push_back({name, amount, span[0] + span[1], {}});
}

void Run::calls(const char* name, Amount amount, std::uint64_t count,
                const std::function<void(std::uint64_t)>& call) {
    std::vector<double> latencies(count);
    phase(name, amount, [&] {
        double last = now();
        for (std::uint64_t i = 0; i < count; ++i) {
            call(i);
            const double end = now();
            latencies[i] = (end - last) * 1e6;
            last = end;
        }
    });
    phases_.back().latencies = gathered(latencies, rank, ranks);
}

void Run::expect(const Pattern& pattern, std::uint64_t offset, std::span<const std::byte> found) {
    const std::uint64_t right = pattern.right_bytes(offset, found);
    if (right == found.size()) return;
    const std::uint64_t at = offset + right;
    wrong(at, text_of("wrong byte at file offset %llu, found by rank %llu: expected 0x%02x, found "
                      "0x%02x",
                      static_cast<unsigned long long>(at), static_cast<unsigned long long>(rank),
                      std::to_integer<unsigned>(*pattern.at(at)),
                      std::to_integer<unsigned>(found[right])));
}

void Run::wrong(std::uint64_t offset, const std::string& what) {
    if (!wrong_ || offset < wrong_->offset) wrong_ = {offset, what};
}

std::optional<std::string> Run::first_wrong() const {
    const std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t own = wrong_ ? wrong_->offset : none;
    std::uint64_t first = own;
    MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD);
    if (first == none) return std::nullopt;
    std::uint64_t finder = own == first ? rank : ranks;
    MPI_Allreduce(MPI_IN_PLACE, &finder, 1, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD);
    char words[512] = "";
    if (rank == finder) std::snprintf(words, sizeof words, "%s", wrong_->what.c_str());
    MPI_Bcast(words, sizeof words, MPI_CHAR, static_cast<int>(finder), MPI_COMM_WORLD);
    return words;
}

Json Run::result_of(const Phase& phase, const std::optional<std::string>& error) const {
    Json result = heading("measurement", case_);
    result["pass"] = settings.pass;
    result["phase"] = phase.name;
    result["ranks"] = ranks;
    result["transfer_bytes"] = phase.amount.transfer;
    result["bytes"] = phase.amount.bytes;
    result["seconds"] = error ? Json(nullptr) : Json(phase.seconds);
    result["operations"] = phase.amount.operations;
    result["latency_us"] = error ? Json(nullptr) : latencies_of(phase.latencies);
    result["verified"] = !error;
    result["error"] = error ? Json(*error) : Json(nullptr);
    return result;
}

void Run::finish() {
    const std::optional<std::string> error = first_wrong();
    if (rank != 0) return;
    for (const Phase& phase : phases_) {
        const double bytes = mib_per_second(phase.amount.bytes, phase.seconds);
        const double rate = static_cast<double>(phase.amount.operations) / phase.seconds;
        const std::string figures =
            error ? *error : text_of("%10.0f MiB/s %12.0f operations/s", bytes, rate);
        print_result(settings.json, result_of(phase, error),
                     text_of("%-18s %-12s %-8s %s  %s", case_.workload->name.c_str(), name_of(form),
                             phase.name.c_str(), figures.c_str(), case_.parameters.dump().c_str()));
    }
}

void print_begin(const Settings& settings, std::size_t index, const Case& what) {
    if (own_rank() != 0 || !settings.json) return;
    Json line = heading("begin", what);
    line["case"] = index;
    print_result(true, line, "");
}

void print_not_here(const Settings& settings, const Case& what, const std::string& why) {
    if (own_rank() != 0) return;
    Json line = heading("skipped", what);
    line["pass"] = settings.pass;
    line["reason"] = why;
    print_result(settings.json, line, what.workload->name + ": skipped: " + why);
}

}  // namespace orfa::benchmarks
