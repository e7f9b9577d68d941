// SPDX-License-Identifier: MIT
#include "rpc/channel.hpp"

#include "common/log.hpp"
#include "protocol/codec.hpp"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace orfa::rpc {
namespace {

constexpr int kMaxGroups = 64;

std::vector<gid_t> own_groups() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
    const int n = getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<std::size_t>(std::clamp(n, 0, kMaxGroups)));
    return groups;
}

}  // namespace

Status Channel::greet(Route route, const MeshOptions& options,
                      const std::uint64_t (&session_id)[2]) {
    static_assert(sizeof(gid_t) == sizeof(std::uint32_t));
    const auto groups = own_groups();
    protocol::HelloRequest hello{};
    hello.magic = protocol::kHelloMagic;
    std::copy(std::begin(session_id), std::end(session_id), std::begin(hello.session_id));
    hello.uid = geteuid();
    hello.gid = getegid();
    hello.kind = static_cast<std::uint32_t>(options.kind);
    hello.server_index = server_;
    hello.server_count = static_cast<std::uint32_t>(options.servers.size());
    hello.group_count = static_cast<std::uint32_t>(groups.size());
    hello.cluster_secret = options.cluster_secret;

    is_client_ = options.kind == protocol::PeerKind::kClient;
    route_ = route;
    credits_ = 1;
    state_ = State::kGreeting;
    greet_error_ = Status();
    scratch_.clear();
    return send(protocol::Op::kHello, as_body(hello), std::as_bytes(std::span(groups)), &greeter_);
}

void Channel::Greeting::on_reply(Status status, std::span<const std::byte> body) {
    Channel& c = channel_;
    protocol::Reader reader(body);
    if (status.ok() && (!reader.get(c.greeting_) || c.greeting_.server_index != c.server_))
        status = Status::from_errno(EPROTO);
    if (status.ok()) status = c.check_epoch();
    c.greet_error_ = status;
    if (status.ok()) {
        c.state_ = State::kUp;
        return;
    }
    if (c.state_ != State::kGreeting) return;  // fail() is at work
    const Route route = c.route_;
    c.state_ = State::kDown;
    if (route.endpoint != nullptr) route.endpoint->disconnect(route.peer);
}

// A client's session ends with the servers it began with: what those held in memory, open files
// among it, went with them. Servers among each other have no such state.
Status Channel::check_epoch() {
    std::uint64_t& known = mesh_.epochs_[server_];
    if (known == 0 || greeting_.durable != 0 || !is_client_) known = greeting_.epoch;
    return Status::from_errno(known == greeting_.epoch ? 0 : ESTALE);
}

Status Channel::start(protocol::Op op, std::span<const std::byte> head,
                      std::span<const std::byte> tail, Call& call) {
    if (state_ != State::kUp) return Status::from_errno(ENOTCONN);
    if (sizeof(protocol::RequestHeader) + head.size() + tail.size() >
        route_.endpoint->max_message())
        return Status::from_errno(EMSGSIZE);
    if (queued_.empty() && may_send()) return send(op, head, tail, &call);
    Queued waiting{op, {head.begin(), head.end()}, &call};
    waiting.body.insert(waiting.body.end(), tail.begin(), tail.end());
    queued_.push_back(std::move(waiting));
    return {};
}

Status Channel::send(protocol::Op op, std::span<const std::byte> head,
                     std::span<const std::byte> tail, Call* call) {
    // A request that stays long at the server (for a lock) keeps its slot; later ones go around it.
    while (slot_of(next_id_).id != 0)
        ++next_id_;
    const std::uint64_t id = next_id_;
    const protocol::RequestHeader header{protocol::kVersion, op,
                                         static_cast<std::uint32_t>(head.size() + tail.size()), id,
                                         oldest_id_};
    scratch_.resize(sizeof(header) + head.size());
    protocol::Writer writer(scratch_);
    writer.put(header);
    writer.put_bytes(head);
    ORFA_TRY(route_.endpoint->send(route_.peer, writer.written(), tail));
    slot_of(id) = {id, call};
    ++next_id_;
    ++mesh_.requests_sent_;
    if (outstanding_++ == 0) heard_ = true;  // the silence starts now
    return {};
}

void Channel::send_queued() {
    while (!queued_.empty() && state_ == State::kUp && may_send()) {
        const Queued next = std::move(queued_.front());
        queued_.pop_front();
        if (const Status sent = send(next.op, next.body, {}, next.call); !sent.ok())
            next.call->on_reply(sent, {});
    }
}

void Channel::on_message(std::span<const std::byte> message) {
    protocol::Reader reader(message);
    protocol::ReplyHeader header{};
    const bool sound = reader.get(header) && header.version == protocol::kVersion &&
                       reader.rest().size() == header.body_bytes && header.error >= 0;
    Slot& slot = slot_of(header.request_id);
    if (!sound || slot.id != header.request_id || slot.id == 0) {
        ORFA_LOG(client, error, "server %u sent %zu bytes that are no reply to us; disconnecting",
                 server_, message.size());
        const Route route = route_;
        fail(Status::from_errno(EPROTO));
        if (route.endpoint != nullptr) route.endpoint->disconnect(route.peer);
        return;
    }
    heard_ = true;
    credits_ =
        std::clamp<std::uint32_t>(header.credits, 1, static_cast<std::uint32_t>(slots_.size()));
    Call* call = slot.call;
    slot = {};
    --outstanding_;
    while (oldest_id_ < next_id_ && slot_of(oldest_id_).id != oldest_id_)
        ++oldest_id_;
    if (call == nullptr)
        pinged_ = false;
    else
        call->on_reply(Status::from_errno(header.error), reader.rest());
    if (!queued_.empty()) send_queued();
}

void Channel::fail(Status why) {
    state_ = State::kDown;
    route_ = {nullptr, fabric::PeerId::kNone};
    const auto slots = std::exchange(slots_, {});
    const auto queued = std::exchange(queued_, {});
    outstanding_ = 0;
    oldest_id_ = next_id_;
    pinged_ = false;
    for (const Slot& slot : slots)
        if (slot.id != 0 && slot.call != nullptr) slot.call->on_reply(why, {});
    for (const Queued& request : queued)
        request.call->on_reply(why, {});
}

void Channel::forget() {
    state_ = State::kDown;
    route_ = {nullptr, fabric::PeerId::kNone};
    slots_ = {};
    queued_.clear();
    outstanding_ = 0;
    next_id_ = oldest_id_ = 1;
    pinged_ = false;
}

bool Channel::check_silence(Mesh::Clock::time_point now, std::chrono::milliseconds timeout) {
    if (outstanding_ == 0) return true;
    if (heard_) {
        heard_ = false;
        last_heard_ = now;
        return true;
    }
    if (now - last_heard_ > timeout) return false;
    if (now - last_heard_ > timeout / 3 && !pinged_ && state_ == State::kUp && has_slot())
        pinged_ = send(protocol::Op::kPing, {}, {}, nullptr).ok();
    return true;
}

}  // namespace orfa::rpc
