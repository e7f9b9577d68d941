// SPDX-License-Identifier: MIT
// HELLO, PING and STATUS.
#include "common/log.hpp"
#include "protocol/io_messages.hpp"
#include "server/clock.hpp"
#include "server/core.hpp"
#include "server/locks/lock_service.hpp"
#include "server/service.hpp"
#include "server/shard.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

namespace orfa::server {
namespace {

constexpr std::uint32_t kMaxGroups = 64;

// Whom a new session acts for; EACCES when it can't be known.
Status identify(const Core& core, const protocol::HelloRequest& hello,
                const std::vector<gid_t>& groups, Session& session) {
    if (session.identity.trusted) {
        session.credentials = {session.identity.uid, session.identity.gid, session.identity.groups};
        return {};
    }
    if (!core.identity.trust_client_ids) {
        ORFA_LOG(server, warn, "refusing %s: no way to authenticate it",
                 session.identity.address.c_str());
        return Status::from_errno(EACCES);
    }
    session.credentials = {hello.uid, hello.gid, groups};
    return {};
}

Task<Status> handle_hello(Core& core, Request& request) {
    protocol::Reader reader = request.reader();
    protocol::HelloRequest hello{};
    std::vector<gid_t> groups;
    Session& session = *request.session;
    const ServerIdentity& self = core.identity;
    if (!reader.get(hello) || hello.magic != protocol::kHelloMagic || session.greeted ||
        hello.group_count > kMaxGroups || !reader.get_array(hello.group_count, groups) ||
        !reader.finished())
        co_return Status::from_errno(EPROTO);
    if (hello.server_index != self.index || hello.server_count != self.count) {
        ORFA_LOG(server, warn, "%s takes this server for number %u of %u; it is %u of %u",
                 session.identity.address.c_str(), hello.server_index, hello.server_count,
                 self.index, self.count);
        co_return Status::from_errno(EINVAL);
    }
    if (hello.kind == static_cast<std::uint32_t>(protocol::PeerKind::kServer)) {
        if (hello.cluster_secret != self.secret) co_return Status::from_errno(EACCES);
        session.is_server = true;
        session.credentials = {0, 0, {}};
    } else if (const Status known = identify(core, hello, groups, session); !known.ok()) {
        co_return known;
    }
    session.greeted = true;
    const auto list_entries = protocol::kMaxListEntries;
    request.reply.put(protocol::HelloReply{self.epoch, self.cluster_id, protocol::kRootIno,
                                           self.default_layout.stripe_size,
                                           self.default_layout.stripe_count, self.index, self.count,
                                           static_cast<std::uint32_t>(request.reply_buffer.size()),
                                           list_entries, self.durable ? 1U : 0U});
    co_return Status();
}

Task<Status> handle_ping(Core&, Request&) {
    co_return Status();
}

Task<Status> handle_status(Core& core, Request& request) {
    const auto uptime_ns = monotonic_ns() - core.shard->started_ns();
    const StoreUsage usage = core.store->usage();
    const ShardCounters& counters = core.shard->counters;
    // Done by clients themselves, with one copy.
    const fabric::ExposedFigures in_place = core.shard->exposed_figures();
    const std::uint64_t bytes_in_place = in_place.bytes_read + in_place.bytes_written;
    const LockTable& locks = core.locks->locks();
    request.reply.put_string(fmt::format(
        R"({{"index":{},"pid":{},"uptime_seconds":{:.3f},"transports":"{}","sessions":{},)"
        R"("memory_limit":{},"memory_used":{},"memory_ready":{},"memory_mapped":{},"objects":{},"requests":{},)"
        R"("request_bytes":{},"failed_requests":{},"bytes_read":{},"bytes_written":{},)"
        R"("bytes_copied":{},"bytes_in_place":{},"rma_operations":{},)"
        R"("timed_requests":{},"timed_ns":{},"timed_moving_ns":{},"timed_store_ns":{},)"
        R"("locks":{},"locks_waiting":{},"counters":{}}})",
        core.identity.index, getpid(), static_cast<double>(uptime_ns) * 1e-9,
        core.shard->transports(), core.shard->session_count(), usage.limit, usage.used, usage.ready,
        usage.mapped, usage.objects, counters.requests, counters.request_bytes,
        counters.failed_requests, counters.bytes_read + in_place.bytes_read,
        counters.bytes_written + in_place.bytes_written, counters.bytes_copied + bytes_in_place,
        bytes_in_place, counters.rma_operations, counters.timed.count, counters.timed.ns,
        counters.timed.moving_ns, counters.timed.store_ns, locks.size(), locks.waiting(),
        core.locks->counters().size()));
    co_return Status();
}

}  // namespace

void add_session_handlers(OpTable& table) {
    entry_of(table, protocol::Op::kHello) = {handle_hello, false, "hello"};
    entry_of(table, protocol::Op::kPing) = {handle_ping, false, "ping"};
    entry_of(table, protocol::Op::kStatus) = {handle_status, false, "status"};
}

}  // namespace orfa::server
