// SPDX-License-Identifier: MIT
// Bandwidth of one shared file by MPI-IO: contiguous segments, small interleaved records, strided
// views. Stock MPI-IO calls only: runs on any ROMIO driver or OMPIO, whatever the file name and
// environment select.
//
// Each repetition deletes the file, writes it, opens it again and reads each rank's part by the
// next rank; both are timed from a barrier to the last rank's last byte. Every byte is then checked
// outside the timed parts: the file's content by plain offsets, and the access itself. A file with
// a wrong byte gives no bandwidth and exit code 1.
#include "benchmarks/harness.hpp"
#include "benchmarks/pattern.hpp"

#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace orfa::benchmarks {
namespace {

struct Options {
    std::string file;
    std::vector<std::string> patterns{"contiguous"};
    std::string transfer = "1M";
    std::string block = "64M";
    std::string record = "47008";
    std::string strip = "64K";
    std::vector<int> array{256, 512, 512};
    std::vector<std::string> hints;  // key=value
    unsigned repeat = 3;
    bool collective = false;
    bool json = false;
    bool keep = false;
};

struct Workload {
    std::string name;
    Geometry geometry;
    bool view = false;        // through a view, else at explicit offsets
    std::vector<int> array;   // of 4-byte elements, dealt in blocks of 3 dimensions; none: strips
    bool collective = false;  // all ranks call together
};

int rank_of_world = 0;
bool one_host = false;  // all ranks share a clock

[[noreturn]] void give_up(const std::string& what, int mpi_error = MPI_SUCCESS) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (mpi_error != MPI_SUCCESS) MPI_Error_string(mpi_error, text, &length);
    std::fprintf(stderr, "orfa-bench-mpi: rank %d: %s%s%s\n", rank_of_world, what.c_str(),
                 length > 0 ? ": " : "", text);
    MPI_Abort(MPI_COMM_WORLD, 1);
    std::abort();
}

void check(int mpi_error, const char* call) {
    if (mpi_error != MPI_SUCCESS) give_up(call, mpi_error);
}

MPI_File open_file(const Options& options, int mode) {
    MPI_File file = MPI_FILE_NULL;
    MPI_Info info = MPI_INFO_NULL;
    MPI_Info_create(&info);
    for (const std::string& hint : options.hints) {
        const std::size_t split = hint.find('=');
        if (split == std::string::npos || split == 0) give_up("--hint " + hint + ": not key=value");
        MPI_Info_set(info, hint.substr(0, split).c_str(), hint.substr(split + 1).c_str());
    }
    check(MPI_File_open(MPI_COMM_WORLD, options.file.c_str(), mode, info, &file), "MPI_File_open");
    MPI_Info_free(&info);
    return file;
}

void delete_file(const std::string& name) {
    if (rank_of_world == 0) MPI_File_delete(name.c_str(), MPI_INFO_NULL);  // may not be there
    MPI_Barrier(MPI_COMM_WORLD);
}

// The block of `owner` in an array of 3 dimensions.
MPI_Datatype block_of(const std::vector<int>& array, std::uint64_t ranks, std::uint64_t owner) {
    int grid[3] = {0, 0, 0};
    int sizes[3] = {0, 0, 0};
    int starts[3] = {0, 0, 0};
    MPI_Datatype block = MPI_DATATYPE_NULL;
    check(MPI_Dims_create(static_cast<int>(ranks), 3, grid), "MPI_Dims_create");
    auto rest = static_cast<int>(owner);
    for (int i = 2; i >= 0; --i) {
        const int extent = array[static_cast<std::size_t>(i)];
        if (extent % grid[i] != 0) give_up("--array: not divisible among the ranks");
        sizes[i] = extent / grid[i];
        starts[i] = rest % grid[i] * sizes[i];
        rest /= grid[i];
    }
    check(
        MPI_Type_create_subarray(3, array.data(), sizes, starts, MPI_ORDER_C, MPI_INT32_T, &block),
        "MPI_Type_create_subarray");
    check(MPI_Type_commit(&block), "MPI_Type_commit");
    return block;
}

