// SPDX-License-Identifier: MIT
// What a client makes of a server's replies: each request ends exactly once, whatever comes.
#include "common/log.hpp"
#include "protocol/messages.hpp"
#include "tests/fuzz/script_endpoint.hpp"

#include <deque>

#include "rpc/channel.hpp"

namespace orfa::fuzz {
namespace {

void check(bool condition) {
    if (!condition) std::abort();
}

class Counted final : public rpc::Call {
  public:
    void on_reply(Status status, std::span<const std::byte> body) override {
        check(!ended);
        ended = true;
        check(status.ok() || body.empty() || status.err() > 0);
    }
    bool ended = false;
};

protocol::ReplyHeader reply_to(std::uint64_t id, std::size_t bytes, int error = 0) {
    return {
        protocol::kVersion, protocol::Op::kPing, static_cast<std::uint32_t>(bytes), id, error, 8};
}

}  // namespace

void fuzz_one(std::span<const std::byte> bytes) {
    log::configure("error");
    rpc::MeshOptions options;
    options.servers = {{"127.0.0.1", 1}};
    rpc::Mesh mesh(options);
    ScriptEndpoint endpoint(true);
    const fabric::PeerId peer{1};
    endpoint.up.insert(peer);
    std::deque<Counted> calls;
    {
        const MutexLock lock(mesh.mutex());
        rpc::Channel channel(mesh, 0);
        check(channel.greet({&endpoint, peer}, options, {1, 2}).ok());
        Input input(bytes);
        while (!input.empty()) {
            const auto what = input.take<std::uint8_t>();
            if (what % 3 == 0) {
                calls.emplace_back();
                if (!channel.start(protocol::Op::kPing, {}, {}, calls.back()).ok())
                    calls.pop_back();
            } else {
                Bytes message;
                const auto body = input.take_bytes(input.take<std::uint8_t>());
                if (what % 3 == 1)
                    append(message,
                           reply_to(input.take<std::uint8_t>(), body.size(), what / 3 % 4));
                message.insert(message.end(), body.begin(), body.end());
                channel.on_message(message);
            }
            const auto now = rpc::Mesh::Clock::now() + std::chrono::seconds(what);
            static_cast<void>(channel.check_silence(now, std::chrono::seconds(10000)));
        }
        channel.fail(Status::from_errno(ECONNRESET));
        check(!channel.owes_reply());
    }
    for (const Counted& call : calls)
        check(call.ended);
}

std::vector<Bytes> seeds() {
    const protocol::HelloReply hello{5, 1, 1, 65536, 1, 0, 1, 4000, 16384, 0};
    Bytes bytes;
    append(bytes, std::uint8_t{1}, static_cast<std::uint8_t>(sizeof(hello)), hello,
           std::uint8_t{1});
    for (std::uint8_t id = 2; id < 12; ++id)
        append(bytes, std::uint8_t{0}, std::uint8_t{0});
    for (std::uint8_t id = 2; id < 12; ++id)
        append(bytes, std::uint8_t{1}, std::uint8_t{3}, 'a', 'b', 'c', id);
    return {bytes};
}

}  // namespace orfa::fuzz
