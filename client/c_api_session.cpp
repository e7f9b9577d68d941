// SPDX-License-Identifier: MIT
// orfa.h: sessions, status, counters.
#include "client/c_api_util.hpp"
#include "client/core/error_text.hpp"
#include "common/log.hpp"
#include "fabric/registration_report.hpp"
#include "protocol/codec.hpp"

#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using orfa::Status;
using orfa::client::guarded;
using orfa::client::Session;
using orfa::client::unwrap;

namespace {

using Maker = orfa::Result<std::unique_ptr<Session>>(const std::string& servers);

// NULL: the servers of the environment.
orfa_session* session_by(Maker* maker, const char* servers) {
    return guarded<orfa_session*>(nullptr, [&]() -> orfa_session* {
        if (servers == nullptr) servers = std::getenv("ORFA_SERVERS");
        if (servers == nullptr || *servers == '\0') {
            errno = orfa::client::fail(Status::from_errno(EINVAL),
                                       "no servers: ORFA_SERVERS is not set (orfa cluster start "
                                       "prints it, orfa env again)")
                        .err();
            return nullptr;
        }
        auto session = maker(servers);
        if (!session.ok()) {
            errno = session.status().err();
            return nullptr;
        }
        return orfa::client::wrap((*session).release());
    });
}

// As much of it as fits, and its whole length.
ssize_t copy_text(std::string_view from, char* text, size_t size) {
    if (size > 0) {
        const std::size_t copied = std::min(size - 1, from.size());
        std::memcpy(text, from.data(), copied);
        text[copied] = '\0';
    }
    return static_cast<ssize_t>(from.size());
}

// The process's own session. Never destroyed: the program may use it up to its last moment.
constinit pthread_mutex_t default_mutex = PTHREAD_MUTEX_INITIALIZER;  // protects default_session
constinit orfa_session* default_session = nullptr;

// At the process' end: what its own session did.
void log_counters() {
    pthread_mutex_lock(&default_mutex);
    orfa_session* const session = default_session;
    pthread_mutex_unlock(&default_mutex);
    if (session == nullptr) return;
    orfa_counters done{};
    orfa_counters_of(session, &done);
    const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    ORFA_LOG(client, info,
             "at the end: %llu requests, %llu bytes read, %llu written; registration cache: %llu "
             "hits, %llu misses, %llu invalidated; %llu bytes copied instead",
             number(done.requests), number(done.bytes_read), number(done.bytes_written),
             number(done.registration_hits), number(done.registration_misses),
             number(done.registration_invalidations), number(done.bytes_staged));
}

}  // namespace

extern "C" {

orfa_session* orfa_connect(const char* servers) {
    return session_by(Session::connect, servers);
}

orfa_session* orfa_default_session(void) {
    pthread_mutex_lock(&default_mutex);
    if (default_session == nullptr) {
        default_session = session_by(Session::make, nullptr);
        using orfa::log::Area;
        using orfa::log::Level;
        static bool asked = false;  // children of a fork have it from their parent
        if (default_session != nullptr && !asked && orfa::log::enabled(Area::kclient, Level::kinfo))
            asked = std::atexit(log_counters) == 0;
    }
    orfa_session* const session = default_session;
    pthread_mutex_unlock(&default_mutex);
    return session;
}

void orfa_disconnect(orfa_session* session) {
    delete &unwrap(session);
}

const char* orfa_error(void) {
    return orfa::client::last_error_text();
}

const char* orfa_version(void) {
    return ORFA_VERSION;
}

int orfa_server_count(orfa_session* session) {
    return static_cast<int>(unwrap(session).mesh().server_count());
}

int orfa_ping(orfa_session* session, int server) {
    return guarded(-1, [&] {
        Session& s = unwrap(session);
        std::vector<std::byte> reply;
        const auto index = static_cast<std::uint32_t>(server);
        if (index >= s.mesh().server_count())
            return orfa::client::fail_with(Status::from_errno(EINVAL));
        const Status status = s.mesh().call(index, orfa::protocol::Op::kPing, {}, reply);
        if (status.ok()) return 0;
        return orfa::client::fail_with(orfa::client::fail(status, "server %s: %s",
                                                          s.server_name(index).c_str(),
                                                          orfa::client::describe(status).c_str()));
    });
}

ssize_t orfa_registration_report(char* text, size_t size) {
    return guarded<ssize_t>(-1, [&]() -> ssize_t {
        return copy_text(orfa::fabric::to_json(orfa::fabric::report_registration()), text, size);
    });
}

ssize_t orfa_server_status(orfa_session* session, int server, char* text, size_t size) {
    return guarded<ssize_t>(-1, [&]() -> ssize_t {
        Session& s = unwrap(session);
        std::vector<std::byte> reply;
        const auto index = static_cast<std::uint32_t>(server);
        if (index >= s.mesh().server_count())
            return orfa::client::fail_with(Status::from_errno(EINVAL));
        Status status = s.mesh().call(index, orfa::protocol::Op::kStatus, {}, reply);
        orfa::protocol::Reader reader(reply);
        std::string_view json;
        if (status.ok() && !reader.get_string(json)) status = Status::from_errno(EPROTO);
        if (!status.ok())
            return orfa::client::fail_with(
                orfa::client::fail(status, "server %s: %s", s.server_name(index).c_str(),
                                   orfa::client::describe(status).c_str()));
        return copy_text(json, text, size);
    });
}

int orfa_progress(orfa_session* session) {
    return guarded(-1, [&] { return static_cast<int>(unwrap(session).mesh().poll()); });
}

void orfa_counters_of(orfa_session* session, orfa_counters* out) {
    Session& s = unwrap(session);
    out->requests = s.mesh().requests_sent();
    out->bytes_read = s.counters.bytes_read.load(std::memory_order_relaxed);
    out->bytes_written = s.counters.bytes_written.load(std::memory_order_relaxed);
    out->bytes_in_place = s.counters.bytes_in_place.load(std::memory_order_relaxed);
    out->bytes_packed = s.counters.bytes_packed.load(std::memory_order_relaxed);
    s.mesh().connections(out->connections);
    const orfa::fabric::RegistrationFigures memory = s.mesh().registration_figures();
    out->registrations = memory.registered;
    out->registration_hits = memory.hits;
    out->registration_misses = memory.misses;
    out->registration_invalidations = memory.invalidated;
    out->bytes_staged = memory.bytes_staged;
    const orfa::client::TimedTransfers& timed = s.counters.timed;
    out->timed_transfers = timed.count.load(std::memory_order_relaxed);
    out->timed_ns = timed.ns.load(std::memory_order_relaxed);
    out->timed_waiting_ns = timed.waiting_ns.load(std::memory_order_relaxed);
}

uint64_t orfa_bytes_in_place(orfa_session* session) {
    return unwrap(session).counters.bytes_in_place.load(std::memory_order_relaxed);
}

}  // extern "C"
