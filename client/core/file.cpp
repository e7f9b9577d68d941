// SPDX-License-Identifier: MIT
#include "client/core/file.hpp"

#include "client/core/error_text.hpp"
#include "client/core/fan_out.hpp"
#include "client/core/session.hpp"
#include "protocol/codec.hpp"
#include "protocol/io_messages.hpp"
#include "protocol/layout.hpp"
#include "protocol/name_messages.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>

namespace orfa::client {
namespace {

// An exported handle. Not kept anywhere, so it has no version but the magic's.
struct HandleBytes {
    std::uint64_t magic;
    protocol::Capability capability;
    protocol::Layout layout;
    std::uint32_t server_count;
    std::uint32_t spread;
};
constexpr std::uint64_t kHandleMagic = 0x31454c4446524fULL;  // "ORFDLE1"
static_assert(protocol::Wire<HandleBytes> && sizeof(HandleBytes) <= ORFA_HANDLE_MAX);

const char* what_failed(protocol::Op op) {
    switch (op) {
        case protocol::Op::kTruncate:
            return "truncating";
        case protocol::Op::kAllocate:
            return "allocating space for";
        case protocol::Op::kSync:
            return "syncing";
        default:
            return "asking for the size of";
    }
}

Status take_nothing(std::size_t, std::span<const std::byte>) {
    return {};
}

}  // namespace

File::File(Session& session, std::string path, const protocol::Capability& capability,
           const protocol::Layout& layout, bool spread, bool opened)
    : session_(session),
      path_(std::move(path)),
      capability_(capability),
      layout_(layout),
      spread_(spread),
      opened_(opened) {
}

Result<std::unique_ptr<File>> File::open(Session& session, const std::string& path, int flags,
                                         mode_t mode, const orfa_layout* layout) {
    const auto opened = session.names().open(path, flags, mode, layout);
    if (!opened.ok()) return opened.status();
    const protocol::Attributes& attributes = (*opened).attributes;
    if (!S_ISREG(attributes.mode)) {
        [[maybe_unused]] const Status closed = session.names().close(attributes.ino);
        return fail(Status::from_errno(S_ISDIR(attributes.mode) ? EISDIR : EINVAL),
                    "%s is no regular file", path.c_str());
    }
    if (!protocol::is_valid(attributes.layout, session.mesh().server_count()))
        return fail(Status::from_errno(EPROTO), "%s: the server gave an impossible layout",
                    path.c_str());
    std::unique_ptr<File> file(new File(session, path, (*opened).capability, attributes.layout,
                                        (attributes.flags & protocol::kSpread) != 0, true));
    // The home server has cut its own object; the others' are ours to cut.
    if ((flags & O_TRUNC) != 0 && file->is_spread() && !(*opened).created)
        ORFA_TRY(file->truncate(0));
    return file;
}

Result<std::unique_ptr<File>> File::decode(Session& session, std::span<const std::byte> bytes) {
    protocol::Reader reader(bytes);
    HandleBytes handle{};
    if (!reader.get(handle) || handle.magic != kHandleMagic ||
        handle.server_count != session.mesh().server_count() ||
        !protocol::is_valid(handle.layout, handle.server_count))
        return fail(Status::from_errno(EINVAL), "these bytes are no handle of this cluster");
    return std::unique_ptr<File>(new File(session, "(imported handle)", handle.capability,
                                          handle.layout, handle.spread != 0, false));
}

Result<std::size_t> File::encode(std::span<std::byte> out) const {
    const HandleBytes handle{kHandleMagic, capability_, layout_, session_.mesh().server_count(),
                             is_spread() ? 1U : 0U};
    protocol::Writer writer(out);
    if (!writer.put(handle)) return Status::from_errno(ERANGE);
    return writer.size();
}

Status File::close() {
    const Status unlocked = locks_.unlock_all();
    const Status closed = opened_ ? session_.names().close(capability_.ino) : Status();
    return unlocked.ok() ? closed : unlocked;
}

std::uint32_t File::server_of(std::uint32_t column) const {
    return protocol::server_of(layout_, column, session_.mesh().server_count());
}

Result<std::uint64_t> File::transfer(Direction direction, const orfa_access& access,
                                     const orfa_together* together) {
    auto transfer = session_.transfers().take();
    const Status started =
        transfer->start(*this, direction, access, false, nullptr, nullptr, together);
    if (!started.ok()) {
        session_.transfers().give_back(std::move(transfer));
        return started;
    }
    session_.mesh().wait([&] { return transfer->done(); });
    const auto result = transfer->finish();
    session_.transfers().give_back(std::move(transfer));
    return result;
}

Result<std::uint64_t> File::append(const void* data, std::size_t length) {
    const auto observed = size();
    if (!observed.ok()) return observed.status();
    const auto offset = session_.names().reserve_append(capability_, *observed, length);
    if (!offset.ok()) return offset.status();
    const orfa_segment segment{const_cast<void*>(data), length};
    const orfa_extent extent{*offset, length};
    return write({&segment, 1, &extent, 1, nullptr, 0});
}

template <typename Request, typename Take>
Status File::ask_columns(const std::vector<std::uint32_t>& columns, protocol::Op op,
                         const std::vector<Request>& requests, Take take) {
    std::vector<Question> questions;
    questions.reserve(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i)
        questions.push_back({server_of(columns[i]), rpc::as_body(requests[i])});
    const FanOutError error = ask_all(session_.mesh(), op, questions, take);
    if (error.status.ok()) return {};
    return fail_at(error.status, what_failed(op), path_.c_str(), error.server,
                   &session_.mesh().address(error.server));
}

std::vector<std::uint32_t> File::all_columns() const {
    std::vector<std::uint32_t> columns(layout_.stripe_count);
    std::iota(columns.begin(), columns.end(), 0U);
    return columns;
}

Result<std::uint64_t> File::size_from(std::vector<std::uint64_t> sizes) {
    std::vector<std::uint32_t> unknown;
    for (std::uint32_t column = 0; column < layout_.stripe_count; ++column)
        if (sizes[column] == kUnknown) unknown.push_back(column);
    const std::vector<protocol::ObjectRequest> requests(unknown.size(), {capability_.ino});
    const auto take = [&](std::size_t index, std::span<const std::byte> body) {
        protocol::Reader reader(body);
        protocol::ObjectReply reply{};
        if (!reader.get(reply)) return Status::from_errno(EPROTO);
        sizes[unknown[index]] = reply.size;
        return Status();
    };
    if (!unknown.empty()) ORFA_TRY(ask_columns(unknown, protocol::Op::kObjectStat, requests, take));
    std::uint64_t size = 0;
    for (std::uint32_t column = 0; column < layout_.stripe_count; ++column)
        size = std::max(size, protocol::file_size_from(layout_, column, sizes[column]));
    return size;
}

Result<std::uint64_t> File::size() {
    return size_from(std::vector<std::uint64_t>(layout_.stripe_count, kUnknown));
}

Status File::mark_spread() {
    if (is_spread() || layout_.stripe_count == 1) return {};
    ORFA_TRY(session_.names().mark_spread(capability_));
    set_spread();
    return {};
}

Status File::truncate(std::uint64_t size) {
    if (size > layout_.stripe_size) ORFA_TRY(mark_spread());
    std::vector<protocol::TruncateRequest> requests;
    const auto columns = all_columns();
    requests.reserve(columns.size());
    for (const std::uint32_t column : columns)
        requests.push_back({capability_, protocol::object_size(layout_, column, size),
                            protocol::TruncateMode::kExact, 0});
    return ask_columns(columns, protocol::Op::kTruncate, requests, take_nothing);
}

Status File::allocate(std::uint64_t offset, std::uint64_t length) {
    if (length == 0) return {};
    if (offset + length < offset) return Status::from_errno(EFBIG);
    if (offset + length > layout_.stripe_size) ORFA_TRY(mark_spread());
    std::vector<std::uint32_t> columns;
    std::vector<protocol::AllocateRequest> requests;
    for (const std::uint32_t column : all_columns()) {
        // A contiguous range of the file is one contiguous range of each object.
        const std::uint64_t from = protocol::object_size(layout_, column, offset);
        const std::uint64_t to = protocol::object_size(layout_, column, offset + length);
        if (from == to) continue;
        columns.push_back(column);
        requests.push_back({capability_, {from, to - from}});
    }
    return ask_columns(columns, protocol::Op::kAllocate, requests, take_nothing);
}

Status File::locate(std::uint32_t column, const Locations::Miss& miss,
                    const Locations::Room& room) {
    rpc::Mesh& mesh = session_.mesh();
    const std::uint64_t first = miss.region() * Locations::kRegionBlocks;
    const protocol::LocateRequest request{capability_,
                                          first,
                                          Locations::kRegionBlocks,
                                          static_cast<std::uint32_t>(miss.block - first),
                                          room.count,
                                          room.fresh};
    std::vector<std::byte> reply;
    ORFA_TRY(mesh.call(server_of(column), protocol::Op::kLocate, rpc::as_body(request), reply));
    protocol::Reader reader(reply);
    protocol::LocateReply head{};
    std::array<protocol::BlockLocation, Locations::kRegionBlocks> locations{};
    if (!reader.get(head)) return Status::from_errno(EPROTO);
    for (auto& location : locations)
        if (!reader.get(location)) return Status::from_errno(EPROTO);
    const MutexLock lock(mesh.mutex());
    locations_.learn(column, miss, head.made, locations);
    return {};
}

bool File::is_mapped() {
    rpc::Mesh& mesh = session_.mesh();
    for (const std::uint32_t column : all_columns()) {
        const std::uint32_t server = server_of(column);
        if (!mesh.is_connected(server) && !mesh.connect(server).ok()) return false;
        const MutexLock lock(mesh.mutex());
        const auto route = mesh.route(server);
        if (!route.ok() || (*route).endpoint->exposed((*route).peer).memory.empty()) return false;
    }
    return true;
}

Status File::sync() {
    const auto columns = all_columns();
    const std::vector<protocol::SyncRequest> requests(columns.size(), {capability_});
    return ask_columns(columns, protocol::Op::kSync, requests, take_nothing);
}

Result<protocol::Attributes> File::attributes() {
    return session_.names().attributes(capability_.ino);
}

}  // namespace orfa::client
