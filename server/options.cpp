// SPDX-License-Identifier: MIT
#include "server/options.hpp"

#include "common/units.hpp"
#include "protocol/layout.hpp"

#include <sys/random.h>

#include <algorithm>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <thread>

#include "rpc/connector.hpp"

namespace orfa::server {
namespace {

// A size such as 64K, 1GiB or plain bytes.
CLI::Validator size_validator(std::uint64_t& out) {
    return CLI::Validator(
        [&out](std::string& text) -> std::string {
            const auto size = parse_size(text);
            if (!size.ok()) return "\"" + text + "\" is no size (examples: 4096, 64K, 2GiB)";
            out = *size;
            return {};
        },
        "SIZE");
}

bool read_secret(const std::string& path, std::uint64_t& secret) {
    std::ifstream file(path);
    return static_cast<bool>(file >> std::hex >> secret);
}

const char* check(const Options& options, std::size_t servers) {
    std::vector<std::uint32_t> sorted = options.indices;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
        return "--index names a server twice";
    if (sorted.back() >= servers) return "--index must be below the number of --servers";
    if (sorted.size() > 1 && !options.metadata_dir.empty())
        return "--metadata is one server's: give one --index";
    if (options.stripe_count > servers) return "--stripe-count is larger than the cluster";
    const protocol::Layout layout{options.stripe_size, 1, 0};
    if (!protocol::is_valid(layout, 1))
        return "--stripe-size must be a multiple of 4096, from 4096 to 4 GiB";
    return nullptr;
}

}  // namespace

unsigned default_copiers() {
    return std::clamp(std::thread::hardware_concurrency(), 1U, 4U) - 1;
}

bool parse_options(int argc, char** argv, Options& options, int& exit_code) {
    CLI::App app{
        "orfa-server serves a part of an ORFA cluster: names and data in memory.\n"
        "`orfa cluster start` starts a whole cluster of them on this host; by hand, one server:\n"
        "  orfa-server --index 0 --servers 127.0.0.1:7010 --memory-limit 4GiB"};
    std::string servers;
    std::string cluster_id;
    std::string secret_file;
    std::string memory_limit;
    std::string memory_ready;
    std::string stripe_size;
    app.add_option("--servers", servers, "All servers of the cluster, in order: host:port,...")
        ->required();
    app.add_option("--index", options.indices,
                   "Which of them this process is, from 0; several (0,1,2) are served by one "
                   "thread, which on few processors is faster than a process each [0]")
        ->delimiter(',');
    app.add_option("--cluster-id", cluster_id, "Hexadecimal number all servers share");
    app.add_option("--secret-file", secret_file,
                   "File with the hexadecimal secret all servers share");
    app.add_option("--memory-limit", memory_limit,
                   "Most memory for file data, of each server [1GiB]")
        ->check(size_validator(options.memory_limit));
    app.add_option("--memory-ready", memory_ready, "Memory touched ahead of need, by each [256MiB]")
        ->check(size_validator(options.memory_ready));
    app.add_option("--stripe-size", stripe_size, "Stripe size of new files [1MiB]")
        ->check(size_validator(options.stripe_size));
    app.add_option("--stripe-count", options.stripe_count,
                   "Servers that a new file is spread over [all]");
    app.add_option("--copiers", options.copiers,
                   "Threads that help to copy to and from programs on this host [one less than "
                   "processors, at most 3]")
        ->check(CLI::Range(0, 64));
    app.add_option("--provider", options.provider, "libfabric provider, for example tcp;ofi_rxm");
    app.add_option("--transports", options.transports, "local, ofi, or local,ofi")
        ->check(CLI::IsMember({"local", "ofi", "local,ofi"}));
    app.add_option("--metadata", options.metadata_dir,
                   "Directory where names are kept (RocksDB); file data stay in memory [memory]");
    app.add_option("--log", options.log_file, "File the log is added to [standard error]");
    app.add_option("--ready-fd", options.ready_fd, "Descriptor that is told when serving begins");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_code = app.exit(error) == 0 ? 0 : 2;
        return false;
    }
    exit_code = 2;
    const auto parsed = rpc::parse_servers(servers);
    if (!parsed.ok()) {
        std::fprintf(stderr, "orfa-server: --servers \"%s\" is not host:port,host:port,...\n",
                     servers.c_str());
        return false;
    }
    options.servers = *parsed;
    if (!cluster_id.empty()) options.cluster_id = std::strtoull(cluster_id.c_str(), nullptr, 16);
    if (!secret_file.empty() && !read_secret(secret_file, options.secret)) {
        std::fprintf(stderr, "orfa-server: no hexadecimal number in --secret-file %s\n",
                     secret_file.c_str());
        return false;
    }
    if (secret_file.empty() && options.servers.size() > 1) {
        std::fprintf(stderr, "orfa-server: a cluster of several servers needs --secret-file\n");
        return false;
    }
    if (secret_file.empty() &&
        getrandom(&options.secret, sizeof(options.secret), 0) != sizeof(options.secret))
        return false;
    if (const char* mistake = check(options, options.servers.size()); mistake != nullptr) {
        std::fprintf(stderr, "orfa-server: %s\n", mistake);
        return false;
    }
    return true;
}

}  // namespace orfa::server
