// SPDX-License-Identifier: MIT
#include "client/core/names.hpp"

#include "client/core/error_text.hpp"
#include "client/core/path.hpp"
#include "protocol/codec.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace orfa::client {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's structs, throughout

// One operation on a path: its request, sent to one server after the other until one has done it.
struct Names::PathCall {
    Op op;
    const char* what;  // for error texts
    std::string_view path;
    std::span<std::byte> head{};  // the request's struct; its first field is `start`
    std::string_view second{};    // a second string, after the path (kSymlink)
    bool has_second = false;
    std::vector<std::byte> reply{};  // kDone: all of it; Reader skips the PathReply
};

namespace {

std::string text_of(std::string_view path) {
    return std::string(path.substr(0, 400));
}

void append_string(std::vector<std::byte>& body, std::string_view text) {
    const auto length = static_cast<std::uint32_t>(text.size());
    const auto length_bytes = std::as_bytes(std::span(&length, 1));
    const auto bytes = std::as_bytes(std::span(text));
    body.insert(body.end(), length_bytes.begin(), length_bytes.end());
    body.insert(body.end(), bytes.begin(), bytes.end());
}

template <Wire T>
std::span<std::byte> head_of(T& request) {
    return std::as_writable_bytes(std::span(&request, 1));
}

template <Wire T>
std::vector<std::byte> with_name(const T& request, std::string_view name) {
    std::vector<std::byte> body;
    body.reserve(sizeof(T) + sizeof(std::uint32_t) + name.size());
    const auto bytes = rpc::as_body(request);
    body.insert(body.end(), bytes.begin(), bytes.end());
    append_string(body, name);
    return body;
}

// The op's reply behind the PathReply.
template <Wire T>
bool get_after_path(const std::vector<std::byte>& reply, T& out) {
    Reader reader(reply);
    PathReply path;
    return reader.get(path) && reader.get(out);
}

// Moves the cursor to where an answer says, unless it is kDone.
Status go_on(PathCursor& cursor, const std::vector<std::byte>& answer, PathReply& reply) {
    Reader reader(answer);
    std::string_view target;
    if (!reader.get(reply)) return Status::from_errno(EPROTO);
    if (reply.state == PathState::kDone) return {};
    if (reply.state == PathState::kElsewhere) return cursor.go_on(reply.ino, reply.consumed);
    if (!reader.get_string(target, kMaxPath)) return Status::from_errno(EPROTO);
    return cursor.follow(reply.consumed, target);
}

}  // namespace

Result<PathReply> Names::call_path(PathCall& call) {
    auto cursor = PathCursor::parse(call.path);
    if (!cursor.ok())
        return fail(cursor.status(), "%s '%s': %s", call.what, text_of(call.path).c_str(),
                    describe(cursor.status()).c_str());
    // What fits into one message of any transport beside the path.
    constexpr std::size_t kSmallestMessage = 4096;
    const std::size_t room = kSmallestMessage - sizeof(RequestHeader) - call.head.size() -
                             2 * sizeof(std::uint32_t) - call.second.size();
    // Each round either ends, follows a link (limited) or goes down the path to another server;
    // only ".." and names without end could make that last, so rounds are limited too.
    std::vector<std::byte> body;
    for (unsigned round = 0; round < 4096; ++round) {
        const std::uint64_t start = cursor->start();
        const std::uint32_t server = home_of(start);
        if (server >= mesh_.server_count())
            return fail(Status::from_errno(EPROTO), "%s '%s': inode of unknown server %u",
                        call.what, text_of(call.path).c_str(), server);
        const std::size_t cut = cursor->rest().size() > room ? cursor->rest().rfind('/', room) : 0;
        const bool whole = cut == 0 || cut == std::string_view::npos;
        if (whole) {
            std::memcpy(call.head.data(), &start, sizeof(start));
            body.assign(call.head.begin(), call.head.end());
            append_string(body, cursor->rest());
            if (call.has_second) append_string(body, call.second);
        } else {
            // Too long for one message: first to a directory on the way.
            body = with_name(WalkRequest{start, kFollowLast, 0}, cursor->rest().substr(0, cut));
        }
        Status status = mesh_.call(server, whole ? call.op : Op::kWalk, body, call.reply);
        PathReply reply{};
        if (status.ok()) status = go_on(*cursor, call.reply, reply);
        if (status.ok() && reply.state == PathState::kDone) {
            if (whole) return reply;
            status = cursor->go_on(reply.ino, cut);
        }
        if (!status.ok())
            return fail_at(status, call.what, text_of(call.path).c_str(), server,
                           &mesh_.address(server));
    }
    return fail(Status::from_errno(ELOOP), "%s '%s': the path never ends", call.what,
                text_of(call.path).c_str());
}

