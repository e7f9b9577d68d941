// SPDX-License-Identifier: MIT
// What registering memory costs, and what the registration cache saves, at the prices of this
// machine's network and of others:
//
//   prices      copying a buffer, registering it, registering and deregistering it, by size
//   bandwidth   writes and reads by transfer size: with the cache, registering each time, copying
//   hooks       munmap() and free() of memory that is not registered, with and without hooks, in
//   one
//               process (hooks_price.hpp)
//
// One line of JSON per figure.
#include "client/orfa.h"
#include "fabric/priced_registrar.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>

#include "benchmarks/harness.hpp"
#include "benchmarks/hooks_price.hpp"
#include "benchmarks/program.hpp"

namespace orfa::benchmarks {
namespace {

struct Options {
    std::vector<std::string> parts = {"prices", "bandwidth", "hooks"};
    std::vector<std::string> prices = {"gm2004", "verbs"};
    std::vector<std::string> sizes = {"4K", "16K", "64K", "256K", "1M", "4M"};
    unsigned repeat = 5;
    double seconds = 0.3;  // of each figure and round
    std::string path = "/orfa-bench-registration";
};

void print(const Json& figure) {
    print_result(true, figure, "");
}

std::byte* memory_of(std::size_t bytes) {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("no memory");
    return static_cast<std::byte*>(at);
}

// Seconds of one call, from as many as fill `seconds`.
template <typename Call>
double time_of(double seconds, Call call) {
    call();
    std::uint64_t count = 0;
    const double start = now();
    double end = start;
    for (; end < start + seconds; end = now()) {
        call();
        ++count;
    }
    return (end - start) / static_cast<double>(count);
}

// ---- Figure 3a --------------------------------------------------------------------------------

void price_of(const Options& options, const std::string& name, std::size_t bytes) {
    const auto price = fabric::parse_price(name);
    if (!price.ok()) throw std::runtime_error("no such price: " + name);
    fabric::PricedRegistrar registrar(nullptr, *price, fabric::PricedRegistrar::Stale::kUnchecked);
    std::byte* const from = memory_of(bytes);
    std::byte* const to = memory_of(bytes);
    std::map<std::string, std::vector<double>> times;
    for (unsigned round = 0; round < options.repeat; ++round) {
        times["copy"].push_back(
            time_of(options.seconds / 4, [&] { std::memcpy(to, from, bytes); }));
        double registering = 0;
        std::uint64_t count = 0;
        times["register_and_deregister"].push_back(time_of(options.seconds / 4, [&] {
            const double start = now();
            const auto handle = registrar.register_range({from, bytes}, 1);
            registering += now() - start;
            ++count;
            if (!handle.ok()) throw std::runtime_error("registering failed");
            registrar.deregister(*handle);
        }));
        times["register"].push_back(registering / static_cast<double>(count));
    }
    munmap(from, bytes);
    munmap(to, bytes);
    for (const auto& [what, seconds] : times) {
        print({{"benchmark", "registration_price"},
               {"price", name},
               {"what", what},
               {"bytes", bytes},
               {"seconds", summary(seconds)}});
    }
}

// ---- Figure 3b --------------------------------------------------------------------------------

struct Way {
    const char* name;
    const char* cache;
    const char* copy;
};
constexpr Way kWays[] = {{"cache", "auto", "auto"},
                         {"cache, no copying", "auto", "0"},
                         {"each time", "off", "0"},
                         {"copy", "off", "8M"}};

class Client {
  public:
    Client(const Options& options, const std::string& price, const Way& way) : way_(way) {
        setenv("ORFA_TRANSPORT", "ofi", 1);
        setenv("ORFA_REGISTRATION_PRICE", price.c_str(), 1);
        setenv("ORFA_REGISTRATION_CACHE", way.cache, 1);
        setenv("ORFA_REGISTRATION_COPY", way.copy, 1);
        setenv("ORFA_REGISTRATION_CHECK", "off", 1);
        session_ = orfa_connect(nullptr);
        if (session_ == nullptr) throw std::runtime_error(orfa_error());
        file_ = orfa_open(session_, options.path.c_str(), O_CREAT | O_RDWR, 0600, nullptr);
        if (file_ == nullptr) throw std::runtime_error(orfa_error());
    }
    ~Client() {
        orfa_close(file_);
        orfa_disconnect(session_);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Bytes a second, from `buffers` buffers in turn.
    double run(bool write, std::size_t bytes, double seconds, std::byte* buffers,
               std::size_t count) const {
        std::size_t i = 0;
        const double one = time_of(seconds, [&] {
            std::byte* const at = buffers + (i % count) * bytes;
            const std::uint64_t offset = (i++ % count) * bytes;
            const ssize_t moved = write ? orfa_pwrite(file_, at, bytes, offset)
                                        : orfa_pread(file_, at, bytes, offset);
            if (moved != static_cast<ssize_t>(bytes)) throw std::runtime_error(orfa_error());
        });
        return static_cast<double>(bytes) / one;
    }
    [[nodiscard]] orfa_counters counters() const {
        orfa_counters all{};
        orfa_counters_of(session_, &all);
        return all;
    }
    [[nodiscard]] const char* name() const { return way_.name; }

  private:
    const Way& way_;
    orfa_session* session_ = nullptr;
    orfa_file* file_ = nullptr;
};

void bandwidth_of(const Options& options, const std::string& price, std::size_t bytes) {
    constexpr std::size_t kBuffers = 4;
    std::byte* const buffers = memory_of(kBuffers * bytes);
    std::vector<std::unique_ptr<Client>> clients;
    for (const Way& way : kWays)
        clients.push_back(std::make_unique<Client>(options, price, way));
    std::map<std::pair<const Client*, bool>, std::vector<double>> rates;
    // The ways take turns, so that each meets the same machine. The first round is not counted.
    for (unsigned round = 0; round <= options.repeat; ++round) {
        for (const auto& client : clients) {
            for (const bool write : {true, false}) {
                const double rate = client->run(write, bytes, options.seconds, buffers, kBuffers);
                if (round > 0) rates[{client.get(), write}].push_back(rate);
            }
        }
    }
    for (const auto& client : clients) {
        const orfa_counters counters = client->counters();
        const std::uint64_t looked_up = counters.registration_hits + counters.registration_misses;
        for (const bool write : {true, false}) {
            print({{"benchmark", "registration_bandwidth"},
                   {"price", price},
                   {"way", client->name()},
                   {"direction", write ? "write" : "read"},
                   {"bytes", bytes},
                   {"bytes_per_second", summary(rates[{client.get(), write}])},
                   {"hit_rate", looked_up == 0
                                    ? Json(nullptr)
                                    : Json(static_cast<double>(counters.registration_hits) /
                                           static_cast<double>(looked_up))},
                   {"bytes_staged", counters.bytes_staged}});
        }
    }
    munmap(buffers, kBuffers * bytes);
}

void run(const Options& options) {
    const auto wanted = [&](const char* part) {
        return std::find(options.parts.begin(), options.parts.end(), part) != options.parts.end();
    };
    if (wanted("hooks")) measure_hooks(options.repeat * 400);  // before a session has hooks
    for (const std::string& price : options.prices) {
        for (const std::string& size : options.sizes) {
            const auto bytes = parse_size(size);
            if (!bytes.ok()) throw std::runtime_error("not a size: " + size);
            if (wanted("prices")) price_of(options, price, *bytes);
            if (wanted("bandwidth")) bandwidth_of(options, price, *bytes);
        }
    }
}

}  // namespace

int parse_and_run(int argc, char** argv) {
    Options options;
    CLI::App app(
        "What registering memory costs and what the registration cache saves. Bandwidth is that of "
        "one process on the cluster that ORFA_SERVERS lists; start its servers with "
        "ORFA_REGISTRATION_PRICE, too, to have them pay.");
    app.name("orfa-bench-registration");
    app.add_option("--parts", options.parts, "prices, bandwidth, hooks")
        ->delimiter(',')
        ->check(CLI::IsMember({"prices", "bandwidth", "hooks"}))
        ->capture_default_str();
    app.add_option("--price", options.prices,
                   "gm2004, verbs, PAGE_NS:DEREGISTER_NS[:DEREGISTER_PAGE_NS]")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--sizes", options.sizes, "Bytes of a transfer")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--repeat", options.repeat, "Rounds")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--seconds", options.seconds, "Seconds of each figure in a round")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--path", options.path, "Path of the file")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    run(options);
    return 0;
}

}  // namespace orfa::benchmarks
