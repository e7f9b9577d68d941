// SPDX-License-Identifier: MIT
#include "rpc/mesh.hpp"

#include "common/log.hpp"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "rpc/channel.hpp"

namespace orfa::rpc {
namespace {

// Before a waiting thread blocks it lets others run for this long, in the hope that the reply
// comes: waking a blocked one costs 5 us on a busy processor and up to 70 us on a sleeping one. So
// long that a reply of 1 MiB is not missed while other ranks are served first.
constexpr std::chrono::microseconds kLongestYielding{400};
// With libfabric once: more were found to hold up the peers (0.02 GB/s where 1 gave 1.8).
constexpr int kYieldsWithOfi = 1;
// A blocked thread looks after silent servers this often.
constexpr std::chrono::milliseconds kLongestBlock{500};
constexpr std::uint32_t kPollsPerClock = 4096;

class BlockingCall final : public Call {
  public:
    explicit BlockingCall(std::vector<std::byte>& reply) : reply_(reply) {}
    void on_reply(Status status, std::span<const std::byte> body) override {
        status_ = status;
        reply_.assign(body.begin(), body.end());
        done_ = true;
    }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] Status status() const { return status_; }

  private:
    std::vector<std::byte>& reply_;
    Status status_;
    bool done_ = false;
};

}  // namespace

void Mesh::Events::attach(fabric::PeerId peer, Channel* channel) {
    channels_.emplace_back(peer, channel);
}

void Mesh::Events::detach(fabric::PeerId peer) {
    std::erase_if(channels_, [&](const auto& entry) { return entry.first == peer; });
}

Channel* Mesh::Events::find(fabric::PeerId peer) const {
    for (const auto& [id, channel] : channels_)
        if (id == peer) return channel;
    return nullptr;
}

void Mesh::Events::on_message(fabric::PeerId peer, std::span<const std::byte> message) {
    if (Channel* channel = find(peer); channel != nullptr) channel->on_message(message);
}

void Mesh::Events::on_peer_down(fabric::PeerId peer, Status why) {
    Channel* channel = find(peer);
    detach(peer);
    if (channel == nullptr || channel->route().peer != peer) return;
    ORFA_LOG(client, info, "lost a server: errno %d", why.err());
    // EPROTO says more than that the connection has ended.
    channel->fail(Status::from_errno(why.err() == EPROTO ? EPROTO : ECONNRESET));
}

Mesh::Mesh(MeshOptions options) : options_(std::move(options)), epochs_(options_.servers.size()) {
    setup();
}

void Mesh::setup() {
    if (getrandom(session_id_, sizeof(session_id_), 0) != sizeof(session_id_))
        session_id_[0] = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
    wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    connector_ = std::make_unique<Connector>(options_.connector, local_events_, ofi_events_);
    channels_.clear();
    for (std::uint32_t server = 0; server < server_count(); ++server)
        channels_.push_back(std::make_unique<Channel>(*this, server));
}

Mesh::~Mesh() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

Status Mesh::connect(std::uint32_t server) {
    const MutexLock lock(mutex_);
    return connect_locked(server);
}

Status Mesh::connect_locked(std::uint32_t server) {
    if (server >= server_count()) return Status::from_errno(EINVAL);
    Channel& channel = *channels_[server];
    const auto timeout = std::chrono::milliseconds(options_.timeout_ms);
    const auto deadline = Clock::now() + timeout;
    const auto greeted = [&] { return channel.state() != Channel::State::kGreeting; };
    if (channel.state() == Channel::State::kGreeting && !wait_locked(greeted, deadline))
        return Status::from_errno(ETIMEDOUT);
    if (channel.state() == Channel::State::kUp) return {};

    const auto connection = connector_->connect(options_.servers[server], options_.timeout_ms);
    if (!connection.ok()) return connection.status();
    const Route route{(*connection).endpoint, (*connection).peer};
    Events& events = route.endpoint == connector_->local() ? local_events_ : ofi_events_;
    events.attach(route.peer, &channel);
    if (const Status sent = channel.greet(route, options_, session_id_); !sent.ok()) {
        channel.fail(sent);
        route.endpoint->disconnect(route.peer);
        return sent;
    }
    if (!wait_locked(greeted, deadline)) {
        channel.fail(Status::from_errno(ETIMEDOUT));
        route.endpoint->disconnect(route.peer);
        return Status::from_errno(ETIMEDOUT);
    }
    if (channel.state() == Channel::State::kUp) return {};
    return channel.greet_error().ok() ? Status::from_errno(ECONNRESET) : channel.greet_error();
}

