// SPDX-License-Identifier: MIT
// One request at a server, from its arrival to its reply.
#pragma once

#include "protocol/codec.hpp"
#include "protocol/messages.hpp"
#include "server/request_times.hpp"
#include "server/session.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace orfa::server {

// Lives in the shard's pool; valid until its handler has ended.
struct Request {
    Session* session = nullptr;
    protocol::RequestHeader header{};
    std::vector<std::byte> body;          // what followed the header
    std::vector<std::byte> reply_buffer;  // as large as the transport's largest message

    // Where the handler puts the reply's body; sent when it returns success.
    protocol::Writer reply{{}};

    RequestTimes times;

    [[nodiscard]] protocol::Reader reader() const { return protocol::Reader(body); }
    [[nodiscard]] const Credentials& credentials() const { return session->credentials; }
};

}  // namespace orfa::server
