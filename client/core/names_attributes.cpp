// SPDX-License-Identifier: MIT
// Names: attributes, which for a file that is spread are gathered from all of its servers.
#include "client/core/error_text.hpp"
#include "client/core/fan_out.hpp"
#include "client/core/names.hpp"
#include "protocol/codec.hpp"
#include "protocol/io_messages.hpp"
#include "protocol/layout.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace orfa::client {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's structs, throughout

namespace {

timespec to_timespec(std::int64_t time_ns) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    std::int64_t seconds = time_ns / kSecond;
    std::int64_t rest = time_ns % kSecond;
    if (rest < 0) {
        rest += kSecond;
        --seconds;
    }
    return {static_cast<time_t>(seconds), static_cast<long>(rest)};
}

}  // namespace

struct stat to_stat(const Attributes& attributes) {
    struct stat out {};
    out.st_ino = attributes.ino;
    out.st_mode = attributes.mode;
    out.st_nlink = attributes.nlink;
    out.st_uid = attributes.uid;
    out.st_gid = attributes.gid;
    out.st_size = static_cast<off_t>(attributes.size);
    // What a program's buffers should be like: a stripe at a time.
    out.st_blksize = static_cast<blksize_t>(
        std::clamp<std::uint64_t>(attributes.layout.stripe_size, 4096, 4 << 20));
    out.st_blocks = static_cast<blkcnt_t>((attributes.allocated + 511) / 512);
    out.st_atim = to_timespec(attributes.atime_ns);
    out.st_mtim = to_timespec(attributes.mtime_ns);
    out.st_ctim = to_timespec(attributes.ctime_ns);
    return out;
}

// Completes what the home server said with what the file's other servers know.
Status Names::gather_sizes(Attributes& attributes) {
    if (!S_ISREG(attributes.mode) || (attributes.flags & kSpread) == 0) return {};
    const std::uint32_t servers = mesh_.server_count();
    const Layout layout = attributes.layout;
    if (!is_valid(layout, servers))
        return fail(Status::from_errno(EPROTO), "the server gave an impossible layout");
    const ObjectRequest request{attributes.ino};
    const std::uint32_t home = home_of(attributes.ino);
    std::vector<Question> questions;
    std::vector<std::uint32_t> columns;
    for (std::uint32_t column = 0; column < layout.stripe_count; ++column) {
        const std::uint32_t server = server_of(layout, column, servers);
        if (server == home) continue;  // is in the attributes
        questions.push_back({server, rpc::as_body(request)});
        columns.push_back(column);
    }
    const auto take = [&](std::size_t index, std::span<const std::byte> body) {
        ObjectReply object{};
        if (!Reader(body).get(object)) return Status::from_errno(EPROTO);
        attributes.size =
            std::max(attributes.size, file_size_from(layout, columns[index], object.size));
        attributes.allocated += object.allocated;
        attributes.mtime_ns = std::max(attributes.mtime_ns, object.mtime_ns);
        attributes.ctime_ns = std::max(attributes.ctime_ns, object.mtime_ns);
        return Status();
    };
    const FanOutError error = ask_all(mesh_, Op::kObjectStat, questions, take);
    if (error.status.ok()) return {};
    return fail_at(error.status, "stat: size of a striped file", nullptr, error.server,
                   &mesh_.address(error.server));
}

Result<Attributes> Names::stat(std::string_view path, bool follow_last) {
    auto attributes = walk(path, follow_last ? std::uint32_t{kFollowLast} : 0U, 0, "stat");
    if (attributes.ok()) ORFA_TRY(gather_sizes(*attributes));
    return attributes;
}

Result<Attributes> Names::attributes(std::uint64_t ino) {
    std::vector<std::byte> reply;
    ORFA_TRY(call_inode(ino, Op::kGetattr, rpc::as_body(InodeRequest{ino}), reply, "stat", {}));
    Attributes attributes;
    if (!Reader(reply).get(attributes))
        return fail(Status::from_errno(EPROTO), "stat: short reply");
    ORFA_TRY(gather_sizes(attributes));
    return attributes;
}

Result<Layout> Names::layout_of(std::string_view path) {
    auto attributes = walk(path, kFollowLast, 0, "layout");
    if (!attributes.ok()) return attributes.status();
    return attributes->layout;
}