bool Mesh::is_connected(std::uint32_t server) {
    const MutexLock lock(mutex_);
    return channels_[server]->state() == Channel::State::kUp;
}

Result<protocol::HelloReply> Mesh::greeting(std::uint32_t server) {
    const MutexLock lock(mutex_);
    if (const Status connected = connect_locked(server); !connected.ok()) return connected;
    return channels_[server]->greeting();
}

Status Mesh::call(std::uint32_t server, protocol::Op op, std::span<const std::byte> body,
                  std::vector<std::byte>& reply) {
    const MutexLock lock(mutex_);
    BlockingCall call(reply);
    ORFA_TRY(connect_locked(server));
    ORFA_TRY(start(server, op, body, {}, call));
    wait_locked([&] { return call.done(); });
    return call.status();
}

Status Mesh::start(std::uint32_t server, protocol::Op op, std::span<const std::byte> head,
                   std::span<const std::byte> tail, Call& call) {
    if (server >= server_count()) return Status::from_errno(EINVAL);
    // Sending may have made the transport take in what the blocked thread waits for.
    if (blocked_) wake();
    return channels_[server]->start(op, head, tail, call);
}

Result<Route> Mesh::route(std::uint32_t server) {
    if (server >= server_count()) return Status::from_errno(EINVAL);
    if (channels_[server]->state() != Channel::State::kUp) return Status::from_errno(ENOTCONN);
    return channels_[server]->route();
}

void Mesh::notice() {
    const auto* endpoint = connector_->local();
    if (endpoint != nullptr && endpoint->is_due() && poll_locked() > 0) wake();
}

std::size_t Mesh::poll() {
    const MutexLock lock(mutex_);
    const std::size_t events = poll_locked();
    if (events > 0) wake();
    return events;
}

std::size_t Mesh::poll_locked() {
    std::size_t events = 0;
    if (auto* endpoint = connector_->local(); endpoint != nullptr) events += endpoint->poll();
    if (auto* endpoint = connector_->ofi(); endpoint != nullptr) events += endpoint->poll();
    if (++polls_ >= kPollsPerClock) check_silence();
    return events;
}

void Mesh::check_silence() {
    polls_ = 0;
    const auto now = Clock::now();
    for (auto& channel : channels_) {
        if (channel->check_silence(now, std::chrono::milliseconds(options_.timeout_ms))) continue;
        const Route route = channel->route();
        ORFA_LOG(
            client, error, "server %s:%u has been silent for %d ms; giving it up",
            options_.servers[static_cast<std::size_t>(&channel - channels_.data())].host.c_str(),
            options_.servers[static_cast<std::size_t>(&channel - channels_.data())].port,
            options_.timeout_ms);
        channel->fail(Status::from_errno(ETIMEDOUT));
        if (route.endpoint != nullptr) route.endpoint->disconnect(route.peer);
    }
}

