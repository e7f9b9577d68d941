// SPDX-License-Identifier: MIT
#include "tests/unit/namespace/test_cluster.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::server {
namespace {

// Never the same time twice.
std::int64_t test_clock() {
    static std::int64_t now = 1'700'000'000'000'000'000;
    return now += 1'000;
}

constexpr std::size_t kReplyBytes = 16384;

}  // namespace

Task<Result<std::vector<std::byte>>> TestServer::call(std::uint32_t server, protocol::Op op,
                                                      std::span<const std::byte> body) {
    TestCluster& all = *cluster;
    TestServer& target = all.server(server);
    Request request;
    request.body.assign(body.begin(), body.end());
    request.header.op = op;
    request.reply_buffer.resize(kReplyBytes);
    request.reply = protocol::Writer(request.reply_buffer);
    request.session = target.peer_sessions[core.identity.index].get();
    if (dead || all.strike(Fault::kCallerDies)) {
        dead = true;
        up = false;
        co_await std::suspend_always();
    }
    co_await TestCluster::Point{all};
    if (all.strike(Fault::kRequestLost)) co_return Status::from_errno(ETIMEDOUT);
    if (!target.up) co_return Status::from_errno(ECONNREFUSED);
    const OpEntry& entry = all.table_[static_cast<std::size_t>(op)];
    const Status status = co_await entry.handler(target.core, request);
    if (target.dead) co_return Status::from_errno(ECONNRESET);
    if (all.strike(Fault::kCallerDiesLate)) {
        dead = true;
        up = false;
        co_await std::suspend_always();
    }
    co_await TestCluster::Point{all};
    if (all.strike(Fault::kReplyLost)) co_return Status::from_errno(ECONNRESET);
    if (!status.ok()) co_return status;
    const auto written = request.reply.written();
    co_return std::vector<std::byte>(written.begin(), written.end());
}

TestCluster::TestCluster(std::uint32_t count, std::uint64_t seed) : random_(seed) {
    add_name_handlers(table_);
    add_peer_handlers(table_);
    for (std::uint32_t i = 0; i < count; ++i) {
        servers_.push_back(std::make_unique<TestServer>());
        TestServer& server = *servers_.back();
        server.cluster = this;
        server.core.identity.index = i;
        server.core.identity.count = count;
        server.core.identity.secret = 4711;
        server.core.identity.default_layout = {1 << 20, count, i};
    }
    for (std::uint32_t i = 0; i < count; ++i)
        start(i);
}

TestCluster::~TestCluster() {
    pending_.clear();
}

void TestCluster::start(std::uint32_t index) {
    TestServer& server = *servers_[index];
    server.upkeep.reset();
    if (server.names) graveyard_.push_back(std::move(server.names));
    server.up = true;
    server.dead = false;
    const auto write_allowed = [this, &server] {
        if (!server.dead && strike(Fault::kWriteFails)) {
            server.dead = true;
            server.up = false;
        }
        return !server.dead;
    };
    server.names = std::make_unique<Namespace>(
        std::make_unique<CrashingKv>(server.kept, write_allowed), server.core.identity, test_clock);
    server.capabilities = std::make_unique<Capabilities>(server.core.identity.secret);
    server.core.names = server.names.get();
    server.core.store = &server.store;
    server.core.peers = &server;
    server.core.capabilities = server.capabilities.get();
    server.peer_sessions.clear();
    for (std::uint32_t i = 0; i < count(); ++i) {
        server.peer_sessions.push_back(std::make_unique<Session>());
        server.peer_sessions.back()->is_server = true;
        server.peer_sessions.back()->credentials = {0, 0, {}};
    }
    const Status loaded = server.names->load();
    if (!loaded.ok()) std::abort();
    server.upkeep = std::make_unique<Upkeep>(server.core);
}

void TestCluster::restart(std::uint32_t index) {
    // The frames of its requests go, and what they hold with them.
    std::erase_if(pending_, [index](const Pending& one) { return one.server == index; });
    for (auto& other : servers_)
        if (other->names && other->core.identity.index != index)
            other->names->end_session(*other->peer_sessions[index]);
    for (auto& client : clients_)
        client->sessions[index]->open_files.clear();
    start(index);
}

void TestCluster::restart_dead() {
    for (std::uint32_t i = 0; i < count(); ++i)
        if (servers_[i]->dead) restart(i);
}

TestCluster::Client& TestCluster::new_client(uid_t uid, gid_t gid, std::vector<gid_t> groups) {
    clients_.push_back(std::make_unique<Client>());
    Client& client = *clients_.back();
    client.who = {uid, gid, std::move(groups)};
    for (std::uint32_t i = 0; i < count(); ++i) {
        client.sessions.push_back(std::make_unique<Session>());
        client.sessions.back()->credentials = client.who;
    }
    return client;
}

void TestCluster::end(Client& client) {
    for (std::uint32_t i = 0; i < count(); ++i)
        servers_[i]->names->end_session(*client.sessions[i]);
}

Running TestCluster::run(std::uint32_t server, const OpEntry& entry, Request& request,
                         OnEnd on_end) {
    const Status status = co_await entry.handler(servers_[server]->core, request);
    const auto written = request.reply.written();
    if (status.ok())
        on_end(status, {written.begin(), written.end()});
    else
        on_end(status, {});
}

void TestCluster::send(Client& client, std::uint32_t server, protocol::Op op,
                       std::vector<std::byte> body, OnEnd on_end) {
    std::erase_if(pending_, [](const Pending& one) { return one.running && one.running->done(); });
    pending_.push_back({server, std::make_unique<Request>(), std::nullopt});
    Pending& pending = pending_.back();
    Request& request = *pending.request;
    request.session = client.sessions[server].get();
    request.header.op = op;
    request.body = std::move(body);
    request.reply_buffer.resize(kReplyBytes);
    request.reply = protocol::Writer(request.reply_buffer);
    pending.running.emplace(
        run(server, table_[static_cast<std::size_t>(op)], *pending.request, std::move(on_end)));
}

Status TestCluster::call(Client& client, std::uint32_t server, protocol::Op op,
                         std::vector<std::byte> body, std::vector<std::byte>& reply) {
    Status result = Status::from_errno(ENOTRECOVERABLE);
    send(client, server, op, std::move(body), [&](Status status, std::vector<std::byte> bytes) {
        result = status;
        reply = std::move(bytes);
    });
    return result;  // a request that a fault cut off never speaks to this frame again
}

bool TestCluster::step() {
    if (waiting_.empty()) return false;
    const std::size_t chosen = random_() % waiting_.size();
    const auto next = waiting_[chosen];
    waiting_[chosen] = waiting_.back();
    waiting_.pop_back();
    next.resume();
    return true;
}

std::size_t TestCluster::unfinished() {
    std::erase_if(pending_, [](const Pending& one) { return one.running && one.running->done(); });
    return pending_.size();
}

bool TestCluster::strike(Fault::Kind kind) {
    if (fault_.kind != kind || fault_.at == 0 || fired_) return false;
    if (--fault_.at > 0) return false;
    fired_ = true;
    return true;
}

void TestCluster::settle() {
    fault_ = {};
    for (int round = 0; round < 100; ++round) {
        bool idle = true;
        for (auto& server : servers_) {
            server->upkeep->tick();
            while (step()) {
            }
            idle = idle && server->upkeep->idle();
        }
        if (idle) return;
    }
}

}  // namespace orfa::server
