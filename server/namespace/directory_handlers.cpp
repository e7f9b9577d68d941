// SPDX-License-Identifier: MIT
// Making, removing and listing directories.
#include "server/namespace/handlers.hpp"
#include "server/namespace/operations.hpp"
#include "server/namespace/permissions.hpp"

#include <algorithm>

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

Task<Status> handle_mkdir(Core& core, Request& request) {
    MkdirRequest body;
    std::string_view path;
    if (!parse(request, body, path)) co_return malformed();
    Namespace& names = *core.names;
    const Credentials& who = request.credentials();
    auto place = walk_to_parent(names, who, body.start, path);
    if (!place.ok()) co_return place.status();
    if (place->state != PathState::kDone) co_return reply_redirect(request, *place);
    if (is_special(place->last)) co_return error(EEXIST);

    const auto guard = co_await names.locks().take(place->ino, place->last);
    auto parent = names.directory(place->ino);
    if (!parent.ok()) co_return parent.status();
    if (const Status free = check_free(names, who, place->ino, *parent, place->last); !free.ok())
        co_return free;
    InodeRecord made = new_inode(who, *parent, S_IFDIR, body.mode, names.now());
    made.parent = place->ino;
    made.layout = parent->layout;
    const std::uint32_t home = home_of_new_directory(place->ino, place->last, core.identity.count);
    const auto ino = co_await make_directory(core, {place->ino, place->last}, home, made);
    if (!ino.ok()) co_return ino.status();
    reply_done(request, *place, *ino);
    request.reply.put(attributes_of(core, *ino, made));
    co_return end_of_reply(request);
}

Task<Status> handle_rmdir(Core& core, Request& request) {
    RemoveRequest body;
    std::string_view path;
    if (!parse(request, body, path)) co_return malformed();
    Namespace& names = *core.names;
    const Credentials& who = request.credentials();
    auto place = walk_to_parent(names, who, body.start, path);
    if (!place.ok()) co_return place.status();
    if (place->state != PathState::kDone) co_return reply_redirect(request, *place);
    if (place->last.empty()) co_return error(EBUSY);
    if (place->last == ".") co_return error(EINVAL);
    if (place->last == "..") co_return error(ENOTEMPTY);

    const auto guard = co_await names.locks().take(place->ino, place->last);
    auto target = co_await find_removable(core, who, {place->ino, place->last});
    if (!target.ok()) co_return target.status();
    if (!S_ISDIR(target->type)) co_return error(ENOTDIR);
    if (const Status removed =
            co_await remove_directory(core, {place->ino, place->last}, target->ino);
        !removed.ok())
        co_return removed;
    reply_done(request, *place, target->ino);
    co_return end_of_reply(request);
}

Task<Status> handle_readdir(Core& core, Request& request) {
    ReaddirRequest body;
    std::string_view after;
    if (!parse(request, body, after)) co_return malformed();
    if (after.size() > kMaxName) co_return malformed();
    const auto directory = core.names->directory(body.directory);
    if (!directory.ok()) co_return directory.status();
    if (const Status may = check_access(request.credentials(), *directory, R_OK); !may.ok())
        co_return may;

    Writer& reply = request.reply;
    const std::size_t begin = reply.size();
    ReaddirReply head{0, 1};
    reply.put(head);
    // Keys behind (cookie, name): the key itself and a zero byte is the next one that could be;
    // with no name, the first with a greater cookie.
    Key first = Key('E').number(body.directory);
    std::string from;
    if (after.empty()) {
        if (body.cookie == ~std::uint64_t{0}) {
            from = Key('E').number(body.directory + 1);
        } else {
            from = first.number(body.cookie + (body.cookie == 0 ? 0 : 1));
        }
    } else {
        from.append(first.number(body.cookie).text(after)).push_back('\0');
    }
    const Status scanned = core.names->kv().scan(
        from, Key('E').number(body.directory + 1),
        [&](std::string_view key, std::string_view value) {
            EntryRecord record;
            if (key.size() <= kEntryKeyPrefix || !from_value(value, record)) return true;
            const std::string_view name = key.substr(kEntryKeyPrefix);
            if (head.count == body.max_entries ||
                reply.room() < sizeof(ReaddirEntry) + sizeof(std::uint32_t) + name.size()) {
                head.at_end = 0;
                return false;
            }
            std::uint64_t cookie = 0;
            std::memcpy(&cookie, key.data() + kEntryKeyPrefix - 8, sizeof(cookie));
            reply.put(ReaddirEntry{record.ino, __builtin_bswap64(cookie), record.type, 0});
            reply.put_string(name);
            ++head.count;
            return true;
        });
    if (!scanned.ok()) co_return scanned;
    const std::size_t end = reply.size();
    reply.rewind(begin);
    reply.put(head);
    reply.reserve(end - reply.size());
    co_return end_of_reply(request);
}

}  // namespace orfa::server
