// SPDX-License-Identifier: MIT
// What a server knows about one client (or fellow server): who it is, and what it has open.
#pragma once

#include "fabric/fabric.hpp"
#include "protocol/messages.hpp"

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace orfa::server {

// On whose behalf a request is done; what permission bits are checked against.
struct Credentials {
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    std::vector<gid_t> groups;  // supplementary

    [[nodiscard]] bool is_root() const { return uid == 0; }
    [[nodiscard]] bool in_group(gid_t group) const {
        return group == gid || std::find(groups.begin(), groups.end(), group) != groups.end();
    }
};

// Owned by the shard from HELLO until the connection ends. Requests under way keep a pointer and
// are waited for before a session is destroyed.
struct Session {
    fabric::Endpoint* endpoint = nullptr;
    fabric::PeerId peer = fabric::PeerId::kNone;
    fabric::PeerIdentity identity;
    Credentials credentials;
    bool greeted = false;    // HELLO was accepted
    bool is_server = false;  // a server of this cluster: may send kPeer... requests
    bool connected = true;   // false: only waits for its requests to end
    std::uint32_t requests_under_way = 0;
    // Inode -> how often this session has it open (kOpen minus kClose). Kept by the name handlers,
    // given back by the shard when the session ends.
    std::unordered_map<std::uint64_t, std::uint32_t> open_files;
};

}  // namespace orfa::server
