// SPDX-License-Identifier: MIT
#include "server/shard.hpp"

#include "common/log.hpp"
#include "server/clock.hpp"
#include "server/core.hpp"
#include "server/gatherings.hpp"
#include "server/locks/lock_service.hpp"
#include "server/namespace/namespace.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

namespace orfa::server {
namespace {

// Requests a client may have outstanding.
constexpr std::uint32_t kCredits = 64;
// Clients may ping without a credit; who has much more under way does not keep to them.
constexpr std::uint32_t kMostUnderWay = 2 * kCredits;

}  // namespace

class Shard::Port final : public fabric::EndpointEvents {
  public:
    explicit Port(Shard& shard) : shard_(shard) {}

    void on_peer_up(fabric::PeerId peer, const fabric::PeerIdentity& identity) override {
        auto session = std::make_unique<Session>();
        session->endpoint = endpoint.get();
        session->peer = peer;
        session->identity = identity;
        sessions[peer] = std::move(session);
        ++shard_.sessions_;
    }
    void on_message(fabric::PeerId peer, std::span<const std::byte> message) override {
        const auto found = sessions.find(peer);
        if (found != sessions.end() && found->second->connected)
            shard_.on_message(*found->second, message);
    }
    void on_peer_down(fabric::PeerId peer, Status why) override {
        const auto found = sessions.find(peer);
        if (found == sessions.end()) return;
        ORFA_LOG(server, debug, "%s has gone (errno %d)", found->second->identity.address.c_str(),
                 why.err());
        shard_.end_session(*found->second);
    }

    std::unique_ptr<fabric::Endpoint> endpoint;
    std::unordered_map<fabric::PeerId, std::unique_ptr<Session>> sessions;

  private:
    Shard& shard_;
};

Shard::Shard(Core& core, const OpTable& ops)
    : core_(core),
      ops_(ops),
      started_ns_(monotonic_ns()),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
}

Shard::~Shard() = default;

fabric::EndpointEvents& Shard::new_port() {
    ports_.push_back(std::make_unique<Port>(*this));
    return *ports_.back();
}

void Shard::set_endpoint(std::unique_ptr<fabric::Endpoint> endpoint) {
    if (!transports_.empty()) transports_ += ',';
    transports_ += endpoint->name();
    ports_.back()->endpoint = std::move(endpoint);
}

void Shard::announce_pool(std::span<std::byte> memory, std::size_t piece) {
    for (auto& port : ports_)
        port->endpoint->announce_pool(memory, piece);
}

void Shard::expose(int fd, std::size_t bytes) {
    for (auto& port : ports_)
        port->endpoint->expose(fd, bytes);
}

void Shard::exposed_parts_in_use(std::vector<std::uint64_t>& out) const {
    for (const auto& port : ports_)
        port->endpoint->exposed_parts_in_use(out);
}

fabric::ExposedFigures Shard::exposed_figures() const {
    fabric::ExposedFigures all;
    for (const auto& port : ports_) {
        const fabric::ExposedFigures figures = port->endpoint->exposed_figures();
        all.bytes_read += figures.bytes_read;
        all.bytes_written += figures.bytes_written;
    }
    return all;
}

