// SPDX-License-Identifier: MIT
// What this machine can do at all, measured in the same run as a file system's figures: copying
// within a process, copying between processes, a TCP stream over loopback, files in tmpfs; by one
// process (or pair) and by several.
#include "common/unique_fd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <CLI/CLI.hpp>

#include "benchmarks/harness.hpp"
#include "benchmarks/processes.hpp"
#include "benchmarks/program.hpp"
#include "benchmarks/tmpfs_limit.hpp"

namespace orfa::benchmarks {
namespace {

constexpr std::size_t kStore = 64 << 20;  // bytes that copies go to, in turn: more than caches hold

struct Options {
    std::string transfer = "1M";
    std::string bytes = "512M";
    std::string tmpfs = "/dev/shm";
    unsigned processes = 4;
    unsigned repeat = 1;
    bool json = false;
    std::uint64_t transfer_bytes = 0;
    std::uint64_t total_bytes = 0;
};

// Both ways of a loopback connection.
std::pair<UniqueFd, UniqueFd> connected_pair() {
    const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener.get(), generic, length) != 0 || listen(listener.get(), 1) != 0 ||
        getsockname(listener.get(), generic, &length) != 0) {
        give_up("listening on loopback");
    }
    UniqueFd one(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(one.get(), generic, length) != 0) give_up("connecting over loopback");
    UniqueFd other(accept(listener.get(), nullptr, nullptr));
    if (!other) give_up("accepting over loopback");
    return {std::move(one), std::move(other)};
}

// What one process does with all of its bytes; the preparation, in the same process, is not timed.
using Work = std::function<void()>;
using Preparation = std::function<Work()>;

// Seconds for all works at once, each in a process of its own.
double seconds_of(const std::vector<Preparation>& works) {
    std::vector<Body> bodies;
    bodies.reserve(works.size());
    for (const Preparation& prepare : works) {
        bodies.emplace_back([prepare](Laps& laps) {
            const Work work = prepare();
            laps.run(0, work);
        });
    }
    return seconds_of_laps(bodies, 1).front();
}

// Calls `copy` for piece after piece of touched memory.
Work for_each_piece(std::uint64_t total, std::size_t piece,
                    const std::function<void(std::byte*)>& copy) {
    const std::size_t size = std::max(kStore, piece);
    std::byte* store = touched_memory(size, MAP_PRIVATE);
    return [total, piece, size, store, copy] {
        std::size_t at = 0;
        for (std::uint64_t done = 0; done < total; done += piece) {
            if (at + piece > size) at = 0;
            copy(store + at);
            at += piece;
        }
    };
}

// Like a store taking data in: from one warm buffer into memory that is larger than the caches.
double memory_copy(const Options& options, unsigned processes) {
    const std::size_t piece = options.transfer_bytes;
    const Preparation copy = [&options, processes, piece] {
        std::byte* from = touched_memory(piece, MAP_PRIVATE);
        return for_each_piece(options.total_bytes / processes, piece,
                              [from, piece](std::byte* to) { std::memcpy(to, from, piece); });
    };
    return seconds_of(std::vector<Preparation>(processes, copy));
}

// The same from another process' memory.
double process_copy(const Options& options, unsigned processes) {
    const std::size_t piece = options.transfer_bytes;
    std::byte* from = touched_memory(piece, MAP_PRIVATE);
    const pid_t owner = getpid();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);  // our own children read us; fails without Yama
    const Preparation copy = [&options, processes, piece, from, owner] {
        return for_each_piece(options.total_bytes / processes, piece,
                              [owner, from, piece](std::byte* to) {
                                  const iovec local{to, piece};
                                  const iovec remote{from, piece};
                                  if (process_vm_readv(owner, &local, 1, &remote, 1, 0) < 0)
                                      give_up("process_vm_readv");
                              });
    };
    const double seconds = seconds_of(std::vector<Preparation>(processes, copy));
    munmap(from, piece);
    return seconds;
}

void send_all(int fd, const std::byte* data, std::uint64_t total, std::size_t piece) {
    for (std::uint64_t done = 0; done < total;) {
        const ssize_t sent =
            send(fd, data, std::min<std::uint64_t>(piece, total - done), MSG_NOSIGNAL);
        if (sent <= 0) give_up("send");
        done += static_cast<std::uint64_t>(sent);
    }
}

void receive_all(int fd, std::byte* data, std::uint64_t total, std::size_t piece) {
    for (std::uint64_t done = 0; done < total;) {
        const ssize_t received = recv(fd, data, std::min<std::uint64_t>(piece, total - done), 0);
        if (received <= 0) give_up("recv");
        done += static_cast<std::uint64_t>(received);
    }
}

