// SPDX-License-Identifier: MIT
#include "server/server.hpp"

#include "common/environment.hpp"
#include "fabric/local_endpoint.hpp"
#include "fabric/ofi_endpoint.hpp"
#include "server/huge_file.hpp"
#include "server/loop.hpp"
#include "server/namespace/memory_kv.hpp"
#include "server/namespace/rocks_kv.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace orfa::server {
namespace {

ServerIdentity make_identity(const Options& options, std::uint32_t index) {
    ServerIdentity identity;
    identity.index = index;
    identity.count = static_cast<std::uint32_t>(options.servers.size());
    identity.cluster_id = options.cluster_id;
    identity.secret = options.secret;
    if (getrandom(&identity.epoch, sizeof(identity.epoch), 0) != sizeof(identity.epoch))
        identity.epoch = static_cast<std::uint64_t>(getpid());
    const std::uint32_t stripes = options.stripe_count == 0 ? identity.count : options.stripe_count;
    identity.default_layout = {options.stripe_size, stripes, index};
    identity.trust_client_ids = true;
    identity.durable = false;  // the memory store forgets, whatever keeps the names
    return identity;
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
    add_object_handlers(table);
    add_lock_handlers(table);
    add_name_handlers(table);
    add_peer_handlers(table);
    return table;
}

}  // namespace

Server::Server(const Options& options, std::uint32_t index)
    : options_(options),
      where_(options.servers[index].host + ":" + std::to_string(options.servers[index].port)),
      table_(make_table()),
      shard_(core_, table_),
      locks_(shard_),
      gatherings_(shard_),
      fills_(shard_),
      capabilities_(options.secret) {
    core_.identity = make_identity(options, index);
    core_.shard = &shard_;
    core_.locks = &locks_;
    core_.gatherings = &gatherings_;
    core_.fills = &fills_;
    core_.capabilities = &capabilities_;
}

Status Server::listen(fabric::CopyCrew& crew) {
    const fabric::Address& self = options_.servers[core_.identity.index];
    if (options_.transports.find("local") != std::string::npos) {
        fabric::LocalOptions local;
        local.listen_port = self.port;
        if (crew.helpers() > 0) local.crew = &crew;
        auto endpoint = fabric::LocalEndpoint::create(shard_.new_port(), local);
        if (!endpoint.ok()) return endpoint.status();
        shard_.set_endpoint(std::move(*endpoint));
    }
    if (options_.transports.find("ofi") != std::string::npos) {
        fabric::OfiOptions ofi;
        ofi.listen = self;
        ofi.provider = options_.provider;
        auto endpoint = fabric::OfiEndpoint::create(shard_.new_port(), ofi);
        if (!endpoint.ok()) return endpoint.status();
        shard_.set_endpoint(std::move(*endpoint));
    }
    return {};
}

Status Server::make_store() {
    // With it clients of this host map the store.
    UniqueFd file;
    if (options_.transports.find("local") != std::string::npos && is_wanted("ORFA_IN_PLACE")) {
        Result<UniqueFd> made = make_huge_file();
        if (made.ok()) file = std::move(*made);
    }
    auto store = MemoryStore::create(options_.memory_limit, options_.memory_ready, std::move(file));
    if (!store.ok()) return store.status();
    store_ = std::move(*store);
    core_.store = store_.get();
    shard_.announce_pool(store_->memory(), BlockPool::kChunkBytes);
    if (store_->fd() < 0) return {};
    store_->set_users(
        [this](std::vector<std::uint64_t>& out) { shard_.exposed_parts_in_use(out); });
    shard_.expose(store_->fd(), store_->mapped_bytes());
    return {};
}

Status Server::start(Loop& loop, std::string& what) {
    what = "cannot serve at " + where_;
    ORFA_TRY(listen(loop.crew()));
    what = "no memory for file data";
    ORFA_TRY(make_store());
    what = "ORFA_TEST_CORRUPT";
    const auto corruption = corruption_asked_for();
    if (!corruption.ok()) return corruption.status();
    if (*corruption) core_.store = &corrupting_.emplace(*store_, **corruption);
    what = "cannot open " + options_.metadata_dir;
    auto kv = open_names(options_);
    if (!kv.ok()) return kv.status();
    core_.names = &names_.emplace(std::move(*kv), core_.identity);
    rpc::MeshOptions mesh;
    mesh.servers = options_.servers;
    mesh.connector.provider = options_.provider;
    mesh.kind = protocol::PeerKind::kServer;
    mesh.cluster_secret = options_.secret;
    core_.peers = &peers_.emplace(std::move(mesh), shard_);
    what = "cannot load the names";
    ORFA_TRY(names_->load());
    upkeep_.emplace(core_);
    shard_.every(1000, [this] { upkeep_->tick(); });
    shard_.every(1000, [this] { store_->tend(); });
    shard_.every(1000, [this] { locks_.tick(); });
    shard_.every(1000, [this] { gatherings_.tick(); });
    loop.add(shard_);
    what.clear();
    return {};
}

std::string Server::description() const {
    return fmt::format("server {} of {} at {} by {}: {} MiB of memory, stripes of {} KiB",
                       core_.identity.index, core_.identity.count, where_, shard_.transports(),
                       options_.memory_limit >> 20, options_.stripe_size >> 10);
}

}  // namespace orfa::server
