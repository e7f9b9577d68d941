// SPDX-License-Identifier: MIT
#include "rpc/connector.hpp"

#include "common/log.hpp"
#include "fabric/local_endpoint.hpp"
#include "fabric/ofi_endpoint.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace orfa::rpc {
namespace {

bool same_host_part(const sockaddr* a, const sockaddr* b) {
    if (a == nullptr || b == nullptr || a->sa_family != b->sa_family) return false;
    if (a->sa_family == AF_INET)
        return std::memcmp(&reinterpret_cast<const sockaddr_in*>(a)->sin_addr,
                           &reinterpret_cast<const sockaddr_in*>(b)->sin_addr,
                           sizeof(in_addr)) == 0;
    if (a->sa_family == AF_INET6)
        return std::memcmp(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr,
                           &reinterpret_cast<const sockaddr_in6*>(b)->sin6_addr,
                           sizeof(in6_addr)) == 0;
    return false;
}

bool is_loopback(const sockaddr* address) {
    if (address->sa_family == AF_INET)
        return (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

Result<fabric::Address> parse_server(std::string_view text) {
    fabric::Address address{.host = {}, .port = kDefaultPort};
    std::string_view port;
    if (!text.empty() && text.front() == '[') {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return Status::from_errno(EINVAL);
        address.host = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        if (!text.empty() && text.front() != ':') return Status::from_errno(EINVAL);
        port = text.empty() ? text : text.substr(1);
        if (!text.empty() && port.empty()) return Status::from_errno(EINVAL);
    } else {
        const auto colon = text.find(':');
        address.host = text.substr(0, colon);
        if (colon != std::string_view::npos) {
            port = text.substr(colon + 1);
            if (port.empty()) return Status::from_errno(EINVAL);
        }
    }
    if (address.host.empty() || address.host.find_first_of("[]") != std::string::npos)
        return Status::from_errno(EINVAL);
    if (port.empty()) return address;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || end != port.data() + port.size() || address.port == 0)
        return Status::from_errno(EINVAL);
    return address;
}

}  // namespace

Result<Transport> parse_transport(const std::string& name) {
    if (name.empty() || name == "auto") return Transport::kAuto;
    if (name == "local") return Transport::kLocal;
    if (name == "ofi") return Transport::kOfi;
    return Status::from_errno(EINVAL);
}

Result<ConnectorOptions> connector_options_from_environment() {
    ConnectorOptions options;
    if (const char* name = std::getenv("ORFA_TRANSPORT"); name != nullptr) {
        const auto transport = parse_transport(name);
        if (!transport.ok()) {
            ORFA_LOG(client, error, "ORFA_TRANSPORT is \"%s\"; it must be auto, local or ofi",
                     name);
            return transport.status();
        }
        options.transport = *transport;
    }
    if (const char* name = std::getenv("ORFA_PROVIDER"); name != nullptr) options.provider = name;
    return options;
}

Result<std::vector<fabric::Address>> parse_servers(const std::string& list) {
    std::vector<fabric::Address> servers;
    std::string_view rest = list;
    while (true) {
        const auto comma = rest.find(',');
        const auto server = parse_server(rest.substr(0, comma));
        if (!server.ok()) return server.status();
        servers.push_back(*server);
        if (comma == std::string_view::npos) return servers;
        rest.remove_prefix(comma + 1);
    }
}

bool is_this_host(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
    ifaddrs* own = nullptr;
    if (getifaddrs(&own) != 0) own = nullptr;
    bool here = false;
    for (const addrinfo* a = found; a != nullptr && !here; a = a->ai_next) {
        here = is_loopback(a->ai_addr);
        for (const ifaddrs* i = own; i != nullptr && !here; i = i->ifa_next)
            here = same_host_part(a->ai_addr, i->ifa_addr);
    }
    if (own != nullptr) freeifaddrs(own);
    freeaddrinfo(found);
    return here;
}

Connector::Connector(ConnectorOptions options, fabric::EndpointEvents& local_events,
                     fabric::EndpointEvents& ofi_events)
    : options_(std::move(options)), local_events_(local_events), ofi_events_(ofi_events) {
}

Result<Connector::Connection> Connector::connect(const fabric::Address& address, int timeout_ms) {
    const bool try_local = options_.transport == Transport::kLocal ||
                           (options_.transport == Transport::kAuto && is_this_host(address.host));
    if (try_local) {
        if (local_ == nullptr) {
            fabric::LocalOptions local;
            local.stage_max = options_.stage_max;
            auto made = fabric::LocalEndpoint::create(local_events_, local);
            if (!made.ok()) return made.status();
            local_ = std::move(*made);
        }
        const auto peer = local_->connect(address, timeout_ms);
        if (peer.ok()) return Connection{local_.get(), *peer};
        // ECONNREFUSED on this host may mean another network namespace: ask the network.
        if (options_.transport == Transport::kLocal || peer.status().err() == ETIMEDOUT)
            return peer.status();
        if (peer.status().err() == EPROTONOSUPPORT)
            ORFA_LOG(client, warn,
                     "%s:%u is of another version of ORFA: no same-host path, going through the "
                     "slower network",
                     address.host.c_str(), address.port);
        ORFA_LOG(client, debug, "no same-host path to %s:%u (errno %d); trying the network",
                 address.host.c_str(), address.port, peer.status().err());
    }
    if (ofi_ == nullptr) {
        fabric::OfiOptions ofi;
        ofi.provider = options_.provider;
        auto made = fabric::OfiEndpoint::create(ofi_events_, ofi);
        if (!made.ok()) return made.status();
        ofi_ = std::move(*made);
    }
    const auto peer = ofi_->connect(address, timeout_ms);
    if (!peer.ok()) return peer.status();
    return Connection{ofi_.get(), *peer};
}

}  // namespace orfa::rpc
