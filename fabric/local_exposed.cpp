// SPDX-License-Identifier: MIT
// Memory that a listener exposes to dialers of its user, and what they say of it.
#include "fabric/local_endpoint.hpp"

namespace orfa::fabric {

void LocalEndpoint::expose(int fd, std::size_t bytes) {
    exposed_fd_ = fd;
    exposed_bytes_ = bytes;
}

ExposedMemory LocalEndpoint::exposed(PeerId id) const {
    const Peer* peer = find(id);
    if (peer == nullptr || peer->down || peer->exposed.bytes().empty()) return {};
    return {peer->exposed.bytes(), &peer->connection.use()};
}

void LocalEndpoint::exposed_parts_in_use(std::vector<std::uint64_t>& out) const {
    for (const auto& [id, peer] : peers_) {
        const std::uint64_t part = peer->connection.use().part.load(std::memory_order_seq_cst);
        if (part != 0) out.push_back(part - 1);
    }
}

void LocalEndpoint::count_exposed(const Peer& peer, ExposedFigures& figures) {
    const ExposedUse& use = peer.connection.use();
    figures.bytes_read += use.bytes_read.load(std::memory_order_relaxed);
    figures.bytes_written += use.bytes_written.load(std::memory_order_relaxed);
}

ExposedFigures LocalEndpoint::exposed_figures() const {
    ExposedFigures figures = exposed_to_gone_;
    for (const auto& [id, peer] : peers_)
        count_exposed(*peer, figures);
    return figures;
}

}  // namespace orfa::fabric
