// SPDX-License-Identifier: MIT
#include "server/namespace/peer_calls.hpp"

#include "protocol/codec.hpp"
#include "server/namespace/handlers.hpp"
#include "server/namespace/steps.hpp"

#include <array>

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the messages, throughout

namespace {

// A message on the stack: the largest is a PeerInsertEntry and a name.
class Message {
  public:
    template <Wire T>
    explicit Message(const T& body) {
        writer_.put(body);
    }
    ~Message() = default;
    void add(std::string_view text) { writer_.put_string(text); }
    Message(const Message&) = delete;  // the writer points into it
    Message& operator=(const Message&) = delete;
    [[nodiscard]] std::span<const std::byte> bytes() const { return writer_.written(); }

  private:
    std::array<std::byte, 512> bytes_{};
    Writer writer_{bytes_};
};

}  // namespace

bool is_outcome_unknown(Status status) {
    switch (status.err()) {
        case ECONNREFUSED:
        case ECONNRESET:
        case ECONNABORTED:
        case EHOSTUNREACH:
        case ENOTCONN:
        case EPIPE:
        case ETIMEDOUT:
            return true;
        default:
            return false;
    }
}

Task<Status> make_directory_at_home(Core& core, const PeerMakeDirectory& step) {
    if (core.names->is_home(step.ino)) co_return step_make_directory(*core.names, step);
    const Message message(step);
    const auto reply =
        co_await core.peers->call(home_of(step.ino), Op::kPeerMakeDirectory, message.bytes());
    co_return reply.status();
}

Task<Status> remove_directory_at_home(Core& core, std::uint64_t ino, DirectoryRemoval action) {
    const PeerRemoveDirectory step{ino, action, 0};
    if (core.names->is_home(ino)) co_return step_remove_directory(*core.names, step);
    const Message message(step);
    const auto reply =
        co_await core.peers->call(home_of(ino), Op::kPeerRemoveDirectory, message.bytes());
    co_return reply.status();
}

Task<Result<Attributes>> adjust_links_at_home(Core& core, const PeerAdjustLinks& step) {
    if (core.names->is_home(step.ino)) {
        const auto inode = step_adjust_links(*core.names, step);
        if (!inode.ok()) co_return inode.status();
        co_return plain_attributes(step.ino, *inode);
    }
    const Message message(step);
    const auto reply =
        co_await core.peers->call(home_of(step.ino), Op::kPeerAdjustLinks, message.bytes());
    if (!reply.ok()) co_return reply.status();
    Attributes attributes;
    if (!Reader(*reply).get(attributes)) co_return malformed();
    co_return attributes;
}

Task<Status> insert_entry_at_home(Core& core, const PeerInsertEntry& step, std::string_view name) {
    if (core.names->is_home(step.directory)) co_return step_insert_entry(*core.names, step, name);
    Message message(step);
    message.add(name);
    const auto reply =
        co_await core.peers->call(home_of(step.directory), Op::kPeerInsertEntry, message.bytes());
    co_return reply.status();
}

Task<Result<PeerGetattrReply>> getattr_at_home(Core& core, std::uint64_t ino, std::string_view name,
                                               std::uint64_t ancestor) {
    const PeerGetattr step{ino, ancestor};
    if (core.names->is_home(ino)) co_return step_getattr(*core.names, step, name);
    Message message(step);
    message.add(name);
    const auto reply = co_await core.peers->call(home_of(ino), Op::kPeerGetattr, message.bytes());
    if (!reply.ok()) co_return reply.status();
    PeerGetattrReply body;
    if (!Reader(*reply).get(body)) co_return malformed();
    co_return body;
}

Task<Result<bool>> is_above(Core& core, std::uint64_t ancestor, std::uint64_t ino) {
    // Each round goes up to another server or to the end.
    for (unsigned round = 0; round < 65536; ++round) {
        if (ino == ancestor) co_return true;
        if (ino == kRootIno) co_return false;
        const auto reply = co_await getattr_at_home(core, ino, {}, ancestor);
        if (!reply.ok()) co_return reply.status();
        if ((*reply).reached == ino) co_return malformed();
        ino = (*reply).reached;
    }
    co_return error(ELOOP);
}

}  // namespace orfa::server
