// SPDX-License-Identifier: MIT
// Where the time of one request goes: client + network + server + store, as the ORFA report of
// 2005 models a remote access (equations 1 to 3). From the counters of both sides, which time every
// 32nd request: a client knows the whole and its waiting, a server its part, the moving of bytes
// and the store's; the network is what is left. One line of JSON per size and direction.
#include "client/orfa.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <stdexcept>

#include "benchmarks/harness.hpp"
#include "benchmarks/program.hpp"

namespace orfa::benchmarks {
namespace {

struct Options {
    std::vector<std::string> sizes = {"8", "4K", "64K", "256K", "1M"};
    std::vector<std::string> transports = {"local", "ofi"};
    double seconds = 1;  // of each figure
    std::string path = "/orfa-bench-parts";
};

[[noreturn]] void fail() {
    throw std::runtime_error(orfa_error());
}

// Sums since the start, in ns.
struct Sums {
    double transfers = 0, whole = 0, waiting = 0;            // the client's
    double requests = 0, served = 0, moving = 0, store = 0;  // all servers'

    Sums operator-(const Sums& earlier) const {
        return {transfers - earlier.transfers, whole - earlier.whole,   waiting - earlier.waiting,
                requests - earlier.requests,   served - earlier.served, moving - earlier.moving,
                store - earlier.store};
    }
};

Sums sums_of(orfa_session* session) {
    orfa_counters own{};
    orfa_counters_of(session, &own);
    Sums sums;
    sums.transfers = static_cast<double>(own.timed_transfers);
    sums.whole = static_cast<double>(own.timed_ns);
    sums.waiting = static_cast<double>(own.timed_waiting_ns);
    for (int server = 0; server < orfa_server_count(session); ++server) {
        std::string text(1 << 16, '\0');
        const ssize_t length = orfa_server_status(session, server, text.data(), text.size());
        if (length < 0) fail();
        const Json status = Json::parse(text.substr(0, static_cast<std::size_t>(length)));
        sums.requests += status.at("timed_requests").get<double>();
        sums.served += status.at("timed_ns").get<double>();
        sums.moving += status.at("timed_moving_ns").get<double>();
        sums.store += status.at("timed_store_ns").get<double>();
    }
    return sums;
}

// Requests of one size until `seconds` are over, each to one server.
class Requests {
  public:
    Requests(const Options& options, const std::string& transport, std::size_t bytes)
        : bytes_(bytes) {
        setenv("ORFA_TRANSPORT", transport.c_str(), 1);
        setenv("ORFA_IN_PLACE", "0", 1);  // requests are the matter
        void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (at == MAP_FAILED) throw std::runtime_error("no memory");
        buffer_ = at;
        session_ = orfa_connect(nullptr);
        if (session_ == nullptr) fail();
        const orfa_layout one_server{0, 1, -1};
        path_ = options.path + "-" + std::to_string(getpid());
        file_ = orfa_open(session_, path_.c_str(), O_CREAT | O_RDWR, 0600, &one_server);
        if (file_ == nullptr) fail();
    }
    ~Requests() {
        orfa_close(file_);
        orfa_unlink(session_, path_.c_str());
        orfa_disconnect(session_);
        munmap(buffer_, bytes_);
    }
    Requests(const Requests&) = delete;
    Requests& operator=(const Requests&) = delete;

    Sums run(bool write, double seconds) const {
        many(write, seconds / 10);  // warms up
        const Sums before = sums_of(session_);
        many(write, seconds);
        return sums_of(session_) - before;
    }

  private:
    void many(bool write, double seconds) const {
        constexpr std::uint64_t kPlaces = 8;
        constexpr int kBetweenLooks = 32;  // at the clock
        std::uint64_t place = 0;
        for (const double end = now() + seconds; now() < end;) {
            for (int i = 0; i < kBetweenLooks; ++i) {
                const std::uint64_t offset = place++ % kPlaces * bytes_;
                const ssize_t moved = write ? orfa_pwrite(file_, buffer_, bytes_, offset)
                                            : orfa_pread(file_, buffer_, bytes_, offset);
                if (moved != static_cast<ssize_t>(bytes_)) fail();
            }
        }
    }

    const std::size_t bytes_;
    void* buffer_ = nullptr;
    std::string path_;
    orfa_session* session_ = nullptr;
    orfa_file* file_ = nullptr;
};

void print_parts(const std::string& transport, bool write, std::size_t bytes, const Sums& sums) {
    if (sums.transfers == 0 || sums.requests == 0)
        throw std::runtime_error("too few requests to time one; --seconds gives more");
    constexpr double kMicrosecond = 1e3;
    const double whole = sums.whole / sums.transfers / kMicrosecond;
    const double waiting = sums.waiting / sums.transfers / kMicrosecond;
    const double served = sums.served / sums.requests / kMicrosecond;
    const double moving = sums.moving / sums.requests / kMicrosecond;
    const double store = sums.store / sums.requests / kMicrosecond;
    print_result(true,
                 {{"benchmark", "request_parts"},
                  {"transport", transport},
                  {"direction", write ? "write" : "read"},
                  {"bytes", bytes},
                  {"timed_transfers", sums.transfers},
                  {"timed_requests", sums.requests},
                  {"us",
                   {{"whole", whole},
                    {"client", whole - waiting},
                    {"network", waiting - served + moving},
                    {"server", served - moving - store},
                    {"store", store}}}},
                 "");
}

}  // namespace

int parse_and_run(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Where the time of one request goes, by one process on the cluster that ORFA_SERVERS "
        "lists: "
        "client, network (the moving of the bytes included), server, store.");
    app.name("orfa-bench-parts");
    app.add_option("--sizes", options.sizes, "Bytes of a request")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--transport", options.transports, "local, ofi")
        ->delimiter(',')
        ->check(CLI::IsMember({"local", "ofi"}))
        ->capture_default_str();
    app.add_option("--seconds", options.seconds, "Seconds of each figure")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--path", options.path, "Beginning of the file's path")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    for (const std::string& transport : options.transports) {
        for (const std::string& size : options.sizes) {
            const auto bytes = parse_size(size);
            if (!bytes.ok() || *bytes == 0) throw std::runtime_error("not a size: " + size);
            const Requests requests(options, transport, *bytes);
            for (const bool write : {true, false})
                print_parts(transport, write, *bytes, requests.run(write, options.seconds));
        }
    }
    return 0;
}

}  // namespace orfa::benchmarks
