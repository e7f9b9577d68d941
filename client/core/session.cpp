// SPDX-License-Identifier: MIT
#include "client/core/session.hpp"

#include "client/core/error_text.hpp"
#include "client/core/fork.hpp"
#include "client/core/transfer.hpp"
#include "common/log.hpp"
#include "common/units.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace orfa::client {
namespace {

// Measured (docs/decisions.md): above this, stages or one copy by the server beat the message.
constexpr std::uint64_t kInlineMax = 8192;

// What `parse` makes of a variable of the environment; `fallback` without one, and where it is no
// such thing (with a warning that says what was expected).
std::uint64_t from_environment(const char* name, std::uint64_t fallback, const char* expected,
                               Result<std::uint64_t> (*parse)(std::string_view)) {
    const char* text = std::getenv(name);
    if (text == nullptr) return fallback;
    const Result<std::uint64_t> value = parse(text);
    if (value.ok()) return *value;
    ORFA_LOG(client, warn, "%s is \"%s\", which is no %s; using the default", name, text, expected);
    return fallback;
}

std::uint64_t size_from_environment(const char* name, std::uint64_t fallback) {
    return from_environment(name, fallback, "size such as 65536 or 64K", parse_size);
}

Result<std::uint64_t> parse_milliseconds(std::string_view text) {
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size() || value < 0)
        return Status::from_errno(EINVAL);
    return static_cast<std::uint64_t>(value);
}

}  // namespace

Session::Session(rpc::MeshOptions options)
    : mesh_(std::move(options)),
      names_(mesh_),
      inline_max_(size_from_environment("ORFA_INLINE_MAX", kInlineMax)) {
    watch_mesh(mesh_);
}

Session::~Session() {
    forget_mesh(mesh_);
}

Result<std::unique_ptr<Session>> Session::make(const std::string& servers) {
    rpc::MeshOptions options;
    auto parsed = rpc::parse_servers(servers);
    if (!parsed.ok())
        return fail(parsed.status(), "the list of servers \"%s\" is not host:port,host:port,...",
                    servers.c_str());
    options.servers = std::move(*parsed);
    const auto connector = rpc::connector_options_from_environment();
    if (!connector.ok())
        return fail(connector.status(), "ORFA_TRANSPORT must be auto, local or ofi");
    options.connector = *connector;
    options.connector.stage_max =
        size_from_environment("ORFA_STAGE_MAX", options.connector.stage_max);
    options.timeout_ms = static_cast<int>(
        from_environment("ORFA_TIMEOUT_MS", 30000, "number of milliseconds", parse_milliseconds));

    return std::unique_ptr<Session>(new Session(std::move(options)));
}

Result<std::unique_ptr<Session>> Session::connect(const std::string& servers) {
    auto session = make(servers);
    if (!session.ok()) return session;
    if (const Status connected = (*session)->mesh_.connect(0); !connected.ok())
        return fail(connected, "no connection to server %s: %s", (*session)->server_name(0).c_str(),
                    describe(connected).c_str());
    return session;
}

std::string Session::server_name(std::uint32_t server) const {
    const auto& address = mesh_.address(server);
    return address.host + ":" + std::to_string(address.port);
}

}  // namespace orfa::client