// Makes the stream of `owner` what positions in the file mean.
void set_view(MPI_File file, const Workload& workload, std::uint64_t owner) {
    const Geometry& g = workload.geometry;
    if (!workload.array.empty()) {
        MPI_Datatype block = block_of(workload.array, g.ranks, owner);
        check(MPI_File_set_view(file, 0, MPI_BYTE, block, "native", MPI_INFO_NULL),
              "MPI_File_set_view");
        MPI_Type_free(&block);
        return;
    }
    const std::uint64_t first = owner * g.piece;
    const auto start = static_cast<MPI_Offset>(first);
    MPI_Datatype strided = MPI_DATATYPE_NULL;
    check(MPI_Type_vector(static_cast<int>(g.block / g.piece), static_cast<int>(g.piece),
                          static_cast<int>(g.piece * g.ranks), MPI_BYTE, &strided),
          "MPI_Type_vector");
    check(MPI_Type_commit(&strided), "MPI_Type_commit");
    check(MPI_File_set_view(file, start, MPI_BYTE, strided, "native", MPI_INFO_NULL),
          "MPI_File_set_view");
    MPI_Type_free(&strided);
}

void access_file(MPI_File file, const Workload& workload, bool writing, std::uint64_t owner,
                 std::uint64_t access, void* data) {
    const Geometry& g = workload.geometry;
    const std::uint64_t position = access * g.transfer;
    const auto offset =
        static_cast<MPI_Offset>(workload.view ? position : g.file_offset(owner, position));
    const int count = static_cast<int>(g.transfer);
    MPI_Status status;
    int error = MPI_SUCCESS;
    if (writing) {
        const auto call = workload.collective ? MPI_File_write_at_all : MPI_File_write_at;
        error = call(file, offset, data, count, MPI_BYTE, &status);
    } else {
        const auto call = workload.collective ? MPI_File_read_at_all : MPI_File_read_at;
        error = call(file, offset, data, count, MPI_BYTE, &status);
    }
    check(error, writing ? "writing" : "reading");
    int moved = 0;
    MPI_Get_count(&status, MPI_BYTE, &moved);
    if (moved != count) {
        give_up(text_of("%s at %lld moved %d of %d bytes", writing ? "writing" : "reading",
                        static_cast<long long>(offset), moved, count));
    }
}

// Seconds that the whole stream of `owner` takes, over all ranks: from the first one's start to the
// last one's end where they share a clock, else the slowest one's time.
double timed_pass(MPI_File file, const Workload& workload, bool writing, std::uint64_t owner,
                  const PatternSource& source, std::vector<std::byte>& buffer) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = now();
    for (std::uint64_t access = 0; access < workload.geometry.accesses(); ++access) {
        // MPI-2 prototypes take no const.
        void* data = writing ? const_cast<std::byte*>(source.window(owner, access)) : buffer.data();
        access_file(file, workload, writing, owner, access, data);
    }
    const double end = now();
    double span[2] = {one_host ? -start : 0, one_host ? end : end - start};
    MPI_Allreduce(MPI_IN_PLACE, span, 2, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return span[0] + span[1];
}

// The access itself, as the timed pass made it, with every byte checked.
void check_access(MPI_File file, const Workload& workload, std::uint64_t owner,
                  const PatternSource& source, std::vector<std::byte>& buffer) {
    const Geometry& g = workload.geometry;
    for (std::uint64_t access = 0; access < g.accesses(); ++access) {
        std::fill(buffer.begin(), buffer.end(), std::byte{0});
        access_file(file, workload, false, owner, access, buffer.data());
        const std::uint64_t right =
            source.right_bytes_of_access(owner, access, std::span(buffer.data(), g.transfer));
        if (right < g.transfer) {
            const unsigned long long at = g.file_offset(owner, access * g.transfer + right);
            give_up(
                text_of("wrong byte in %s: the read of offset %llu", workload.name.c_str(), at));
        }
    }
}

