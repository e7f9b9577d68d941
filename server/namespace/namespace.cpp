// SPDX-License-Identifier: MIT
#include "server/namespace/namespace.hpp"

#include "common/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace orfa::server {
namespace {

// Numbers are reserved on disk in steps of this, so that taking one seldom writes.
constexpr std::uint64_t kReserve = 4096;
// A local inode number names the server that chose it above, that server's counter below, so that
// a server can choose numbers for inodes of another without asking.
constexpr unsigned kChooserShift = 36;

std::int64_t system_clock_ns() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

}  // namespace

Namespace::Namespace(std::unique_ptr<KvStore> kv, const ServerIdentity& identity, Clock clock)
    : kv_(std::move(kv)), identity_(identity), clock_(clock ? clock : system_clock_ns) {
}

Status Namespace::load() {
    ORFA_TRY(load_value("inos", reserved_ino_));
    next_ino_ = std::max(next_ino_, reserved_ino_);
    ORFA_TRY(load_value("operations", reserved_operation_));
    next_operation_ = std::max(next_operation_, reserved_operation_);

    std::uint64_t index_plus_one = 0;
    ORFA_TRY(load_value("server", index_plus_one));
    if (index_plus_one == 0) {
        Changes& fresh = changes();
        const std::uint64_t mine = identity_.index + std::uint64_t{1};
        fresh.batch().put(Key('M').text("server"), as_value(mine));
        ORFA_TRY(commit(fresh));
    } else if (index_plus_one != identity_.index + std::uint64_t{1}) {
        ORFA_LOG(server, error, "the names kept here are those of server %llu, not %u",
                 static_cast<unsigned long long>(index_plus_one - 1), identity_.index);
        return Status::from_errno(EPROTO);
    }

    files_ = 0;
    ORFA_TRY(kv_->scan("I", "J", [this](std::string_view, std::string_view) {
        ++files_;
        return true;
    }));
    if (identity_.index == protocol::home_of(protocol::kRootIno) &&
        inode(protocol::kRootIno).status().err() == ENOENT)
        ORFA_TRY(make_root());
    return load_intents();
}

Status Namespace::load_value(std::string_view name, std::uint64_t& value) {
    const Status read = kv_->get(Key('M').text(name), value_);
    if (read.err() == ENOENT) return {};
    ORFA_TRY(read);
    return from_value(value_, value) ? Status() : Status::from_errno(EPROTO);
}

Status Namespace::make_root() {
    InodeRecord root{};
    root.parent = protocol::kRootIno;
    // Whoever may use the cluster may make names in its root, but only remove their own.
    root.mode = S_IFDIR | S_ISVTX | 0777;
    root.nlink = 2;
    root.uid = ::getuid();
    root.gid = ::getgid();
    root.atime_ns = root.mtime_ns = root.ctime_ns = now();
    Changes& fresh = changes();
    fresh.put_inode(protocol::kRootIno, root);
    fresh.new_files = 1;
    return commit(fresh);
}

Status Namespace::drop_orphans() {
    std::vector<std::uint64_t> orphans;
    ORFA_TRY(kv_->scan("O", "P", [&](std::string_view key, std::string_view) {
        std::uint64_t ino = 0;
        std::memcpy(&ino, key.data() + 1, sizeof(ino));
        orphans.push_back(__builtin_bswap64(ino));
        return true;
    }));
    for (const std::uint64_t ino : orphans) {
        auto found = inode(ino);
        if (!found.ok()) continue;
        Changes& gone = changes();
        gone.batch().erase(Key('O').number(ino));
        delete_inode(gone, ino, *found);
        ORFA_TRY(commit(gone));
    }
    return {};
}

Result<InodeRecord> Namespace::inode(std::uint64_t ino) {
    if (const Status read = kv_->get(inode_key(ino), value_); !read.ok()) return read;
    InodeRecord record;
    if (!from_value(value_, record)) return Status::from_errno(EIO);
    return record;
}