// Another thread has done what waiting ones may wait for, or taken the event that would have woken
// the one that is blocked.
void Mesh::wake() {
    if (followers_ > 0) changed_.notify_all();
    if (!blocked_) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

// Until another thread has handled something.
void Mesh::sleep_until(Clock::time_point deadline) {
    ++followers_;
    changed_.wait_until(mutex_, deadline);
    --followers_;
}

bool Mesh::drive_once(Clock::time_point deadline) {
    if (deadline != Clock::time_point::max() && Clock::now() >= deadline) {
        // Only a look; lead() would yield.
        if (poll_locked() > 0) wake();
        return false;
    }
    if (leader_) {
        sleep_until(std::min(deadline, Clock::now() + kLongestBlock));
    } else {
        leader_ = true;
        lead(deadline);
        leader_ = false;
        if (followers_ > 0) changed_.notify_all();
    }
    return deadline == Clock::time_point::max() || Clock::now() < deadline;
}

void Mesh::lead(Clock::time_point deadline) {
    const bool with_ofi = connector_->ofi() != nullptr;
    const auto end = Clock::now() + kLongestYielding;
    for (int round = 0; with_ofi ? round < kYieldsWithOfi : round == 0 || Clock::now() < end;
         ++round) {
        if (poll_locked() > 0) return;
        if (auto* endpoint = connector_->local(); endpoint != nullptr) endpoint->make_way();
        mutex_.unlock();
        sched_yield();
        mutex_.lock();
    }
    if (poll_locked() == 0) block(deadline);
}

void Mesh::block(Clock::time_point deadline) {
    pollfd fds[3];
    nfds_t count = 0;
    fds[count++] = {wake_.get(), POLLIN, 0};
    fabric::Endpoint* const endpoints[2] = {connector_->local(), connector_->ofi()};
    bool quiet = true;
    for (auto* endpoint : endpoints) {
        if (endpoint == nullptr) continue;
        quiet = endpoint->arm() && quiet;
        fds[count++] = {endpoint->wait_fd(), POLLIN, 0};
    }
    if (quiet) {
        auto longest = kLongestBlock;
        if (deadline != Clock::time_point::max())
            longest =
                std::clamp(std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()),
                           std::chrono::milliseconds(0), kLongestBlock);
        blocked_ = true;
        mutex_.unlock();
        const int ready = ::poll(fds, count, static_cast<int>(longest.count()));
        mutex_.lock();
        blocked_ = false;
        if (ready <= 0) check_silence();
        if (fds[0].revents != 0) {
            std::uint64_t drained = 0;
            [[maybe_unused]] const auto got = ::read(wake_.get(), &drained, sizeof(drained));
        }
    }
    for (auto* endpoint : endpoints)
        if (endpoint != nullptr) endpoint->disarm();
    poll_locked();
}

void Mesh::hold_progress() {
    if (++holds_ > 1) return;
    if (!thread_.joinable()) thread_ = std::thread([this] { progress_thread(); });
    changed_.notify_all();
}

void Mesh::release_progress() {
    const MutexLock lock(mutex_);
    --holds_;
}

void Mesh::progress_thread() {
    const MutexLock lock(mutex_);
    while (!stopping_) {
        if (holds_ > 0)
            drive_once(Clock::now() + kLongestBlock);
        else
            changed_.wait(mutex_);
    }
}

std::uint64_t Mesh::requests_sent() {
    const MutexLock lock(mutex_);
    return requests_sent_;
}

void Mesh::connections(std::uint64_t (&by_transport)[2]) {
    const MutexLock lock(mutex_);
    by_transport[0] = by_transport[1] = 0;
    for (const auto& channel : channels_)
        if (channel->state() == Channel::State::kUp)
            ++by_transport[channel->route().endpoint == connector_->local() ? 0 : 1];
}

fabric::RegistrationFigures Mesh::registration_figures() {
    const MutexLock lock(mutex_);
    auto* endpoint = connector_->ofi();
    return endpoint == nullptr ? fabric::RegistrationFigures{} : endpoint->registration_figures();
}

void Mesh::forget_after_fork() ORFA_NO_ANALYSIS {
    // Another thread of the parent may have held the lock, and its thread does not exist here: both
    // are made anew in place, without destroying what they were.
    new (&mutex_) Mutex();
    new (&changed_) std::condition_variable_any();
    new (&thread_) std::thread();
    leader_ = blocked_ = false;
    followers_ = holds_ = 0;
    if (auto* endpoint = connector_->local(); endpoint != nullptr) endpoint->forget_after_fork();
    if (auto* endpoint = connector_->ofi(); endpoint != nullptr) endpoint->forget_after_fork();
    for (auto& channel : channels_)
        channel->forget();
    local_events_.clear();
    ofi_events_.clear();
    setup();
}

}  // namespace orfa::rpc