void Shard::post(std::function<void()> work) {
    {
        const std::lock_guard<std::mutex> lock(posted_mutex_);
        posted_.push_back(std::move(work));
    }
    has_posted_.store(true, std::memory_order_release);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

void Shard::after(int delay_ms, std::function<void()> work) {
    timers_.push_back({0, monotonic_ms() + delay_ms, std::move(work)});
}

void Shard::every(int interval_ms, std::function<void()> work) {
    timers_.push_back({interval_ms, monotonic_ms() + interval_ms, std::move(work)});
}

void Shard::begin_stop() {
    core_.locks->stop();
    core_.gatherings->stop();
}

bool Shard::is_idle() const {
    return free_requests_.size() == requests_.size() && expected_ == 0;
}

std::size_t Shard::poll() {
    std::size_t events = run_turns();
    for (const auto& port : ports_)
        events += port->endpoint->poll();
    if (has_posted_.load(std::memory_order_acquire)) events += run_posted();
    return events;
}

std::vector<int> Shard::wait_fds() const {
    std::vector<int> fds;
    for (const auto& port : ports_)
        fds.push_back(port->endpoint->wait_fd());
    return fds;
}

void Shard::set_busy(bool busy) {
    for (const auto& port : ports_)
        port->endpoint->set_busy(busy);
}

bool Shard::arm() {
    bool quiet = turns_.empty() && !has_posted_.load(std::memory_order_acquire);
    for (const auto& port : ports_)
        quiet = quiet && port->endpoint->arm();
    return quiet;
}

void Shard::disarm() {
    for (const auto& port : ports_)
        port->endpoint->disarm();
}

std::size_t Shard::run_turns() {
    const std::size_t count = turns_.size();
    for (std::size_t i = 0; i < count; ++i) {
        const auto next = turns_.front();
        turns_.pop_front();
        next.resume();
    }
    return count;
}

std::size_t Shard::run_posted() {
    std::vector<std::function<void()>> work;
    {
        const std::lock_guard<std::mutex> lock(posted_mutex_);
        work.swap(posted_);
        has_posted_.store(false, std::memory_order_relaxed);
    }
    for (auto& item : work)
        item();
    return work.size();
}

int Shard::run_timers() {
    int soonest = std::numeric_limits<int>::max();
    // The work may start others.
    for (auto timer = timers_.begin(); timer != timers_.end();) {
        const std::int64_t now = monotonic_ms();
        if (now >= timer->next_ms) {
            timer->next_ms = now + timer->interval_ms;
            timer->work();
            if (timer->interval_ms == 0) {
                timer = timers_.erase(timer);
                continue;
            }
        }
        soonest = std::min(soonest, static_cast<int>(timer->next_ms - now));
        ++timer;
    }
    return std::max(soonest, 0);
}

Request* Shard::take_request(const fabric::Endpoint& endpoint) {
    if (free_requests_.empty()) {
        requests_.push_back(std::make_unique<Request>());
        free_requests_.push_back(requests_.back().get());
    }
    Request* request = free_requests_.back();
    free_requests_.pop_back();
    request->reply_buffer.resize(endpoint.max_message() - sizeof(protocol::ReplyHeader));
    request->reply = protocol::Writer(request->reply_buffer);
    return request;
}

void Shard::give_back(Request* request) {
    request->session = nullptr;
    free_requests_.push_back(request);
}

void Shard::on_message(Session& session, std::span<const std::byte> message) {
    protocol::Reader reader(message);
    protocol::RequestHeader header{};
    if (!reader.get(header)) return reject(session, "a message shorter than a header");
    if (header.version != protocol::kVersion)
        return reject(session, "another version of the protocol");
    if (reader.rest().size() != header.body_bytes) return reject(session, "a wrong body length");
    const auto op = static_cast<std::uint16_t>(header.op);
    const OpEntry* entry = op < ops_.size() ? &ops_[op] : nullptr;
    if (entry == nullptr || entry->handler == nullptr) return reject(session, "an unknown request");
    if (!session.greeted && header.op != protocol::Op::kHello)
        return reject(session, "a request before HELLO");

    if (session.requests_under_way >= kMostUnderWay)
        return reject(session, "more requests than it has credits for");

    Request* request = take_request(*session.endpoint);
    request->session = &session;
    request->header = header;
    request->body.assign(reader.rest().begin(), reader.rest().end());
    request->times = {};
    const bool is_data = header.op == protocol::Op::kRead || header.op == protocol::Op::kWrite;
    if (is_data && ++counters.data_requests % RequestTimes::kOneIn == 0)
        request->times.arrived = monotonic_ns();
    ++session.requests_under_way;
    ++counters.requests;
    counters.request_bytes += sizeof(header) + request->body.size();
    serve(request, entry);
}

Detached Shard::serve(Request* request, const OpEntry* entry) {
    Status status = Status::from_errno(EPERM);
    if (!entry->servers_only || request->session->is_server)
        status = co_await entry->handler(core_, *request);
    reply(*request, status);
    request->times.end(counters.timed);
    Session& session = *request->session;
    give_back(request);
    --session.requests_under_way;
    if (status.err() == EPROTO) reject(session, entry->name);
    destroy_if_idle(session);
}

void Shard::reply(Request& request, Status status) {
    if (status.ok() && request.reply.overflowed()) status = Status::from_errno(EMSGSIZE);
    if (!status.ok()) {
        request.reply.rewind(0);
        ++counters.failed_requests;
    }
    Session& session = *request.session;
    if (!session.connected) return;
    const protocol::ReplyHeader header{protocol::kVersion,
                                       request.header.op,
                                       static_cast<std::uint32_t>(request.reply.size()),
                                       request.header.request_id,
                                       status.err(),
                                       kCredits};
    const Status sent = session.endpoint->send(session.peer, std::as_bytes(std::span(&header, 1)),
                                               request.reply.written());
    if (!sent.ok())
        ORFA_LOG(server, debug, "no reply to %s: errno %d", session.identity.address.c_str(),
                 sent.err());
}

void Shard::reject(Session& session, const char* why) {
    if (!session.connected) return;
    ORFA_LOG(server, warn, "disconnecting %s: bad request (%s)", session.identity.address.c_str(),
             why);
    session.endpoint->disconnect(session.peer);
}

void Shard::end_session(Session& session) {
    session.connected = false;
    core_.locks->end_session(session);
    destroy_if_idle(session);
}

void Shard::destroy_if_idle(Session& session) {
    if (session.connected || session.requests_under_way > 0) return;
    core_.names->end_session(session);
    --sessions_;
    for (const auto& port : ports_) {
        if (port->endpoint.get() != session.endpoint) continue;
        port->sessions.erase(session.peer);
        return;
    }
}

}  // namespace orfa::server
