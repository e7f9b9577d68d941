// SPDX-License-Identifier: MIT
// Several servers' namespaces in one process: requests are run by the real handlers, calls between
// servers by a Peers that loses, delays and cuts them as a test wants.
#pragma once

#include "server/core.hpp"
#include "server/namespace/handlers.hpp"
#include "server/namespace/memory_kv.hpp"
#include "server/namespace/namespace.hpp"
#include "server/namespace/upkeep.hpp"
#include "server/peers.hpp"
#include "tests/unit/namespace/test_store.hpp"

#include <coroutine>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace orfa::server {

// A coroutine the test owns: it may end later than it began, or be destroyed before its end.
class Running {
  public:
    struct promise_type {
        Running get_return_object() {
            return Running(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        [[noreturn]] void unhandled_exception() { std::terminate(); }
    };
    explicit Running(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    Running(Running&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Running& operator=(Running&&) = delete;
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
        if (handle_) handle_.destroy();
    }
    [[nodiscard]] bool done() const { return handle_.done(); }

  private:
    std::coroutine_handle<promise_type> handle_;
};

// Keeps what a server's death leaves: the inner store outlives it.
class CrashingKv final : public KvStore {
  public:
    CrashingKv(KvStore& inner, std::function<bool()> write_allowed)
        : inner_(inner), write_allowed_(std::move(write_allowed)) {}
    Status get(std::string_view key, std::string& value) override { return inner_.get(key, value); }
    Status write(const KvBatch& batch) override {
        if (!write_allowed_()) return Status::from_errno(EIO);
        return inner_.write(batch);
    }
    Status scan(std::string_view first, std::string_view end, const Visitor& visit) override {
        return inner_.scan(first, end, visit);
    }

  private:
    KvStore& inner_;
    std::function<bool()> write_allowed_;
};

class TestCluster;

struct TestServer final : public Peers {
    Task<Result<std::vector<std::byte>>> call(std::uint32_t server, protocol::Op op,
                                              std::span<const std::byte> body) override;

    TestCluster* cluster = nullptr;
    MemoryKv kept;
    TestStore store;
    Core core;
    std::unique_ptr<Capabilities> capabilities;
    std::unique_ptr<Namespace> names;
    std::unique_ptr<Upkeep> upkeep;
    std::vector<std::unique_ptr<Session>> peer_sessions;  // by calling server
    bool up = true;                                       // false: cannot be reached
    bool dead = false;                                    // does nothing any more until restart()
};

// What goes wrong, at which call between servers or write (1: the next one; 0: never).
struct Fault {
    enum Kind {
        kNone,
        kRequestLost,     // the caller sees ETIMEDOUT, the request was not done
        kReplyLost,       // the caller sees ECONNRESET, the request was done
        kCallerDies,      // before the request
        kCallerDiesLate,  // after the request was done
        kWriteFails,      // a server dies before a write, whichever does that write
    };
    Kind kind = kNone;
    int at = 0;
};

class TestCluster {
  public:
    explicit TestCluster(std::uint32_t count, std::uint64_t seed = 1);
    ~TestCluster();
    TestCluster(const TestCluster&) = delete;
    TestCluster& operator=(const TestCluster&) = delete;

    // A client's session with each server.
    struct Client {
        Credentials who;
        std::vector<std::unique_ptr<Session>> sessions;
    };
    Client& new_client(uid_t uid = 0, gid_t gid = 0, std::vector<gid_t> groups = {});
    void end(Client& client);

    // One request to one server, begun now; `on_end` hears of its end. With delays it may end in
    // a later step().
    using OnEnd = std::function<void(Status, std::vector<std::byte>)>;
    void send(Client& client, std::uint32_t server, protocol::Op op, std::vector<std::byte> body,
              OnEnd on_end);
    // One request that ends at once (or never: ENOTRECOVERABLE, when a fault killed its server).
    Status call(Client& client, std::uint32_t server, protocol::Op op, std::vector<std::byte> body,
                std::vector<std::byte>& reply);

    // Calls between servers wait in a queue, from which step() takes one by chance.
    void set_delays(bool on) { delays_ = on; }
    bool step();  // false: nothing waits
    [[nodiscard]] std::size_t unfinished();

    void arm(Fault fault) {
        fault_ = fault;
        fired_ = false;
    }
    [[nodiscard]] bool fired() const { return fired_; }
    // Starts a server anew over what it kept; its running requests are gone.
    void restart(std::uint32_t server);
    void restart_dead();
    // Lets all background work end.
    void settle();

    // Everything that is wrong with the tree, in words; empty: nothing.
    std::string check();

    [[nodiscard]] std::uint32_t count() const {
        return static_cast<std::uint32_t>(servers_.size());
    }
    TestServer& server(std::uint32_t index) { return *servers_[index]; }

  private:
    friend struct TestServer;
    struct Point {
        TestCluster& cluster;
        bool await_ready() const { return !cluster.delays_; }
        void await_suspend(std::coroutine_handle<> waiting) { cluster.waiting_.push_back(waiting); }
        void await_resume() const {}
    };
    struct Pending {
        std::uint32_t server;
        std::unique_ptr<Request> request;
        std::optional<Running> running;
    };
    Running run(std::uint32_t server, const OpEntry& entry, Request& request, OnEnd on_end);
    void start(std::uint32_t index);
    bool strike(Fault::Kind kind);  // whether the armed fault happens here

    std::vector<std::unique_ptr<TestServer>> servers_;
    std::vector<std::unique_ptr<Client>> clients_;
    OpTable table_{};
    std::list<Pending> pending_;
    std::vector<std::coroutine_handle<>> waiting_;
    std::vector<std::unique_ptr<Namespace>> graveyard_;  // until their requests are destroyed
    std::mt19937_64 random_;
    bool delays_ = false;
    Fault fault_;
    bool fired_ = false;
};

}  // namespace orfa::server