// The file's content by plain offsets: what a wrong view would hide.
void check_content(MPI_File file, const Workload& workload, const PatternSource& source) {
    constexpr std::uint64_t kChunk = 4 << 20;
    std::vector<std::byte> chunk(kChunk);
    const std::uint64_t size = workload.geometry.file_size();
    MPI_Offset found = 0;
    check(MPI_File_get_size(file, &found), "MPI_File_get_size");
    if (static_cast<std::uint64_t>(found) != size) {
        give_up(text_of("the file has %lld bytes instead of %llu", static_cast<long long>(found),
                        static_cast<unsigned long long>(size)));
    }
    const std::uint64_t stride = workload.geometry.ranks * kChunk;
    for (std::uint64_t at = static_cast<std::uint64_t>(rank_of_world) * kChunk; at < size;
         at += stride) {
        const std::uint64_t length = std::min(kChunk, size - at);
        check(MPI_File_read_at(file, static_cast<MPI_Offset>(at), chunk.data(),
                               static_cast<int>(length), MPI_BYTE, MPI_STATUS_IGNORE),
              "reading back");
        const std::uint64_t right =
            source.right_bytes(workload.geometry, at, std::span(chunk.data(), length));
        if (right < length) {
            const unsigned long long wrong = at + right;
            give_up(
                text_of("wrong byte in %s: offset %llu of the file", workload.name.c_str(), wrong));
        }
    }
}

void one_repetition(const Options& options, const Workload& workload, std::uint64_t seed,
                    std::vector<double>& write_rates, std::vector<double>& read_rates) {
    const Geometry& g = workload.geometry;
    const PatternSource source(g.transfer, seed);
    std::vector<std::byte> buffer(g.transfer);
    const auto writer = static_cast<std::uint64_t>(rank_of_world);
    const std::uint64_t reader = (writer + 1) % g.ranks;

    delete_file(options.file);
    MPI_File file = open_file(options, MPI_MODE_CREATE | MPI_MODE_WRONLY);
    if (workload.view) set_view(file, workload, writer);
    const double writing = timed_pass(file, workload, true, writer, source, buffer);
    check(MPI_File_close(&file), "MPI_File_close");

    file = open_file(options, MPI_MODE_RDONLY);
    if (workload.view) set_view(file, workload, reader);
    const double reading = timed_pass(file, workload, false, reader, source, buffer);
    check_access(file, workload, reader, source, buffer);
    MPI_Barrier(MPI_COMM_WORLD);
    if (g.piece < g.block) {
        check(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL),
              "MPI_File_set_view");
        check_content(file, workload, source);
    }
    check(MPI_File_close(&file), "MPI_File_close");
    write_rates.push_back(mib_per_second(g.file_size(), writing));
    read_rates.push_back(mib_per_second(g.file_size(), reading));
}

void run(const Options& options, const Workload& workload) {
    const Geometry& g = workload.geometry;
    std::vector<double> write_rates;
    std::vector<double> read_rates;
    for (unsigned repetition = 0; repetition < options.repeat; ++repetition) {
        one_repetition(options, workload, repetition + 1, write_rates, read_rates);
    }
    if (!options.keep) delete_file(options.file);
    if (rank_of_world != 0) return;
    const Json result = {{"benchmark", "mpi_bandwidth"},
                         {"pattern", workload.name},
                         {"collective", workload.collective},
                         {"file", options.file},
                         {"ranks", g.ranks},
                         {"transfer", g.transfer},
                         {"piece", g.piece},
                         {"bytes", g.file_size()},
                         {"verified", true},
                         {"write_mib_s", summary(write_rates)},
                         {"read_mib_s", summary(read_rates)}};
    print_result(options.json, result,
                 text_of("%-13s %d ranks, %s in pieces of %s: write %8.0f MiB/s, read %8.0f MiB/s",
                         workload.name.c_str(), static_cast<int>(g.ranks),
                         format_bytes(g.file_size()).c_str(), format_bytes(g.piece).c_str(),
                         median(write_rates), median(read_rates)));
}

constexpr std::uint64_t kMostCounted = 0x7fffffff;  // MPI's counts and strides are int

std::uint64_t size_of(const std::string& text, const char* option, std::uint64_t most) {
    const auto size = parse_size(text);
    if (!size.ok() || *size == 0 || *size > most) {
        give_up(text_of("%s %s: not a size of 1 byte to %s", option, text.c_str(),
                        format_bytes(most).c_str()));
    }
    return *size;
}

