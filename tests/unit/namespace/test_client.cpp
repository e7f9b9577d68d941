// SPDX-License-Identifier: MIT
#include "tests/unit/namespace/test_client.hpp"

#include "client/core/path.hpp"
#include "protocol/codec.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's structs, throughout

namespace {

template <Wire T>
std::span<std::byte> head_of(T& request) {
    return std::as_writable_bytes(std::span(&request, 1));
}

std::vector<std::byte> body_of(std::span<const std::byte> head,
                               std::initializer_list<std::string_view> texts) {
    std::size_t size = head.size();
    for (const auto text : texts)
        size += sizeof(std::uint32_t) + text.size();
    std::vector<std::byte> body(size);
    Writer writer(body);
    writer.put_bytes(head);
    for (const auto text : texts)
        writer.put_string(text);
    body.resize(writer.size());
    return body;
}

template <Wire T>
Result<T> after_path(const std::vector<std::byte>& reply) {
    Reader reader(reply);
    PathReply path;
    T out;
    if (!reader.get(path) || !reader.get(out) || !reader.finished())
        return Status::from_errno(EPROTO);
    return out;
}

}  // namespace

Result<PathReply> TestClient::call_path(Op op, std::string_view path, std::span<std::byte> head,
                                        std::string_view* second, std::vector<std::byte>& reply) {
    auto cursor = client::PathCursor::parse(path);
    if (!cursor.ok()) return cursor.status();
    for (int round = 0; round < 1000; ++round) {
        const std::uint64_t start = cursor->start();
        std::memcpy(head.data(), &start, sizeof(start));
        auto body = second == nullptr ? body_of(head, {cursor->rest()})
                                      : body_of(head, {cursor->rest(), *second});
        ORFA_TRY(cluster_.call(client_, home_of(start), op, std::move(body), reply));
        Reader reader(reply);
        PathReply answer;
        std::string_view target;
        if (!reader.get(answer)) return Status::from_errno(EPROTO);
        if (answer.state == PathState::kDone) return answer;
        if (answer.state == PathState::kElsewhere) {
            ORFA_TRY(cursor->go_on(answer.ino, answer.consumed));
        } else {
            if (!reader.get_string(target)) return Status::from_errno(EPROTO);
            ORFA_TRY(cursor->follow(answer.consumed, target));
        }
    }
    return Status::from_errno(ELOOP);
}

Status TestClient::call_inode(std::uint64_t ino, Op op, std::span<const std::byte> head,
                              std::initializer_list<std::string_view> texts,
                              std::vector<std::byte>& reply) {
    return cluster_.call(client_, home_of(ino), op, body_of(head, texts), reply);
}

Status TestClient::mkdir(std::string_view path, std::uint32_t mode) {
    MkdirRequest request{0, mode, 0};
    std::vector<std::byte> reply;
    return call_path(Op::kMkdir, path, head_of(request), nullptr, reply).status();
}

Status TestClient::rmdir(std::string_view path) {
    RemoveRequest request{};
    std::vector<std::byte> reply;
    return call_path(Op::kRmdir, path, head_of(request), nullptr, reply).status();
}

Status TestClient::unlink(std::string_view path) {
    RemoveRequest request{};
    std::vector<std::byte> reply;
    return call_path(Op::kUnlink, path, head_of(request), nullptr, reply).status();
}

Status TestClient::symlink(std::string_view target, std::string_view path) {
    SymlinkRequest request{};
    std::vector<std::byte> reply;
    return call_path(Op::kSymlink, path, head_of(request), &target, reply).status();
}

Result<Attributes> TestClient::stat(std::string_view path, bool follow, std::uint32_t access) {
    WalkRequest request{0, follow ? std::uint32_t{kFollowLast} : 0U, access};
    std::vector<std::byte> reply;
    const auto done = call_path(Op::kWalk, path, head_of(request), nullptr, reply);
    if (!done.ok()) return done.status();
    return after_path<Attributes>(reply);
}

