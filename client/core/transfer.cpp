// SPDX-License-Identifier: MIT
#include "client/core/transfer.hpp"

#include "client/core/error_text.hpp"
#include "client/core/file.hpp"
#include "client/core/group.hpp"
#include "client/core/part.hpp"
#include "client/core/session.hpp"
#include "protocol/name_messages.hpp"
#include "protocol/walk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace orfa::client {

class Transfer::SpreadMarking final : public rpc::Call {
  public:
    explicit SpreadMarking(Transfer& transfer) : transfer_(transfer) {}
    void on_reply(Status status, std::span<const std::byte>) override {
        if (status.ok()) transfer_.file_->set_spread();
        transfer_.part_ended(protocol::home_of(transfer_.file_->capability().ino), status);
    }

  private:
    Transfer& transfer_;
};

class Transfer::Joining final : public rpc::Call {
  public:
    Joining(Transfer& transfer, std::uint32_t server) : transfer_(transfer), server_(server) {}
    void on_reply(Status status, std::span<const std::byte>) override {
        transfer_.part_ended(server_, status);
    }

  private:
    Transfer& transfer_;
    const std::uint32_t server_;
};

Transfer::Transfer() = default;
Transfer::~Transfer() = default;

Part& Transfer::part(std::size_t index) {
    while (parts_.size() <= index)
        parts_.push_back(std::make_unique<Part>(*this));
    return *parts_[index];
}

Status Transfer::start(File& file, Direction direction, const orfa_access& access, bool background,
                       Group* group, void* tag, const orfa_together* together) {
    times_.begin(!background);
    file_ = &file;
    direction_ = direction;
    group_ = nullptr;
    tag_ = tag;
    left_ = 0;
    status_ = Status();
    if (together != nullptr &&
        (together->participants < 1 || together->participants > protocol::kMaxParticipants))
        return fail(Status::from_errno(EINVAL), "%s: an access of %u participants",
                    file.path().c_str(), together->participants);
    ORFA_TRY(shares_.cut(file.layout(), access));
    in_place_.assign(shares_.size(), false);
    if (direction == Direction::kRead) note_ranges(access);
    ORFA_TRY(connect_servers(together != nullptr));

    background_ = background;
    if (together == nullptr) move_in_place();
    rpc::Mesh& mesh = file.session().mesh();
    const MutexLock lock(mesh.mutex());
    ORFA_TRY(start_parts(together));
    times_.sent();
    if (group != nullptr) {
        group_ = group;
        group->add(*this, done());
    }
    holds_progress_ = background && !moves_alone();
    if (holds_progress_) mesh.hold_progress();
    return {};
}

void Transfer::move_in_place() {
    // Who computes meanwhile leaves larger copies to the servers.
    constexpr std::uint64_t kMostInBackground = 64 << 10;
    if (background_ && shares_.bytes() > kMostInBackground) return;
    const std::uint32_t right =
        direction_ == Direction::kRead ? protocol::kMayRead : protocol::kMayWrite;
    if ((file_->capability().rights & right) == 0) return;
    for (std::size_t i = 0; i < shares_.size(); ++i)
        in_place_[i] = part(i).move_in_place(shares_[i], direction_);
}

Status Transfer::connect_servers(bool all) {
    for (std::uint32_t column = 0; all && column < file_->layout().stripe_count; ++column)
        ORFA_TRY(connect_to(file_->server_of(column)));
    for (std::size_t i = 0; i < shares_.size(); ++i)
        ORFA_TRY(connect_to(file_->server_of(shares_[i].column)));
    return needs_marking() ? connect_to(protocol::home_of(file_->capability().ino)) : Status();
}

Status Transfer::connect_to(std::uint32_t server) {
    rpc::Mesh& mesh = file_->session().mesh();
    if (mesh.is_connected(server)) return {};
    const Status connected = mesh.connect(server);
    if (connected.ok()) return {};
    return fail(connected, "%s: no connection to server %s: %s", file_->path().c_str(),
                file_->session().server_name(server).c_str(), describe(connected).c_str());
}

// Whether this is a write that puts data where the file's home server expects none.
bool Transfer::needs_marking() const {
    if (direction_ != Direction::kWrite || file_->is_spread()) return false;
    for (std::size_t i = 0; i < shares_.size(); ++i)
        if (shares_[i].column != 0 && !in_place_[i]) return true;
    return false;
}

// Needs the mesh's lock.
Status Transfer::start_parts(const orfa_together* together) {
    // Until all are started, so that an early end can't look like the last one.
    left_ = 1;
    if (needs_marking()) part_started(protocol::home_of(file_->capability().ino), mark_spread());
    if (together != nullptr) {
        start_together({together->id, together->participants, 0});
    } else {
        for (std::size_t i = 0; i < shares_.size(); ++i)
            if (!in_place_[i])
                part_started(file_->server_of(shares_[i].column),
                             part(i).start(shares_[i], direction_, nullptr));
    }
    --left_;
    if (left_ == 0 && !status_.ok()) return failure();
    return {};
}

// Each server gets one part that counts: the first of several, or none at all. Needs the mesh's
// lock.
void Transfer::start_together(const protocol::Together& together) {
    std::vector<bool> told(file_->layout().stripe_count, false);
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        const std::uint32_t column = shares_[i].column;
        part_started(file_->server_of(column),
                     part(i).start(shares_[i], direction_, told[column] ? nullptr : &together));
        told[column] = true;
    }
    joinings_.clear();
    for (std::uint32_t column = 0; column < told.size(); ++column)
        if (!told[column]) part_started(file_->server_of(column), join(column, together));
}