Result<InodeRecord> Namespace::directory(std::uint64_t ino) {
    auto found = inode(ino);
    if (found.ok() && !found->is_directory()) return Status::from_errno(ENOTDIR);
    return found;
}

Result<EntryRecord> Namespace::entry(std::uint64_t directory, std::string_view name) {
    if (const Status read = kv_->get(entry_key(directory, name), value_); !read.ok()) return read;
    EntryRecord record;
    if (!from_value(value_, record)) return Status::from_errno(EIO);
    return record;
}

Result<std::string> Namespace::link_target(std::uint64_t ino) {
    std::string target;
    if (const Status read = kv_->get(target_key(ino), target); !read.ok()) return read;
    return target;
}

Status Namespace::commit(Changes& changes) {
    const Status written = changes.batch().empty() ? Status() : kv_->write(changes.batch());
    if (!written.ok()) {
        ORFA_LOG(server, error, "the names could not be written: errno %d", written.err());
        drop_changes();
        return written;
    }
    files_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(files_) + changes.new_files);
    changes.clear();
    if (deleted_.empty()) return {};
    const auto deleted = std::exchange(deleted_, {});
    for (const Deleted& file : deleted) {
        append_ends_.erase(file.ino);
        if (on_deleted_) on_deleted_(file.ino, file.layout, file.spread);
    }
    return {};
}

void Namespace::drop_changes() {
    changes_.clear();
    deleted_.clear();
    // Reservations of numbers may have been among them.
    reserved_ino_ = next_ino_;
    reserved_operation_ = next_operation_;
}

std::uint64_t Namespace::take_number(std::uint64_t& next, std::uint64_t& reserved,
                                     std::string_view name, Changes& changes) {
    if (next >= reserved) {
        reserved = next + kReserve;
        changes.batch().put(Key('M').text(name), as_value(reserved));
    }
    return next++;
}

std::uint64_t Namespace::new_ino(std::uint32_t home, Changes& changes) {
    const std::uint64_t number = take_number(next_ino_, reserved_ino_, "inos", changes);
    return protocol::make_ino(home, std::uint64_t{identity_.index} << kChooserShift | number);
}

std::uint64_t Namespace::new_operation(Changes& changes) {
    return take_number(next_operation_, reserved_operation_, "operations", changes);
}

void Namespace::put_unlinked(Changes& changes, std::uint64_t ino, InodeRecord inode) {
    inode.nlink = 0;
    inode.ctime_ns = now();
    if (!is_open(ino)) {
        delete_inode(changes, ino, inode);
        return;
    }
    changes.put_inode(ino, inode);
    changes.batch().put(Key('O').number(ino), {});
}

void Namespace::drop_link(Changes& changes, std::uint64_t ino, InodeRecord inode) {
    if (inode.nlink <= 1) {
        put_unlinked(changes, ino, inode);
        return;
    }
    --inode.nlink;
    inode.ctime_ns = now();
    changes.put_inode(ino, inode);
}

void Namespace::delete_inode(Changes& changes, std::uint64_t ino, const InodeRecord& inode) {
    KvBatch& batch = changes.batch();
    batch.erase(inode_key(ino));
    if (inode.is_symlink()) batch.erase(target_key(ino));
    if ((inode.flags & kHasXattrs) != 0) {
        // The store can't fail a scan of memory; a failed one leaves attributes that nobody
        // reaches.
        const Status scanned = kv_->scan(Key('X').number(ino), Key('X').number(ino + 1),
                                         [&](std::string_view key, std::string_view) {
                                             batch.erase(key);
                                             return true;
                                         });
        if (!scanned.ok()) ORFA_LOG(server, warn, "attributes of a deleted file stay behind");
    }
    --changes.new_files;
    if (!inode.is_file()) return;
    const bool spread = (inode.flags & protocol::kSpread) != 0;
    if (spread) batch.put(Key('R').number(ino), as_value(RemovalRecord{inode.layout}));
    deleted_.push_back({ino, inode.layout, spread});
}

}  // namespace orfa::server
