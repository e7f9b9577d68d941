// SPDX-License-Identifier: MIT
// The same question to several servers at once.
#pragma once

#include "common/status.hpp"
#include "protocol/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "rpc/mesh.hpp"

namespace orfa::client {

struct Question {
    std::uint32_t server;
    std::span<const std::byte> body;  // borrowed until the call returns
};

// What ended badly, and where.
struct FanOutError {
    Status status;
    std::uint32_t server = 0;
};

// Sends all questions, waits for all answers and gives each good one to `take` (with the question's
// index; runs with the mesh locked, must not call it). The first failure, if any.
FanOutError ask_all(rpc::Mesh& mesh, protocol::Op op, std::span<const Question> questions,
                    const std::function<Status(std::size_t, std::span<const std::byte>)>& take);

}  // namespace orfa::client