Status TestClient::rename(std::string_view from, std::string_view to, std::uint32_t flags) {
    const client::SplitPath source = client::split(from);
    const client::SplitPath target = client::split(to);
    auto from_directory = stat(source.parent.empty() ? "/" : source.parent);
    if (!from_directory.ok()) return from_directory.status();
    auto to_directory = stat(target.parent.empty() ? "/" : target.parent);
    if (!to_directory.ok()) return to_directory.status();
    if (source.must_be_directory || target.must_be_directory) flags |= kRenameDirectory;
    RenameRequest request{from_directory->ino, to_directory->ino, flags, 0};
    std::vector<std::byte> reply;
    return call_inode(request.from, Op::kRename, head_of(request), {source.name, target.name},
                      reply);
}

Status TestClient::link(std::string_view from, std::string_view to) {
    auto source = stat(from, false);
    if (!source.ok()) return source.status();
    const client::SplitPath target = client::split(to);
    auto directory = stat(target.parent.empty() ? "/" : target.parent);
    if (!directory.ok()) return directory.status();
    LinkRequest request{source->ino, directory->ino};
    std::vector<std::byte> reply;
    return call_inode(directory->ino, Op::kLink, head_of(request), {target.name}, reply);
}

Result<std::string> TestClient::readlink(std::string_view path) {
    auto link = stat(path, false);
    if (!link.ok()) return link.status();
    InodeRequest request{link->ino};
    std::vector<std::byte> reply;
    ORFA_TRY(call_inode(link->ino, Op::kReadlink, head_of(request), {}, reply));
    std::string_view target;
    if (!Reader(reply).get_string(target)) return Status::from_errno(EPROTO);
    return std::string(target);
}

Result<OpenReply> TestClient::open(std::string_view path, std::uint32_t flags, std::uint32_t mode,
                                   const Layout& wish) {
    OpenRequest request{0, flags, mode, wish};
    std::vector<std::byte> reply;
    const auto done = call_path(Op::kOpen, path, head_of(request), nullptr, reply);
    if (!done.ok()) return done.status();
    return after_path<OpenReply>(reply);
}

Status TestClient::create(std::string_view path, std::uint32_t mode) {
    auto opened = open(path, kOpenWrite | kOpenCreate | kOpenExclusive, mode);
    if (!opened.ok()) return opened.status();
    return close(opened->attributes.ino);
}

Status TestClient::close(std::uint64_t ino) {
    InodeRequest request{ino};
    std::vector<std::byte> reply;
    return call_inode(ino, Op::kClose, head_of(request), {}, reply);
}

Status TestClient::mark_spread(const Capability& capability) {
    MarkSpreadRequest request{capability};
    std::vector<std::byte> reply;
    return call_inode(capability.ino, Op::kMarkSpread, head_of(request), {}, reply);
}

Result<Attributes> TestClient::getattr(std::uint64_t ino) {
    InodeRequest request{ino};
    std::vector<std::byte> reply;
    ORFA_TRY(call_inode(ino, Op::kGetattr, head_of(request), {}, reply));
    Attributes attributes;
    if (!Reader(reply).get(attributes)) return Status::from_errno(EPROTO);
    return attributes;
}

Result<SetattrReply> TestClient::setattr(std::string_view path, SetattrRequest change) {
    auto found = stat(path);
    if (!found.ok()) return found.status();
    change.ino = found->ino;
    std::vector<std::byte> reply;
    ORFA_TRY(call_inode(change.ino, Op::kSetattr, head_of(change), {}, reply));
    SetattrReply answer;
    if (!Reader(reply).get(answer)) return Status::from_errno(EPROTO);
    return answer;
}

Status TestClient::chmod(std::string_view path, std::uint32_t mode) {
    SetattrRequest change{};
    change.mask = kSetMode;
    change.mode = mode;
    return setattr(path, change).status();
}

Status TestClient::chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
    SetattrRequest change{};
    change.mask = kSetUid | kSetGid;
    change.uid = uid;
    change.gid = gid;
    return setattr(path, change).status();
}

