// SPDX-License-Identifier: MIT
// What a small request costs: 4 KiB sequential writes and reads a second by one process, and the
// round trip of a request that carries next to nothing, waiting for the answer asleep and awake.
#include "client/orfa.h"

#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "benchmarks/harness.hpp"
#include "benchmarks/pattern.hpp"
#include "benchmarks/program.hpp"

namespace orfa::benchmarks {
namespace {

struct Options {
    std::string path = "/orfa-bench-small";
    std::uint64_t size = 4096;
    std::uint64_t count = 20000;
    std::uint64_t trips = 5000;
    std::vector<std::string> transports;
    bool json = false;
};

[[noreturn]] void give_up(const std::string& what) {
    std::fprintf(stderr, "orfa-bench-small: %s: %s\n", what.c_str(), orfa_error());
    std::exit(1);
}

// Microseconds of each of `count` calls; of fewer where they take so long that seconds would pass.
template <typename Call>
std::vector<double> trip_times(std::uint64_t count, Call call) {
    constexpr double kMicroseconds = 1e6;
    constexpr double kMostSeconds = 3;
    const double stop_at = now() + kMostSeconds;
    for (std::uint64_t i = 0; i < count / 10; ++i)
        call();  // warm up
    std::vector<double> times;
    times.reserve(count);
    for (std::uint64_t i = 0; i < count && (times.empty() || now() < stop_at); ++i) {
        const double start = now();
        call();
        times.push_back((now() - start) * kMicroseconds);
    }
    return times;
}

void add_trips(Json& figures, const std::string& name, const std::vector<double>& times) {
    figures[name + "_p50_us"] = percentile(times, 0.50);
    figures[name + "_p99_us"] = percentile(times, 0.99);
}

void round_trips(const Options& options, orfa_session* session, orfa_file* file, Json& figures) {
    add_trips(figures, "ping", trip_times(options.trips, [&] {
                  if (orfa_ping(session, 0) != 0) give_up("ping");
              }));
    // The least that a caller can wait for awake: one word read.
    std::uint64_t word = 0;
    add_trips(figures, "read8_blocking", trip_times(options.trips, [&] {
                  if (orfa_pread(file, &word, sizeof word, 0) != sizeof word)
                      give_up("read of 8 bytes");
              }));
    const orfa_segment segment{&word, sizeof word};
    const orfa_extent extent{0, sizeof word};
    const orfa_access access{&segment, 1, &extent, 1, nullptr, 0};
    add_trips(figures, "read8_busy", trip_times(options.trips, [&] {
                  orfa_op* op = orfa_start_readv(file, &access, nullptr, nullptr);
                  if (op == nullptr) give_up("start of a read of 8 bytes");
                  while (orfa_op_test(op) == 0) {
                  }
                  if (orfa_op_finish(op, -1) != sizeof word) give_up("read of 8 bytes");
              }));
}

void sequential(const Options& options, orfa_file* file, Json& figures) {
    const Pattern pattern(options.count, options.size);
    std::vector<std::byte> buffer(options.size);
    const auto moved = static_cast<ssize_t>(options.size);
    const auto rate = [&](double start) {
        return static_cast<double>(options.count) / (now() - start);
    };

    double start = now();
    for (std::uint64_t i = 0; i < options.count; ++i) {
        if (orfa_pwrite(file, pattern.at(i * options.size), options.size, i * options.size) !=
            moved)
            give_up("write");
    }
    figures["writes_per_s"] = rate(start);
    start = now();
    for (std::uint64_t i = 0; i < options.count; ++i) {
        if (orfa_pread(file, buffer.data(), options.size, i * options.size) != moved)
            give_up("read");
    }
    figures["reads_per_s"] = rate(start);
    for (std::uint64_t i = 0; i < options.count; ++i) {
        std::fill(buffer.begin(), buffer.end(), std::byte{0});
        if (orfa_pread(file, buffer.data(), options.size, i * options.size) != moved)
            give_up("read");
        const std::uint64_t right = pattern.right_bytes(i * options.size, buffer);
        if (right < options.size) {
            const unsigned long long at = i * options.size + right;
            std::fprintf(stderr, "orfa-bench-small: wrong byte at offset %llu\n", at);
            std::exit(1);
        }
    }
}

void run(const Options& options, const std::string& transport) {
    const bool in_place = transport == "in-place";
    setenv("ORFA_TRANSPORT", in_place ? "local" : transport.c_str(), 1);
    setenv("ORFA_IN_PLACE", in_place ? "1" : "0", 1);
    orfa_session* session = orfa_connect(nullptr);
    if (session == nullptr) give_up("connecting by " + transport);
    const std::string path = options.path + "-" + std::to_string(getpid());
    orfa_file* file = orfa_open(session, path.c_str(), O_CREAT | O_RDWR | O_TRUNC, 0600, nullptr);
    if (file == nullptr) give_up("open");
    Json figures;
    sequential(options, file, figures);
    round_trips(options, session, file, figures);
    if (orfa_close(file) != 0 || orfa_unlink(session, path.c_str()) != 0)
        give_up("removing the file");
    orfa_disconnect(session);

    const auto value = [&](const char* name) { return figures[name].get<double>(); };
    const std::string text = text_of(
        "%-8s %8.0f writes/s, %8.0f reads/s of %s; round trip p50 / p99: ping %.1f / %.1f us, "
        "8 bytes asleep %.1f / %.1f us, awake %.1f / %.1f us",
        transport.c_str(), value("writes_per_s"), value("reads_per_s"),
        format_bytes(options.size).c_str(), value("ping_p50_us"), value("ping_p99_us"),
        value("read8_blocking_p50_us"), value("read8_blocking_p99_us"), value("read8_busy_p50_us"),
        value("read8_busy_p99_us"));
    const Json result = {{"benchmark", "small_io"}, {"transport", transport},
                         {"size", options.size},    {"count", options.count},
                         {"verified", true},        {"figures", figures}};
    print_result(options.json, result, text);
}

}  // namespace

int parse_and_run(int argc, char** argv) {
    Options options;
    CLI::App app("Small requests by one process, on the cluster that ORFA_SERVERS lists.");
    app.name("orfa-bench-small");
    app.add_option("--path", options.path, "Beginning of the file's path")->capture_default_str();
    app.add_option("--size", options.size, "Bytes of a write and a read")->capture_default_str();
    app.add_option("--count", options.count, "Writes and reads")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--trips", options.trips, "Round trips of each kind")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--transport", options.transports,
                   "in-place (same host, the server's memory mapped), local (same host, by "
                   "requests), ofi (default: ORFA_TRANSPORT, else all)")
        ->delimiter(',');
    app.add_flag("--json", options.json, "One line of JSON per transport");
    CLI11_PARSE(app, argc, argv);
    if (options.transports.empty()) {
        const char* chosen = std::getenv("ORFA_TRANSPORT");
        options.transports = chosen != nullptr
                                 ? std::vector<std::string>{chosen}
                                 : std::vector<std::string>{"in-place", "local", "ofi"};
    }
    for (const std::string& transport : options.transports)
        run(options, transport);
    return 0;
}

}  // namespace orfa::benchmarks
