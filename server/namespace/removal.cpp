// SPDX-License-Identifier: MIT
// The removal queue: records 'R' of files that are deleted while other servers hold objects of
// them. A record goes when all of those servers have answered; asking twice does no harm.
#include "common/log.hpp"
#include "protocol/layout.hpp"
#include "protocol/peer_messages.hpp"
#include "server/namespace/handlers.hpp"
#include "server/namespace/upkeep.hpp"

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the messages, throughout

struct Upkeep::Removals {
    struct File {
        std::uint64_t ino;
        Layout layout;
        bool failed = false;
    };
    std::vector<File> files;
    std::string next{"R"};  // where the next batch begins
    bool at_end = false;
};

void Upkeep::on_deleted(std::uint64_t ino, const Layout& layout, bool spread) {
    if (column_of(layout, core_.identity.index, core_.identity.count) < layout.stripe_count)
        core_.store->remove(ino);
    if (!spread) return;
    more_removals_ = true;
    if (!removing_) run_removals();
}

Status Upkeep::read_removals(Removals& batch) {
    batch.files.clear();
    batch.at_end = true;
    const std::string from = batch.next;
    return core_.names->kv().scan(from, "S", [&](std::string_view key, std::string_view value) {
        if (batch.files.size() == kMaxRemovals) {
            batch.at_end = false;
            return false;
        }
        RemovalRecord record;
        std::uint64_t ino = 0;
        if (key.size() == 1 + sizeof(ino) && from_value(value, record)) {
            std::memcpy(&ino, key.data() + 1, sizeof(ino));
            batch.files.push_back({__builtin_bswap64(ino), record.layout});
        }
        batch.next.assign(key).push_back('\0');
        return true;
    });
}

// Asks one server to free its objects of the batch.
Task<Status> Upkeep::remove_at(std::uint32_t server, const Removals& batch) {
    std::vector<std::byte> body(sizeof(PeerRemoveObject));
    PeerRemoveObject head{0, 0};
    for (const auto& file : batch.files) {
        if (column_of(file.layout, server, core_.identity.count) == file.layout.stripe_count)
            continue;
        const auto bytes = std::as_bytes(std::span(&file.ino, 1));
        body.insert(body.end(), bytes.begin(), bytes.end());
        ++head.count;
    }
    if (head.count == 0) co_return Status();
    std::memcpy(body.data(), &head, sizeof(head));
    const auto reply = co_await core_.peers->call(server, Op::kPeerRemoveObject, body);
    co_return reply.status();
}

Detached Upkeep::run_removals() {
    removing_ = true;
    while (more_removals_) {
        more_removals_ = false;
        Removals batch;
        bool failed = false;
        while (!batch.at_end) {
            if (!read_removals(batch).ok() || batch.files.empty()) break;
            for (std::uint32_t server = 0; server < core_.identity.count; ++server) {
                if (server == core_.identity.index) continue;
                const Status removed = co_await remove_at(server, batch);
                if (removed.ok()) continue;
                failed = true;
                for (auto& file : batch.files)
                    if (column_of(file.layout, server, core_.identity.count) <
                        file.layout.stripe_count)
                        file.failed = true;
            }
            Changes& changes = core_.names->changes();
            for (const auto& file : batch.files)
                if (!file.failed) changes.batch().erase(Key('R').number(file.ino));
            if (!core_.names->commit(changes).ok()) failed = true;
        }
        if (failed) {
            more_removals_ = true;  // at the next tick()
            break;
        }
    }
    removing_ = false;
}

}  // namespace orfa::server