Status TestClient::set_xattr(std::string_view path, std::string_view name, std::string_view value,
                             std::uint32_t flags) {
    auto found = stat(path);
    if (!found.ok()) return found.status();
    std::vector<std::byte> reply;
    std::size_t offset = 0;
    do {
        const std::string_view piece = value.substr(offset, 3000);
        SetxattrRequest request{found->ino, flags, static_cast<std::uint32_t>(offset),
                                static_cast<std::uint32_t>(value.size()), 0};
        ORFA_TRY(call_inode(found->ino, Op::kSetxattr, head_of(request), {name, piece}, reply));
        offset += piece.size();
    } while (offset < value.size());
    return {};
}

namespace {

Status take_piece(const std::vector<std::byte>& reply, std::string& value, bool& whole) {
    Reader reader(reply);
    XattrPiece piece{};
    std::string_view bytes;
    if (!reader.get(piece) || !reader.get_string(bytes)) return Status::from_errno(EPROTO);
    value.append(bytes);
    whole = bytes.empty() || value.size() >= piece.total;
    return {};
}

}  // namespace

Result<std::string> TestClient::get_xattr(std::string_view path, std::string_view name) {
    auto found = stat(path);
    if (!found.ok()) return found.status();
    std::string value;
    bool whole = false;
    while (!whole) {
        GetxattrRequest request{found->ino, static_cast<std::uint32_t>(value.size()), 3000};
        std::vector<std::byte> reply;
        ORFA_TRY(call_inode(found->ino, Op::kGetxattr, head_of(request), {name}, reply));
        ORFA_TRY(take_piece(reply, value, whole));
    }
    return value;
}

Result<std::string> TestClient::list_xattrs(std::string_view path) {
    auto found = stat(path);
    if (!found.ok()) return found.status();
    std::string value;
    bool whole = false;
    while (!whole) {
        GetxattrRequest request{found->ino, static_cast<std::uint32_t>(value.size()), 3000};
        std::vector<std::byte> reply;
        ORFA_TRY(call_inode(found->ino, Op::kListxattr, head_of(request), {""}, reply));
        ORFA_TRY(take_piece(reply, value, whole));
    }
    return value;
}

Status TestClient::remove_xattr(std::string_view path, std::string_view name) {
    auto found = stat(path);
    if (!found.ok()) return found.status();
    RemovexattrRequest request{found->ino};
    std::vector<std::byte> reply;
    return call_inode(found->ino, Op::kRemovexattr, head_of(request), {name}, reply);
}

Result<std::vector<TestClient::Name>> TestClient::page(std::uint64_t directory, const Name* after,
                                                       std::uint32_t most) {
    ReaddirRequest request{directory, after == nullptr ? 0 : after->cookie, most, 0};
    std::vector<std::byte> reply;
    ORFA_TRY(call_inode(directory, Op::kReaddir, head_of(request),
                        {after == nullptr ? std::string_view() : after->name}, reply));
    Reader reader(reply);
    ReaddirReply head{};
    if (!reader.get(head)) return Status::from_errno(EPROTO);
    std::vector<Name> names;
    for (std::uint32_t i = 0; i < head.count; ++i) {
        ReaddirEntry entry;
        std::string_view name;
        if (!reader.get(entry) || !reader.get_string(name)) return Status::from_errno(EPROTO);
        names.push_back({std::string(name), entry.ino, entry.cookie, entry.type});
    }
    if (!reader.finished() || (head.at_end == 0 && head.count == 0))
        return Status::from_errno(EPROTO);
    return names;
}

Result<std::vector<std::string>> TestClient::list(std::string_view path, std::uint32_t most) {
    auto directory = stat(path);
    if (!directory.ok()) return directory.status();
    std::vector<std::string> all;
    Name last;
    bool begun = false;
    while (true) {
        auto names = page(directory->ino, begun ? &last : nullptr, most);
        if (!names.ok()) return names.status();
        if (names->empty()) break;
        begun = true;
        last = names->back();
        for (const Name& name : *names)
            all.push_back(name.name);
    }
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace orfa::server
