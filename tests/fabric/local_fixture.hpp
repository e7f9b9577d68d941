// SPDX-License-Identifier: MIT
// What the tests of the same-host transport share: endpoints that record their events, bounded
// waiting, and child processes that end with the test.
#pragma once

#include "fabric/local_endpoint.hpp"
#include "tests/sanitizers.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace orfa::fabric::test {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

inline std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// Keeps all it is told; `reply`, when set, is called with each message.
struct Recorder final : EndpointEvents {
    struct Down {
        PeerId peer;
        Status why;
    };
    void on_peer_up(PeerId peer, const PeerIdentity& identity) override {
        up.push_back(peer);
        identities.push_back(identity);
    }
    void on_message(PeerId peer, std::span<const std::byte> message) override {
        ++count;
        if (reply) {
            reply(peer, message);
            return;
        }
        const auto* text = reinterpret_cast<const char*>(message.data());
        messages.emplace_back(peer, std::string(text, message.size()));
    }
    void on_peer_down(PeerId peer, Status why) override { down.push_back({peer, why}); }

    std::vector<PeerId> up;
    std::vector<PeerIdentity> identities;
    std::vector<std::pair<PeerId, std::string>> messages;
    std::vector<Down> down;
    std::size_t count = 0;
    std::function<void(PeerId, std::span<const std::byte>)> reply;
};

struct Completion final : RmaCompletion {
    void on_rma_done(Status s) override {
        ++calls;
        status = s;
    }
    int calls = 0;
    Status status;
};

// Polls and blocks as callers do; returns when something was handled or after `ms`.
inline std::size_t wait_once(Endpoint& endpoint, int ms) {
    if (const std::size_t n = endpoint.poll(); n > 0) return n;
    if (endpoint.arm()) {
        pollfd p{endpoint.wait_fd(), POLLIN, 0};
        (void)::poll(&p, 1, ms);
    }
    endpoint.disarm();
    return endpoint.poll();
}

// Until `done` holds; false after ten seconds. A lost wake-up shows: it costs five.
template <typename Done>
bool wait_until(Endpoint& endpoint, Done done) {
    const auto deadline = Clock::now() + milliseconds(10'000);
    while (!done()) {
        if (Clock::now() > deadline) return false;
        wait_once(endpoint, 5000);
    }
    return true;
}

// Polls both, for two endpoints of one thread.
template <typename Done>
bool poll_until(Endpoint& a, Endpoint& b, Done done) {
    const auto deadline = Clock::now() + milliseconds(10'000);
    while (!done()) {
        if (Clock::now() > deadline) return false;
        a.poll();
        b.poll();
    }
    return true;
}

struct Listener {
    std::unique_ptr<LocalEndpoint> endpoint;
    std::uint16_t port = 0;
};

// Listens on the next port that is free.
inline Listener listen_somewhere(EndpointEvents& events, LocalOptions options = {}) {
    static std::atomic<unsigned> next = 0;
    for (int tries = 0; tries < 1000; ++tries) {
        const unsigned spread = static_cast<unsigned>(::getpid()) * 31U + next++;
        options.listen_port = static_cast<std::uint16_t>(20000 + spread % 40000);
        auto made = LocalEndpoint::create(events, options);
        if (made.ok()) return {std::move(*made), *options.listen_port};
        if (made.status().err() != EADDRINUSE) break;
    }
    ADD_FAILURE() << "no port to listen on";
    return {};
}

inline std::unique_ptr<LocalEndpoint> make_client(EndpointEvents& events, bool process_vm = true) {
    LocalOptions options;
    options.allow_process_vm = process_vm;
    return std::move(*LocalEndpoint::create(events, options));
}

// A listening and a dialing endpoint of this process, connected.
struct Pair {
    explicit Pair(bool process_vm = true, LocalOptions options = {}) {
        options.allow_process_vm = process_vm;
        Listener l = listen_somewhere(server_events, options);
        server = std::move(l.endpoint);
        port = l.port;
        options.listen_port.reset();
        client = std::move(*LocalEndpoint::create(client_events, options));
        to_server = dial();
        to_client = server_events.up.back();
    }
    // Connects (once more) from `client`.
    PeerId dial() {
        const std::size_t before = server_events.up.size();
        auto dialing = std::async(std::launch::async, [this] {
            return client->connect({"localhost", port}, 5000);
        });
        while (dialing.wait_for(milliseconds(0)) != std::future_status::ready)
            server->poll();
        Result<PeerId> peer = dialing.get();
        EXPECT_TRUE(peer.ok()) << peer.status().err();
        EXPECT_EQ(server_events.up.size(), before + 1);
        return peer.ok() ? *peer : PeerId::kNone;
    }

    Recorder server_events, client_events;
    std::unique_ptr<LocalEndpoint> server, client;
    std::uint16_t port = 0;
    PeerId to_server{}, to_client{};
};

// A forked process that runs `body` and exits with its result; killed at the end of its life.
class Child {
  public:
    explicit Child(const std::function<int()>& body) : pid_(::fork()) {
        if (pid_ == 0) ::_exit(body());
    }
    Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ > 0) kill_and_reap();
    }
    [[nodiscard]] pid_t pid() const { return pid_; }
    void kill_and_reap() {
        ::kill(pid_, SIGKILL);
        (void)::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }
    // The exit code, or -1 when it was killed or did not end in ten seconds.
    int join() {
        for (int i = 0; i < 10'000; ++i) {
            int state = 0;
            if (::waitpid(pid_, &state, WNOHANG) == pid_) {
                pid_ = -1;
                return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
            }
            ::usleep(1000);
        }
        return -1;
    }

  private:
    pid_t pid_;
};

// Fills with bytes that differ from place to place.
inline void fill(std::span<std::byte> memory, std::uint64_t seed) {
    std::uint64_t x = seed * 2 + 1;
    for (std::byte& b : memory) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        b = static_cast<std::byte>(x >> 56);
    }
}

}  // namespace orfa::fabric::test