Status Names::call_inode(std::uint64_t ino, Op op, std::span<const std::byte> body,
                         std::vector<std::byte>& reply, const char* what, std::string_view path) {
    const std::uint32_t server = home_of(ino);
    if (server >= mesh_.server_count())
        return fail(Status::from_errno(ESTALE), "%s: inode of unknown server %u", what, server);
    const Status status = mesh_.call(server, op, body, reply);
    if (status.ok()) return status;
    return fail_at(status, what, path.empty() ? nullptr : text_of(path).c_str(), server,
                   &mesh_.address(server));
}

namespace {

// What the wire says for a wish of the C API. EINVAL.
Result<Layout> layout_wish(const orfa_layout* wish, std::uint32_t servers) {
    Layout layout{0, 0, kAnyServer};
    if (wish == nullptr) return layout;
    layout.stripe_size = wish->stripe_size;
    if (wish->stripe_count < -1 || wish->first_server < -1) return Status::from_errno(EINVAL);
    layout.stripe_count =
        wish->stripe_count == -1 ? servers : static_cast<std::uint32_t>(wish->stripe_count);
    if (wish->first_server >= 0)
        layout.first_server = static_cast<std::uint32_t>(wish->first_server);
    return layout;
}

}  // namespace

Result<OpenedFile> Names::open(std::string_view path, int flags, std::uint32_t mode,
                               const orfa_layout* wish) {
    auto layout = layout_wish(wish, mesh_.server_count());
    if (!layout.ok())
        return fail(layout.status(), "open '%s': impossible layout", text_of(path).c_str());
    OpenRequest request{};
    const int access = flags & O_ACCMODE;
    if (access != O_WRONLY) request.flags |= kOpenRead;
    if (access != O_RDONLY) request.flags |= kOpenWrite;
    if ((flags & O_CREAT) != 0) request.flags |= kOpenCreate;
    if ((flags & O_EXCL) != 0) request.flags |= kOpenExclusive;
    if ((flags & O_TRUNC) != 0) request.flags |= kOpenTruncate;
    if ((flags & O_NOFOLLOW) != 0 || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        request.flags |= kOpenNoFollow;
    if ((flags & O_DIRECTORY) != 0) request.flags |= kOpenDirectory;
    request.mode = mode & 07777;
    request.layout = *layout;
    PathCall call{.op = Op::kOpen, .what = "open", .path = path, .head = head_of(request)};
    const auto done = call_path(call);
    if (!done.ok()) return done.status();
    OpenReply reply;
    if (!get_after_path(call.reply, reply))
        return fail(Status::from_errno(EPROTO), "open '%s': short reply", text_of(path).c_str());
    return OpenedFile{reply.attributes, reply.capability, reply.created != 0};
}

Status Names::close(std::uint64_t ino) {
    std::vector<std::byte> reply;
    return call_inode(ino, Op::kClose, rpc::as_body(InodeRequest{ino}), reply, "close", {});
}

Status Names::mark_spread(const Capability& capability) {
    std::vector<std::byte> reply;
    return call_inode(capability.ino, Op::kMarkSpread, rpc::as_body(MarkSpreadRequest{capability}),
                      reply, "write", {});
}

Result<std::uint64_t> Names::reserve_append(const Capability& capability,
                                            std::uint64_t observed_size, std::uint64_t length) {
    std::vector<std::byte> reply;
    const AppendRequest request{capability, observed_size, length};
    ORFA_TRY(call_inode(capability.ino, Op::kAppend, rpc::as_body(request), reply, "append", {}));
    AppendReply answer;
    if (!Reader(reply).get(answer)) return fail(Status::from_errno(EPROTO), "append: short reply");
    return answer.offset;
}

Status Names::mkdir(std::string_view path, std::uint32_t mode) {
    MkdirRequest request{0, mode & 07777, 0};
    PathCall call{.op = Op::kMkdir, .what = "mkdir", .path = path, .head = head_of(request)};
    return call_path(call).status();
}

Status Names::rmdir(std::string_view path) {
    RemoveRequest request{};
    PathCall call{.op = Op::kRmdir, .what = "rmdir", .path = path, .head = head_of(request)};
    return call_path(call).status();
}

Status Names::unlink(std::string_view path) {
    RemoveRequest request{};
    PathCall call{.op = Op::kUnlink, .what = "unlink", .path = path, .head = head_of(request)};
    return call_path(call).status();
}

Status Names::symlink(std::string_view target, std::string_view path) {
    if (target.size() > kMaxTarget)
        return fail(Status::from_errno(ENAMETOOLONG), "symlink '%s': the target is too long",
                    text_of(path).c_str());
    SymlinkRequest request{};
    PathCall call{.op = Op::kSymlink,
                  .what = "symlink",
                  .path = path,
                  .head = head_of(request),
                  .second = target,
                  .has_second = true};
    return call_path(call).status();
}

Result<Attributes> Names::walk(std::string_view path, std::uint32_t flags, std::uint32_t access,
                               const char* what) {
    WalkRequest request{0, flags, access};
    PathCall call{.op = Op::kWalk, .what = what, .path = path, .head = head_of(request)};
    const auto done = call_path(call);
    if (!done.ok()) return done.status();
    Attributes attributes;
    if (!get_after_path(call.reply, attributes))
        return fail(Status::from_errno(EPROTO), "%s '%s': short reply", what,
                    text_of(path).c_str());
    return attributes;
}

Status Names::access(std::string_view path, std::uint32_t access) {
    return walk(path, kFollowLast, access, "access").status();
}

Result<std::string> Names::readlink(std::string_view path) {
    auto link = walk(path, 0, 0, "readlink");
    if (!link.ok()) return link.status();
    std::vector<std::byte> reply;
    ORFA_TRY(call_inode(link->ino, Op::kReadlink, rpc::as_body(InodeRequest{link->ino}), reply,
                        "readlink", path));
    std::string_view target;
    if (!Reader(reply).get_string(target, kMaxPath))
        return fail(Status::from_errno(EPROTO), "readlink '%s': short reply",
                    text_of(path).c_str());
    return std::string(target);
}

Result<std::uint64_t> Names::parent_of(std::string_view path, const char* what,
                                       std::string_view& name, bool& must_be_directory) {
    if (path.empty()) return fail(Status::from_errno(ENOENT), "%s '': the path is empty", what);
    const SplitPath parts = split(path);
    name = parts.name;
    must_be_directory = parts.must_be_directory;
    auto parent = walk(parts.parent.empty() ? "/" : parts.parent, kFollowLast, 0, what);
    if (!parent.ok()) return parent.status();
    return parent->ino;
}

Status Names::link(std::string_view from, std::string_view to) {
    auto source = walk(from, 0, 0, "link");
    if (!source.ok()) return source.status();
    std::string_view name;
    bool must_be_directory = false;
    auto parent = parent_of(to, "link", name, must_be_directory);
    if (!parent.ok()) return parent.status();
    if (must_be_directory)
        return fail(Status::from_errno(ENOENT), "link '%s': no directory", text_of(to).c_str());
    std::vector<std::byte> reply;
    return call_inode(*parent, Op::kLink, with_name(LinkRequest{source->ino, *parent}, name), reply,
                      "link", to);
}

Result<std::uint64_t> Names::open_directory(std::string_view path) {
    auto directory = walk(path, kFollowLast, R_OK, "opendir");
    if (!directory.ok()) return directory.status();
    if (!S_ISDIR(directory->mode))
        return fail(Status::from_errno(ENOTDIR), "opendir '%s': not a directory",
                    text_of(path).c_str());
    return directory->ino;
}

Status Names::read_directory(std::uint64_t directory, const DirectoryEntry* after,
                             std::vector<DirectoryEntry>& page) {
    page.clear();
    const ReaddirRequest request{directory, after == nullptr ? 0 : after->cookie, 65536, 0};
    std::vector<std::byte> reply;
    ORFA_TRY(call_inode(directory, Op::kReaddir,
                        with_name(request, after == nullptr ? std::string_view() : after->name),
                        reply, "readdir", {}));
    Reader reader(reply);
    ReaddirReply head{};
    bool whole = reader.get(head);
    for (std::uint32_t i = 0; whole && i < head.count; ++i) {
        ReaddirEntry entry;
        std::string_view name;
        whole = reader.get(entry) && reader.get_string(name, kMaxName);
        if (whole) page.push_back({entry.ino, entry.type, entry.cookie, std::string(name)});
    }
    if (!whole) return fail(Status::from_errno(EPROTO), "readdir: short reply");
    return {};
}

}  // namespace orfa::client