// A raw stream, a process at each end; `reverse`: the accepting end sends.
double tcp_stream(const Options& options, unsigned pairs, bool reverse) {
    std::vector<std::pair<UniqueFd, UniqueFd>> connections;
    std::vector<Preparation> works;
    const std::uint64_t total = options.total_bytes / pairs;
    const std::size_t piece = options.transfer_bytes;
    std::byte* buffer = touched_memory(piece, MAP_PRIVATE);  // each process gets its own by fork
    for (unsigned pair = 0; pair < pairs; ++pair) {
        connections.push_back(connected_pair());
        const int one = connections.back().first.get();
        const int other = connections.back().second.get();
        const int sender = reverse ? other : one;
        const int receiver = reverse ? one : other;
        works.push_back([sender, buffer, total, piece] {
            std::memset(buffer, 2, piece);
            return [sender, buffer, total, piece] { send_all(sender, buffer, total, piece); };
        });
        works.push_back([receiver, buffer, total, piece] {
            std::memset(buffer, 3, piece);
            return
                [receiver, buffer, total, piece] { receive_all(receiver, buffer, total, piece); };
        });
    }
    const double seconds = seconds_of(works);
    munmap(buffer, piece);
    return seconds;
}

// Prints the rates (MiB/s) of one process and of several.
void print_limit(const Options& options, const std::string& name, const std::string& words,
                 const std::vector<double>& one, const std::vector<double>& several) {
    const Json result = {{"benchmark", "limits"},          {"limit", name},
                         {"one_mib_s", summary(one)},      {"several_mib_s", summary(several)},
                         {"processes", options.processes}, {"transfer", options.transfer_bytes}};
    print_result(options.json, result,
                 text_of("%-26s  %8.0f MiB/s by 1  %8.0f MiB/s by %u", words.c_str(), median(one),
                         median(several), options.processes));
}

void copies_and_streams(const Options& options) {
    struct Limit {
        const char* name;
        const char* words;
        std::function<double(unsigned)> measure;
    };
    const Limit limits[] = {
        {"memory_copy", "copy within a process",
         [&](unsigned n) { return memory_copy(options, n); }},
        {"process_vm_readv", "copy between processes",
         [&](unsigned n) { return process_copy(options, n); }},
        {"tcp_stream", "TCP stream over loopback",
         [&](unsigned n) { return tcp_stream(options, n, false); }},
        {"tcp_stream_reverse", "TCP stream, other way",
         [&](unsigned n) { return tcp_stream(options, n, true); }},
    };
    for (const Limit& limit : limits) {
        std::vector<double> one;
        std::vector<double> several;
        for (unsigned i = 0; i < options.repeat; ++i) {
            one.push_back(mib_per_second(options.total_bytes, limit.measure(1)));
            several.push_back(
                mib_per_second(options.total_bytes, limit.measure(options.processes)));
        }
        print_limit(options, limit.name, limit.words, one, several);
    }
}

void tmpfs(const Options& options, const std::string& name, const std::string& words) {
    // One process, then several; writing, then reading.
    std::vector<double> rates[2][2];
    const unsigned counts[2] = {1, options.processes};
    for (unsigned i = 0; i < 2 * options.repeat; ++i) {
        const unsigned processes = counts[i % 2];
        const std::vector<double> seconds =
            tmpfs_seconds(options.tmpfs, options.total_bytes, options.transfer_bytes, processes);
        rates[i % 2][0].push_back(mib_per_second(options.total_bytes, seconds[0]));
        rates[i % 2][1].push_back(mib_per_second(options.total_bytes, seconds[1]));
    }
    print_limit(options, name + "_write", words + ", writing", rates[0][0], rates[1][0]);
    print_limit(options, name + "_read", words + ", reading", rates[0][1], rates[1][1]);
}

void run(const Options& options) {
    copies_and_streams(options);
    tmpfs(options, "ufs_4k", "tmpfs, 4 KiB pages");
    const std::string reason = cover_by_huge_tmpfs(options.tmpfs);
    if (reason.empty()) {
        tmpfs(options, "ufs_huge", "tmpfs, huge pages");
        return;
    }
    for (const char* name : {"ufs_huge_write", "ufs_huge_read"}) {
        print_result(options.json, {{"benchmark", "limits"}, {"limit", name}, {"error", reason}},
                     text_of("%-26s  not measured: %s", name, reason.c_str()));
    }
}

}  // namespace

int parse_and_run(int argc, char** argv) {
    Options options;
    CLI::App app("What this machine can copy and stream.");
    app.name("orfa-bench-limits");
    app.add_option("--transfer", options.transfer, "Bytes per call")->capture_default_str();
    app.add_option("--bytes", options.bytes, "Bytes of each measurement")->capture_default_str();
    app.add_option("--processes", options.processes,
                   "Processes, or pairs, at once in the second figure")
        ->capture_default_str()
        ->check(CLI::Range(1U, static_cast<unsigned>(kMostProcesses / 2)));
    app.add_option("--tmpfs", options.tmpfs, "Folder in tmpfs")->capture_default_str();
    app.add_option("--repeat", options.repeat, "Repetitions")->capture_default_str();
    app.add_flag("--json", options.json, "One line of JSON per limit");
    CLI11_PARSE(app, argc, argv);
    const auto transfer = orfa::parse_size(options.transfer);
    const auto total = orfa::parse_size(options.bytes);
    if (!transfer.ok() || !total.ok() || *transfer == 0 || *transfer > *total) {
        std::fprintf(stderr,
                     "orfa-bench-limits: --transfer, --bytes: not sizes, or the wrong way round\n");
        return 2;
    }
    options.transfer_bytes = *transfer;
    options.total_bytes = *total;
    run(options);
    return 0;
}

}  // namespace orfa::benchmarks
