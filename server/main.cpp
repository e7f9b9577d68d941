// SPDX-License-Identifier: MIT
// orfa-server: wires the parts of one server together and runs it until SIGTERM or SIGINT.
#include "common/log.hpp"
#include "fabric/local_endpoint.hpp"
#include "fabric/ofi_endpoint.hpp"
#include "server/core.hpp"
#include "server/locks/lock_service.hpp"
#include "server/memory_store.hpp"
#include "server/namespace/memory_kv.hpp"
#include "server/namespace/namespace.hpp"
#include "server/namespace/rocks_kv.hpp"
#include "server/namespace/upkeep.hpp"
#include "server/options.hpp"
#include "server/peer_client.hpp"
#include "server/shard.hpp"

#include <fcntl.h>
#include <sys/random.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

namespace orfa::server {
namespace {

std::atomic<Shard*> running{nullptr};

void on_signal(int) {
    if (Shard* shard = running.load(); shard != nullptr) shard->stop();
}

// One line to whoever waits for the server to come up, then no more.
void report(int ready_fd, const std::string& line) {
    if (ready_fd < 0) return;
    [[maybe_unused]] const auto written = ::write(ready_fd, line.data(), line.size());
    ::close(ready_fd);
}

// Says what went wrong, to the log and to the waiting parent. Returns main()'s value.
int fail(const Options& options, const std::string& what, Status status) {
    const std::string text = what + ": " + std::strerror(status.err());
    ORFA_LOG(server, error, "%s", text.c_str());
    report(options.ready_fd, "error: " + text + "\n");
    return 1;
}

bool redirect_log(const Options& options) {
    if (options.log_file.empty()) return true;
    const int fd = open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    dup2(fd, STDERR_FILENO);
    ::close(fd);
    return true;
}

ServerIdentity make_identity(const Options& options) {
    ServerIdentity identity;
    identity.index = options.index;
    identity.count = static_cast<std::uint32_t>(options.servers.size());
    identity.cluster_id = options.cluster_id;
    identity.secret = options.secret;
    if (getrandom(&identity.epoch, sizeof(identity.epoch), 0) != sizeof(identity.epoch))
        identity.epoch = static_cast<std::uint64_t>(getpid());
    const std::uint32_t stripes = options.stripe_count == 0 ? identity.count : options.stripe_count;
    identity.default_layout = {options.stripe_size, stripes, options.index};
    identity.trust_client_ids = true;
    identity.durable = false;  // the memory store forgets, whatever keeps the names
    return identity;
}

Status listen(const Options& options, Shard& shard) {
    const fabric::Address& self = options.servers[options.index];
    if (options.transports.find("local") != std::string::npos) {
        fabric::LocalOptions local;
        local.listen_port = self.port;
        auto endpoint = fabric::LocalEndpoint::create(shard.new_port(), local);
        if (!endpoint.ok()) return endpoint.status();
        shard.set_endpoint(std::move(*endpoint));
    }
    if (options.transports.find("ofi") != std::string::npos) {
        fabric::OfiOptions ofi;
        ofi.listen = self;
        ofi.provider = options.provider;
        auto endpoint = fabric::OfiEndpoint::create(shard.new_port(), ofi);
        if (!endpoint.ok()) return endpoint.status();
        shard.set_endpoint(std::move(*endpoint));
    }
    return {};
}

// Where names are kept: a directory, if one is given.
Result<std::unique_ptr<KvStore>> open_names(const Options& options) {
    if (options.metadata_dir.empty()) return std::unique_ptr<KvStore>(new MemoryKv());
    RocksOptions rocks;
    rocks.sync = true;
    auto opened = RocksKv::open(options.metadata_dir, rocks);
    if (!opened.ok()) return opened.status();
    return std::unique_ptr<KvStore>(std::move(*opened));
}

OpTable make_table() {
    OpTable table{};
    add_session_handlers(table);
    add_io_handlers(table);
    add_lock_handlers(table);
    add_name_handlers(table);
    add_peer_handlers(table);
    return table;
}

int serve(const Options& options) {
    const fabric::Address& self = options.servers[options.index];
    const std::string where = self.host + ":" + std::to_string(self.port);
    Core core;
    core.identity = make_identity(options);
    const OpTable table = make_table();
    Shard shard(core, table);
    core.shard = &shard;
    LockService locks(shard);
    core.locks = &locks;

    if (const Status listening = listen(options, shard); !listening.ok())
        return fail(options, "cannot serve at " + where, listening);
    auto store = MemoryStore::create(options.memory_limit, options.memory_ready);
    if (!store.ok()) return fail(options, "no memory for file data", store.status());
    core.store = (*store).get();
    shard.announce_pool((*store)->memory(), BlockPool::kChunkBytes);
    const Capabilities capabilities(options.secret);
    core.capabilities = &capabilities;
    auto kv = open_names(options);
    if (!kv.ok()) return fail(options, "cannot open " + options.metadata_dir, kv.status());
    Namespace names(std::move(*kv), core.identity);
    core.names = &names;
    rpc::MeshOptions mesh;
    mesh.servers = options.servers;
    mesh.connector.provider = options.provider;
    mesh.kind = protocol::PeerKind::kServer;
    mesh.cluster_secret = options.secret;
    PeerClient peers(std::move(mesh), shard);
    core.peers = &peers;
    if (const Status loaded = names.load(); !loaded.ok())
        return fail(options, "cannot load the names", loaded);
    Upkeep upkeep(core);
    shard.every(1000, [&upkeep] { upkeep.tick(); });
    shard.every(1000, [&locks] { locks.tick(); });

    running.store(&shard);
    ORFA_LOG(server, info,
             "server %u of %u serves %s by %s: %llu MiB of memory, stripes of %llu KiB",
             core.identity.index, core.identity.count, where.c_str(), shard.transports(),
             static_cast<unsigned long long>(options.memory_limit >> 20),
             static_cast<unsigned long long>(options.stripe_size >> 10));
    report(options.ready_fd, "ready\n");
    shard.run();
    running.store(nullptr);
    ORFA_LOG(server, info, "server %u stops", core.identity.index);
    return 0;
}

int parse_and_serve(int argc, char** argv) {
    Options options;
    int exit_code = 0;
    if (!parse_options(argc, argv, options, exit_code)) return exit_code;
    if (std::getenv("ORFA_LOG") == nullptr) log::configure("server:info");
    if (!redirect_log(options)) {
        std::fprintf(stderr, "orfa-server: cannot write to %s: %s\n", options.log_file.c_str(),
                     std::strerror(errno));
        return 1;
    }
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return serve(options);
}

}  // namespace
}  // namespace orfa::server

int main(int argc, char** argv) {
    try {
        return orfa::server::parse_and_serve(argc, argv);
    } catch (const std::exception& error) {  // of the libraries: no memory
        std::fprintf(stderr, "orfa-server: %s\n", error.what());
        return 1;
    }
}
