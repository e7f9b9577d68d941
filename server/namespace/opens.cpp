// SPDX-License-Identifier: MIT
// What sessions have under way - open files, appends, values in pieces: known in memory only.
#include "common/log.hpp"
#include "server/namespace/namespace.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::server {

void Namespace::count_open(Session& session, std::uint64_t ino) {
    ++session.open_files[ino];
    ++opens_[ino];
}

Status Namespace::count_close(Session& session, std::uint64_t ino) {
    auto mine = session.open_files.find(ino);
    if (mine == session.open_files.end()) return Status::from_errno(EBADF);
    if (--mine->second == 0) session.open_files.erase(mine);
    return drop_opens(ino, 1);
}

void Namespace::end_session(Session& session) {
    rename_turn_.end_session(session);
    pieces_.erase(&session);
    const auto open_files = std::exchange(session.open_files, {});
    for (const auto& [ino, count] : open_files) {
        const Status dropped = drop_opens(ino, count);
        if (!dropped.ok())
            ORFA_LOG(server, warn, "inode %llu stays behind: errno %d",
                     static_cast<unsigned long long>(ino), dropped.err());
    }
}

Status Namespace::drop_opens(std::uint64_t ino, std::uint32_t count) {
    auto all = opens_.find(ino);
    if (all == opens_.end() || all->second < count) return Status::from_errno(EBADF);
    all->second -= count;
    if (all->second != 0) return {};
    opens_.erase(all);
    append_ends_.erase(ino);
    auto found = inode(ino);
    if (!found.ok() || found->nlink != 0) return {};
    Changes& gone = changes();
    gone.batch().erase(Key('O').number(ino));
    delete_inode(gone, ino, *found);
    return commit(gone);
}

Result<std::string> Namespace::collect_pieces(const Session& session, const PieceOf& what,
                                              std::size_t offset, std::string_view piece,
                                              std::size_t total) {
    constexpr std::size_t kMostAtOnce = 16;
    auto& values = pieces_[&session];
    if (offset == 0) values.erase(what);
    if (values.size() >= kMostAtOnce && !values.contains(what)) return Status::from_errno(EBUSY);
    std::string& value = values[what];
    if (value.size() != offset || piece.empty()) {
        values.erase(what);
        return Status::from_errno(EINVAL);
    }
    value.append(piece);
    if (value.size() < total) return value;
    std::string whole = std::move(value);
    values.erase(what);
    return whole;
}

std::uint64_t Namespace::reserve_append(std::uint64_t ino, std::uint64_t observed,
                                        std::uint64_t length) {
    std::uint64_t& end = append_ends_[ino];
    const std::uint64_t offset = std::max(end, observed);
    end = offset + length;
    return offset;
}

}  // namespace orfa::server