Status Transfer::join(std::uint32_t column, const protocol::Together& together) ORFA_NO_ANALYSIS {
    const std::uint32_t server = file_->server_of(column);
    joinings_.push_back(std::make_unique<Joining>(*this, server));
    const protocol::JoinRequest request{file_->capability(), together};
    return file_->session().mesh().start(server, protocol::Op::kJoin, rpc::as_body(request), {},
                                         *joinings_.back());
}

void Transfer::part_started(std::uint32_t server, Status status) {
    if (status.ok())
        ++left_;
    else
        note_error(server, status);
}

void Transfer::note_error(std::uint32_t server, Status status) {
    if (!status_.ok()) return;
    // The connection was there before start() took the lock.
    status_ = status.err() == ENOTCONN ? Status::from_errno(ECONNRESET) : status;
    failed_server_ = server;
}

// The first error, with its text.
Status Transfer::failure() const {
    return fail_at(status_, direction_ == Direction::kRead ? "reading" : "writing",
                   file_->path().c_str(), failed_server_,
                   &file_->session().mesh().address(failed_server_));
}

// The caller holds the mesh's lock, by a name the analysis can't follow.
Status Transfer::mark_spread() ORFA_NO_ANALYSIS {
    if (marking_ == nullptr) marking_ = std::make_unique<SpreadMarking>(*this);
    const protocol::MarkSpreadRequest request{file_->capability()};
    return file_->session().mesh().start(protocol::home_of(file_->capability().ino),
                                         protocol::Op::kMarkSpread, rpc::as_body(request), {},
                                         *marking_);
}

// Needs the mesh's lock.
bool Transfer::moves_alone() const ORFA_NO_ANALYSIS {
    rpc::Mesh& mesh = file_->session().mesh();
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        if (in_place_[i]) continue;
        const auto route = mesh.route(file_->server_of(shares_[i].column));
        if (route.ok() && !(*route).endpoint->moves_alone((*route).peer)) return false;
    }
    return true;
}

void Transfer::part_ended(std::uint32_t server, Status status) {
    if (!status.ok()) note_error(server, status);
    if (--left_ == 0 && group_ != nullptr) group_->ended(*this);
}

Result<std::uint64_t> Transfer::finish() {
    Session& session = file_->session();
    if (holds_progress_) session.mesh().release_progress();
    holds_progress_ = false;
    const auto bytes = finish_bytes();
    times_.end(session.counters.timed);
    return bytes;
}

Result<std::uint64_t> Transfer::finish_bytes() {
    Session& session = file_->session();
    if (!status_.ok()) return failure();
    if (direction_ == Direction::kRead) return finish_read();
    session.counters.bytes_written.fetch_add(shares_.bytes(), std::memory_order_relaxed);
    return shares_.bytes();
}

Result<std::uint64_t> Transfer::finish_read() {
    Session& session = file_->session();
    bool whole = true;
    for (std::size_t i = 0; i < shares_.size(); ++i)
        whole = whole && parts_[i]->reply().bytes == shares_[i].bytes;
    std::uint64_t bytes = shares_.bytes();
    if (!whole) {
        // What an object does not have is either a hole or beyond the end: the file's size tells.
        std::vector<std::uint64_t> sizes(file_->layout().stripe_count, File::kUnknown);
        for (std::size_t i = 0; i < shares_.size(); ++i)
            sizes[shares_[i].column] = parts_[i]->reply().object_size;
        const auto size = file_->size_from(std::move(sizes));
        if (!size.ok()) return size.status();
        for (std::size_t i = 0; i < shares_.size(); ++i)
            parts_[i]->zero_holes(file_->layout(), *size);
        bytes = bytes_before(*size);
    }
    session.counters.bytes_read.fetch_add(bytes, std::memory_order_relaxed);
    return bytes;
}

void Transfer::note_ranges(const orfa_access& access) {
    ranges_.clear();
    if (access.strided_count > 0) ranges_ = shares_[0].pattern;  // each share has all of it
    for (std::size_t i = 0; i < access.extent_count; ++i)
        if (const orfa_extent& extent = access.extents[i]; extent.length > 0)
            ranges_.push_back({extent.offset, extent.length, 0, 0, 1, 1});
}

// The leading bytes of the access before the first one at or beyond `file_size`.
std::uint64_t Transfer::bytes_before(std::uint64_t file_size) const {
    std::uint64_t bytes = 0;
    protocol::Walk walk(ranges_, {});
    for (auto run = walk.next(); run.count > 0; run = walk.next()) {
        const std::uint64_t below = protocol::bytes_below(run, file_size);
        if (below == run.length * run.count) {
            bytes += below;
            continue;
        }
        // The first piece that is not all there ends it.
        for (std::uint64_t i = 0; i < run.count; ++i) {
            const std::uint64_t there =
                protocol::bytes_below(run.offset + i * run.stride, run.length, file_size);
            bytes += there;
            if (there < run.length) break;
        }
        break;
    }
    return bytes;
}

TransferPool::TransferPool() = default;
TransferPool::~TransferPool() = default;

std::unique_ptr<Transfer> TransferPool::take() {
    const MutexLock lock(mutex_);
    if (free_.empty()) return std::make_unique<Transfer>();
    auto transfer = std::move(free_.back());
    free_.pop_back();
    return transfer;
}

void TransferPool::give_back(std::unique_ptr<Transfer> transfer) {
    constexpr std::size_t kKept = 64;
    const MutexLock lock(mutex_);
    if (free_.size() < kKept) free_.push_back(std::move(transfer));
}

}  // namespace orfa::client