Workload workload_of(const Options& options, const std::string& name, int ranks) {
    Workload workload{name, {}, false, {}, options.collective};
    Geometry& g = workload.geometry;
    g.ranks = static_cast<std::uint64_t>(ranks);
    g.transfer = size_of(options.transfer, "--transfer", kMostCounted);
    g.block = size_of(options.block, "--block", std::uint64_t{1} << 50);
    if (name == "records" || name == "records-view") {
        g.piece = g.transfer = size_of(options.record, "--record", kMostCounted / g.ranks);
        workload.view = name == "records-view";
    } else if (name == "vector") {
        g.piece = size_of(options.strip, "--strip", kMostCounted / g.ranks);
        workload.view = true;
    } else if (name == "block3d") {
        workload.array = options.array;
        workload.view = true;
        std::uint64_t bytes = 4;
        for (const int extent : options.array)
            bytes *= static_cast<std::uint64_t>(std::max(extent, 0));
        g.block = g.transfer = g.piece = bytes / g.ranks;
        if (bytes == 0 || g.block > kMostCounted) give_up("--array: not of 1 byte to 2 GiB a rank");
    }
    const std::uint64_t step = std::max(g.transfer, g.piece);
    g.block = std::max(g.block / step, std::uint64_t{1}) * step;
    if (name == "contiguous") g.piece = g.block;
    if (step % g.transfer != 0 || (g.piece < g.block && step % g.piece != 0)) {
        give_up("--transfer and --strip: one must be a multiple of the other");
    }
    return workload;
}

int parse(int argc, char** argv, Options& options) {
    CLI::App app("Bandwidth of one shared file by MPI-IO; every byte is checked.");
    app.name("orfa-bench-mpi");
    app.add_option("file", options.file,
                   "File to write and read; a prefix as orfa: or ufs: selects a driver")
        ->required();
    app.add_option(
           "--pattern", options.patterns,
           "contiguous: a segment per rank; records: small records in turn, by offset; "
           "records-view: the same by a file view; vector: strips in turn, by a vector view; "
           "block3d: blocks of a 3-D array, each in one call")
        ->delimiter(',')
        ->check(CLI::IsMember({"contiguous", "records", "records-view", "vector", "block3d"}));
    app.add_option("--transfer", options.transfer, "Bytes per call")->capture_default_str();
    app.add_option("--block", options.block, "Bytes per rank (rounded down to whole calls)")
        ->capture_default_str();
    app.add_option("--record", options.record, "Bytes per record")->capture_default_str();
    app.add_option("--strip", options.strip, "Bytes per strip of the vector")
        ->capture_default_str();
    app.add_option("--array", options.array, "Extents of the 3-D array, in 4-byte elements")
        ->delimiter('x')
        ->expected(3)
        ->capture_default_str();
    app.add_option("--hint", options.hints, "key=value, given at every open; may be repeated");
    app.add_option("--repeat", options.repeat, "Repetitions")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.add_flag("--collective", options.collective,
                 "Collective calls instead of independent ones");
    app.add_flag("--keep", options.keep, "Leave the file of the last repetition");
    app.add_flag("--json", options.json, "One line of JSON per pattern");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (rank_of_world == 0) return app.exit(error) == 0 ? -1 : 2;
        return error.get_exit_code() == 0 ? -1 : 2;
    }
    return 0;
}

bool all_on_one_host() {
    MPI_Comm host = MPI_COMM_NULL;
    int here = 0;
    int all = 0;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_size(host, &here);
    MPI_Comm_size(MPI_COMM_WORLD, &all);
    MPI_Comm_free(&host);
    return here == all;
}

int whole_run(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    int ranks = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_world);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    one_host = all_on_one_host();
    Options options;
    const int code = parse(argc, argv, options);
    if (code == 0) {
        for (const std::string& name : options.patterns) {
            run(options, workload_of(options, name, ranks));
        }
    }
    MPI_Finalize();
    return std::max(code, 0);
}

}  // namespace
}  // namespace orfa::benchmarks

int main(int argc, char** argv) {
    return orfa::benchmarks::guarded([&] { return orfa::benchmarks::whole_run(argc, argv); });
}