Result<struct stat> Names::stat_inode(std::uint64_t ino) {
    const auto found = attributes(ino);
    if (!found.ok()) return found.status();
    return to_stat(*found);
}

// Sends a change of attributes to the inode behind `path`. request.ino is filled in.
Status Names::change(std::string_view path, SetattrRequest& request, const char* what) {
    const auto found = walk(path, kFollowLast, 0, what);
    if (!found.ok()) return found.status();
    const Attributes& before = *found;
    request.ino = before.ino;
    std::vector<std::byte> reply;
    ORFA_TRY(call_inode(request.ino, Op::kSetattr, rpc::as_body(request), reply, what, path));
    SetattrReply answer;
    if (!Reader(reply).get(answer))
        return fail(Status::from_errno(EPROTO), "%s: short reply", what);
    if ((request.mask & kSetMtime) == 0) return {};
    return forget_times(answer);
}

// The time just set must not lose against the time of data at the file's other servers.
Status Names::forget_times(const SetattrReply& changed) {
    const Attributes& attributes = changed.attributes;
    const Layout& layout = attributes.layout;
    if (!S_ISREG(attributes.mode) || (attributes.flags & kSpread) == 0) return {};
    if (!is_valid(layout, mesh_.server_count()))
        return fail(Status::from_errno(EPROTO), "the server gave an impossible layout");
    const TruncateRequest request{changed.capability, 0, TruncateMode::kForgetTime, 0};
    std::vector<Question> questions;
    for (std::uint32_t column = 0; column < layout.stripe_count; ++column) {
        const std::uint32_t server = server_of(layout, column, mesh_.server_count());
        if (server != home_of(attributes.ino)) questions.push_back({server, rpc::as_body(request)});
    }
    const FanOutError error =
        ask_all(mesh_, Op::kTruncate, questions,
                [](std::size_t, std::span<const std::byte>) { return Status(); });
    if (error.status.ok()) return {};
    return fail_at(error.status, "utimens", nullptr, error.server, &mesh_.address(error.server));
}

Status Names::chmod(std::string_view path, std::uint32_t mode) {
    SetattrRequest request{};
    request.mask = kSetMode;
    request.mode = mode & 07777;
    return change(path, request, "chmod");
}

Status Names::chown(std::string_view path, std::uint32_t uid, std::uint32_t gid) {
    constexpr auto kUnchanged = static_cast<std::uint32_t>(-1);
    SetattrRequest request{};
    if (uid != kUnchanged) request.mask |= kSetUid;
    if (gid != kUnchanged) request.mask |= kSetGid;
    request.uid = uid;
    request.gid = gid;
    return change(path, request, "chown");
}

Status Names::set_times(std::string_view path, std::int64_t atime_ns, std::int64_t mtime_ns) {
    SetattrRequest request{};
    if (atime_ns == kTimeNow) {
        request.mask |= kSetAtimeNow;
    } else if (atime_ns != kTimeOmit) {
        request.mask |= kSetAtime;
        request.atime_ns = atime_ns;
    }
    if (mtime_ns == kTimeNow) {
        request.mask |= kSetMtimeNow;
    } else if (mtime_ns != kTimeOmit) {
        request.mask |= kSetMtime;
        request.mtime_ns = mtime_ns;
    }
    return change(path, request, "utimens");
}

Result<ClusterUsage> Names::usage() {
    std::vector<Question> questions;
    for (std::uint32_t server = 0; server < mesh_.server_count(); ++server)
        questions.push_back({server, {}});
    ClusterUsage all;
    const auto take = [&all](std::size_t, std::span<const std::byte> body) {
        StatfsReply one{};
        if (!Reader(body).get(one)) return Status::from_errno(EPROTO);
        all.total_bytes += one.total_bytes;
        all.free_bytes += one.free_bytes;
        all.files += one.files;
        return Status();
    };
    const FanOutError error = ask_all(mesh_, Op::kStatfs, questions, take);
    if (!error.status.ok())
        return fail_at(error.status, "statfs", nullptr, error.server, &mesh_.address(error.server));
    return all;
}

}  // namespace orfa::client
