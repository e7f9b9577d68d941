// SPDX-License-Identifier: MIT
// Which transport reaches a server: the same-host one when the server is on this host, else
// libfabric, which is started only when it is needed.
#pragma once

#include "common/status.hpp"
#include "fabric/fabric.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace orfa::rpc {

enum class Transport : std::uint8_t { kAuto, kLocal, kOfi };

struct ConnectorOptions {
    Transport transport = Transport::kAuto;  // ORFA_TRANSPORT
    std::string provider;                    // ORFA_PROVIDER; empty: the default
    std::size_t stage_max = SIZE_MAX;        // ORFA_STAGE_MAX; see fabric::LocalOptions
};

// transport from "auto", "local" or "ofi"; EINVAL.
Result<Transport> parse_transport(const std::string& name);
// From the environment; EINVAL with a log line.
Result<ConnectorOptions> connector_options_from_environment();

// "host:port,host:port" -> addresses; a port may be left out (kDefaultPort). IPv6 hosts stand in
// brackets. EINVAL: empty or malformed.
Result<std::vector<fabric::Address>> parse_servers(const std::string& list);
inline constexpr std::uint16_t kDefaultPort = 7010;

// Whether one of this host's own addresses is meant.
bool is_this_host(const std::string& host);

// Not thread-safe. Owns the endpoints; events of each go to the object given for it.
class Connector {
  public:
    Connector(ConnectorOptions options, fabric::EndpointEvents& local_events,
              fabric::EndpointEvents& ofi_events);

    struct Connection {
        fabric::Endpoint* endpoint;
        fabric::PeerId peer;
    };
    // Blocks at most about `timeout_ms`. Errors of Endpoint::connect().
    Result<Connection> connect(const fabric::Address& address, int timeout_ms);

    // Those that have been started, nullptr otherwise.
    [[nodiscard]] fabric::Endpoint* local() const { return local_.get(); }
    [[nodiscard]] fabric::Endpoint* ofi() const { return ofi_.get(); }

  private:
    ConnectorOptions options_;
    fabric::EndpointEvents& local_events_;
    fabric::EndpointEvents& ofi_events_;
    std::unique_ptr<fabric::Endpoint> local_;
    std::unique_ptr<fabric::Endpoint> ofi_;
};

}  // namespace orfa::rpc
