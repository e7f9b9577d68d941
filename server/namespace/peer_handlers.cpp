// SPDX-License-Identifier: MIT
// Steps that another server asks for. None of these handlers calls a server.
#include "protocol/peer_messages.hpp"
#include "server/namespace/handlers.hpp"
#include "server/namespace/steps.hpp"

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the messages, throughout

namespace {

Task<Status> handle_make_directory(Core& core, Request& request) {
    PeerMakeDirectory step;
    if (!parse(request, step)) co_return malformed();
    co_return step_make_directory(*core.names, step);
}

Task<Status> handle_remove_directory(Core& core, Request& request) {
    PeerRemoveDirectory step;
    if (!parse(request, step)) co_return malformed();
    if (step.action < DirectoryRemoval::kRemove || step.action > DirectoryRemoval::kUnseal)
        co_return malformed();
    co_return step_remove_directory(*core.names, step);
}

Task<Status> handle_adjust_links(Core& core, Request& request) {
    PeerAdjustLinks step;
    if (!parse(request, step)) co_return malformed();
    if (step.delta < -1 || step.delta > 1) co_return malformed();
    const auto inode = step_adjust_links(*core.names, step);
    if (!inode.ok()) co_return inode.status();
    request.reply.put(plain_attributes(step.ino, *inode));
    co_return end_of_reply(request);
}

Task<Status> handle_insert_entry(Core& core, Request& request) {
    PeerInsertEntry step;
    std::string_view name;
    if (!parse(request, step, name) || is_special(name) || name.size() > kMaxName)
        co_return malformed();
    NameLocks& locks = core.names->locks();
    while (locks.held(step.directory, name))
        co_await locks.settle(step.directory, name);
    co_return step_insert_entry(*core.names, step, name);
}

Task<Status> handle_peer_getattr(Core& core, Request& request) {
    PeerGetattr step;
    std::string_view name;
    if (!parse(request, step, name) || name.size() > kMaxName) co_return malformed();
    const auto reply = step_getattr(*core.names, step, name);
    if (!reply.ok()) co_return reply.status();
    request.reply.put(*reply);
    co_return end_of_reply(request);
}

Task<Status> handle_remove_object(Core& core, Request& request) {
    PeerRemoveObject body;
    std::vector<std::uint64_t> objects;
    auto reader = request.reader();
    if (!reader.get(body) || body.count > kMaxRemovals || !reader.get_array(body.count, objects) ||
        !reader.finished())
        co_return malformed();
    for (const std::uint64_t ino : objects)
        core.store->remove(ino);
    co_return Status();
}

Task<Status> handle_rename_turn(Core& core, Request& request) {
    PeerRenameTurn body;
    if (!parse(request, body)) co_return malformed();
    RenameTurn& turn = core.names->rename_turn();
    Session& session = *request.session;
    if (body.take == 0) {
        if (turn.is_owner(session)) turn.give_back();
        co_return Status();
    }
    co_await turn.take();
    turn.set_owner(session);
    // Who left while it waited gets no turn.
    if (!session.connected) turn.give_back();
    co_return Status();
}

}  // namespace

void add_peer_handlers(OpTable& table) {
    const auto add = [&table](Op op, Handler handler, const char* name) {
        entry_of(table, op) = {handler, true, name};
    };
    add(Op::kPeerMakeDirectory, handle_make_directory, "peer_make_directory");
    add(Op::kPeerRemoveDirectory, handle_remove_directory, "peer_remove_directory");
    add(Op::kPeerAdjustLinks, handle_adjust_links, "peer_adjust_links");
    add(Op::kPeerInsertEntry, handle_insert_entry, "peer_insert_entry");
    add(Op::kPeerGetattr, handle_peer_getattr, "peer_getattr");
    add(Op::kPeerRemoveObject, handle_remove_object, "peer_remove_object");
    add(Op::kPeerRenameTurn, handle_rename_turn, "peer_rename_turn");
}

}  // namespace orfa::server
