// SPDX-License-Identifier: MIT
// The command line of orfa-server.
#pragma once

#include "fabric/fabric.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace orfa::server {

// A thread less than there are processors, at most three: memory is no faster with more.
unsigned default_copiers();

struct Options {
    std::vector<std::uint32_t> indices{0};  // of `servers`: those this process is
    std::vector<fabric::Address> servers;   // in cluster order
    std::uint64_t cluster_id = 1;
    std::uint64_t secret = 0;                // random when no file is given
    std::uint64_t memory_limit = 1 << 30;    // bytes, each server
    std::uint64_t memory_ready = 256 << 20;  // bytes touched ahead
    std::uint64_t stripe_size = 1 << 20;     // bytes
    std::uint32_t stripe_count = 0;          // 0: all servers
    unsigned copiers = default_copiers();    // threads that help to copy on this host
    std::string provider;                    // empty: libfabric's default here
    std::string transports = "local,ofi";
    std::string metadata_dir;  // empty: names are kept in memory
    std::string log_file;      // empty: standard error
    int ready_fd = -1;         // told "ready", or why not
};

// Fills `options`. True: go on; false: end the process with `exit_code` (help was asked for, or a
// message about the mistake is on standard error).
bool parse_options(int argc, char** argv, Options& options, int& exit_code);

}  // namespace orfa::server
