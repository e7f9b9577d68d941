// SPDX-License-Identifier: MIT
// What the tests of the libfabric transport share, besides local_fixture.hpp.
#pragma once

#include "fabric/ofi_endpoint.hpp"
#include "fabric/ofi_library.hpp"
#include "tests/fabric/local_fixture.hpp"

#include <gtest/gtest.h>

#include <dirent.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>

namespace orfa::fabric::test {

inline std::unique_ptr<OfiEndpoint> ofi_server(EndpointEvents& events) {
    OfiOptions options;
    options.listen = Address{"127.0.0.1", 0};
    auto made = OfiEndpoint::create(events, options);
    EXPECT_TRUE(made.ok()) << made.status().err();
    return made.ok() ? std::move(*made) : nullptr;
}

inline std::unique_ptr<OfiEndpoint> ofi_client(EndpointEvents& events, OfiOptions options = {}) {
    auto made = OfiEndpoint::create(events, options);
    EXPECT_TRUE(made.ok()) << made.status().err();
    return made.ok() ? std::move(*made) : nullptr;
}

// Connects a client of this process to a server of this process, which is polled meanwhile.
inline Result<PeerId> dial(OfiEndpoint& client, OfiEndpoint& server) {
    const Address where{"127.0.0.1", server.door_port()};
    auto dialing = std::async(std::launch::async, [&] { return client.connect(where, 10'000); });
    while (dialing.wait_for(milliseconds(1)) != std::future_status::ready)
        server.poll();
    server.disarm();
    server.poll();
    return dialing.get();
}

// What a client of these tests asks of the server: move this memory of mine.
struct MoveRequest {
    std::uint32_t write;  // 0: the server reads
    std::uint32_t tag;    // comes back in the reply
    RemoteSegment memory;
};

// A server that moves memory for its clients and replies with the tag of the request.
class MovingServer final : public EndpointEvents {
  public:
    MovingServer() : endpoint_(ofi_server(*this)), memory_(64 << 20) {}

    void on_peer_up(PeerId, const PeerIdentity&) override { ++ups; }
    void on_message(PeerId peer, std::span<const std::byte> message) override {
        ++messages;
        MoveRequest request;
        if (message.size() != sizeof request) return;
        std::memcpy(&request, message.data(), sizeof request);
        if (request.memory.length > (1 << 20)) return;
        jobs_.push_back(std::make_unique<Job>(*this, peer, request.tag));
        const std::size_t place = next_++ % 64;
        const LocalSegment here{memory_.data() + (place << 20),
                                static_cast<std::size_t>(request.memory.length)};
        Result<RmaState> state =
            request.write != 0
                ? endpoint_->rma_write(peer, {&here, 1}, {&request.memory, 1}, jobs_.back().get())
                : endpoint_->rma_read(peer, {&here, 1}, {&request.memory, 1}, jobs_.back().get());
        if (state.ok() && *state == RmaState::kStarted) {
            ++started;
        } else {
            jobs_.pop_back();
        }
    }
    void on_peer_down(PeerId peer, Status) override {
        ++downs;
        for (const auto& job : jobs_)
            EXPECT_NE(job->peer, peer) << "told after the peer's end";
    }

    OfiEndpoint& endpoint() { return *endpoint_; }
    std::size_t ups = 0, downs = 0, messages = 0, started = 0, ended = 0, failed = 0;

  private:
    struct Job final : RmaCompletion {
        Job(MovingServer& s, PeerId p, std::uint32_t t) : server(s), peer(p), tag(t) {}
        void on_rma_done(Status status) override {
            ++server.ended;
            if (!status.ok()) ++server.failed;
            if (status.ok())
                (void)server.endpoint_->send(peer, std::as_bytes(std::span(&tag, 1)), {});
            std::erase_if(server.jobs_, [this](const auto& job) { return job.get() == this; });
        }
        MovingServer& server;
        PeerId peer;
        std::uint32_t tag;
    };

    std::unique_ptr<OfiEndpoint> endpoint_;
    std::vector<std::byte> memory_;
    std::vector<std::unique_ptr<Job>> jobs_;
    std::size_t next_ = 0;
};

// A client that keeps `depth` requests of 1 MiB outstanding for ever. Returns on failure only.
inline int ask_for_ever(std::uint16_t port, int depth) {
    Recorder events;
    auto client = ofi_client(events);
    Result<PeerId> server = client->connect({"127.0.0.1", port}, 10'000);
    if (!server.ok()) return 1;
    std::vector<std::byte> memory(static_cast<std::size_t>(depth) << 20);
    Result<Registration> shared = client->register_memory(memory, Access::kBoth);
    if (!shared.ok()) return 2;
    std::uint32_t next = 0;
    const auto ask = [&] {
        const std::uint64_t place = next % static_cast<unsigned>(depth);
        const MoveRequest request{
            next & 1U, next, {shared->addr + (place << 20), shared->key, 1 << 20}};
        ++next;
        return client->send(*server, std::as_bytes(std::span(&request, 1)), {}).ok();
    };
    for (int i = 0; i < depth; ++i)
        if (!ask()) return 3;
    std::size_t answered = 0;
    while (events.down.empty()) {
        wait_once(*client, 100);
        for (; answered < events.count; ++answered)
            if (!ask()) return 3;
        events.messages.clear();
    }
    return 4;
}

inline std::size_t resident_kb() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    unsigned long pages = 0, resident = 0;
    const int n = std::fscanf(file, "%lu %lu", &pages, &resident);
    (void)std::fclose(file);
    return n == 2 ? resident * 4 : 0;
}

inline std::size_t open_descriptors() {
    DIR* directory = ::opendir("/proc/self/fd");
    if (directory == nullptr) return 0;
    std::size_t n = 0;
    while (::readdir(directory) != nullptr)
        ++n;
    (void)::closedir(directory);
    return n;
}

}  // namespace orfa::fabric::test
