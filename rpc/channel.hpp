// SPDX-License-Identifier: MIT
// A mesh's connection to one server: request ids, credits, who waits for which reply.
#pragma once

#include "fabric/fabric.hpp"
#include "protocol/messages.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "rpc/mesh.hpp"

namespace orfa::rpc {

// All methods need the mesh's lock.
class Channel {
  public:
    enum class State : std::uint8_t { kDown, kGreeting, kUp };

    Channel(Mesh& mesh, std::uint32_t server) : mesh_(mesh), server_(server) {}

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const protocol::HelloReply& greeting() const { return greeting_; }
    [[nodiscard]] Route route() const { return route_; }
    [[nodiscard]] bool owes_reply() const { return outstanding_ > 0; }

    // A fresh connection: HELLO is sent; its reply makes the channel kUp.
    Status greet(Route route, const MeshOptions& options, const std::uint64_t (&session_id)[2]);

    // Sends or, when the credits are used up, queues a request. ENOTCONN, EMSGSIZE.
    Status start(protocol::Op op, std::span<const std::byte> head, std::span<const std::byte> tail,
                 Call& call);

    void on_message(std::span<const std::byte> message);

    // Ends every request with `why`; the channel is down.
    void fail(Status why);
    // The same without telling anybody: the requests belong to a forked process's parent.
    void forget();

    // Called now and then: a server that owes a reply is pinged when it is silent, and given up
    // (false) when it stays so for `timeout`.
    bool check_silence(Mesh::Clock::time_point now, std::chrono::milliseconds timeout);

  private:
    struct Slot {
        std::uint64_t id = 0;  // 0: free
        Call* call = nullptr;  // nullptr: a ping of our own
    };
    struct Queued {
        protocol::Op op;
        std::vector<std::byte> body;
        Call* call;
    };
    // The HELLO under way: it makes the channel usable, or says why not.
    class Greeting final : public Call {
      public:
        explicit Greeting(Channel& channel) : channel_(channel) {}
        void on_reply(Status status, std::span<const std::byte> body) override;

      private:
        Channel& channel_;
    };

    Status send(protocol::Op op, std::span<const std::byte> head, std::span<const std::byte> tail,
                Call* call);
    void send_queued();
    Status check_epoch();
    Slot& slot_of(std::uint64_t id) { return slots_[id % slots_.size()]; }
    [[nodiscard]] bool has_slot() const { return outstanding_ < slots_.size(); }
    [[nodiscard]] bool may_send() const { return outstanding_ < credits_ && has_slot(); }

    Mesh& mesh_;
    const std::uint32_t server_;
    bool is_client_ = true;
    State state_ = State::kDown;
    Route route_{nullptr, fabric::PeerId::kNone};
    protocol::HelloReply greeting_{};
    Greeting greeter_{*this};
    Status greet_error_;
    std::array<Slot, 256> slots_{};  // of the requests under way, by id
    std::uint64_t next_id_ = 1;
    std::uint64_t oldest_id_ = 1;  // no request with a smaller id is under way
    std::uint32_t outstanding_ = 0;
    std::uint32_t credits_ = 1;
    std::deque<Queued> queued_;
    std::vector<std::byte> scratch_;
    bool heard_ = false;  // something arrived since last_heard_
    bool pinged_ = false;
    Mesh::Clock::time_point last_heard_{};

  public:
    // Why the last greet() led to nothing.
    [[nodiscard]] Status greet_error() const { return greet_error_; }
};

}  // namespace orfa::rpc
