// SPDX-License-Identifier: MIT
// Words that people and environments give: lists of servers, sizes, log levels; and the greeting of
// the libfabric door.
#include "common/log.hpp"
#include "common/units.hpp"
#include "fabric/ofi_wire.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <cstdlib>
#include <string>

#include "rpc/connector.hpp"

namespace orfa::fuzz {
namespace {

void check(bool condition) {
    if (!condition) std::abort();
}

void parse_list(const std::string& words) {
    const auto servers = rpc::parse_servers(words);
    if (!servers.ok()) return;
    check(!(*servers).empty());
    // What was understood reads the same when it is written out again.
    std::string again;
    for (const auto& server : *servers) {
        check(!server.host.empty() && server.port != 0);
        const bool brackets = server.host.find(':') != std::string::npos;
        again += again.empty() ? "" : ",";
        again +=
            (brackets ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
    }
    const auto same = rpc::parse_servers(again);
    check(same.ok() && (*same).size() == (*servers).size());
    for (std::size_t i = 0; i < (*same).size(); ++i)
        check((*same)[i].host == (*servers)[i].host && (*same)[i].port == (*servers)[i].port);
}

void decode_greeting(std::span<const std::byte> bytes) {
    const auto hello = fabric::OfiHello::decode(bytes);
    if (!hello.ok()) return;
    const Bytes again = (*hello).encode();
    const auto same = fabric::OfiHello::decode(again);
    check(same.ok() && (*same).provider == (*hello).provider && (*same).name == (*hello).name);
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
    const std::string words(reinterpret_cast<const char*>(input.data()), input.size());
    parse_list(words);
    [[maybe_unused]] const auto size = parse_size(words);
    [[maybe_unused]] const auto transport = rpc::parse_transport(words);
    if (words.find('\0') == std::string::npos) {
        log::configure(words.c_str());
        log::configure("error");
    }
    decode_greeting(input);
}

std::vector<Bytes> seeds() {
    fabric::OfiHello hello;
    hello.prefix = {1, 2};
    hello.eager_bytes = fabric::kOfiEagerBytes;
    hello.provider = "tcp;ofi_rxm";
    hello.name = Bytes(16, std::byte{3});
    return {text("127.0.0.1:7010,host:80,[::1]:5,name"),
            text("64KiB"),
            text("18446744073709551615"),
            text("16E"),
            text("warn,fabric:debug"),
            text("auto"),
            hello.encode()};
}

}  // namespace orfa::fuzz
