// SPDX-License-Identifier: MIT
// One server's part of the tree: inodes, the entries of the directories that live here, extended
// attributes. What needs no other server is done here in one atomic write; what does is composed by
// the handlers out of Changes, intents and calls to peers (operations.hpp).
#pragma once

#include "common/status.hpp"
#include "protocol/peer_messages.hpp"
#include "server/core.hpp"
#include "server/namespace/intents.hpp"
#include "server/namespace/kv_store.hpp"
#include "server/namespace/name_locks.hpp"
#include "server/namespace/records.hpp"
#include "server/namespace/rename_turn.hpp"
#include "server/session.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace orfa::server {

// Several changes of the namespace, made together by Namespace::commit(). Inodes and entries that
// one operation changes twice must be put once, with both changes.
class Changes {
  public:
    void put_inode(std::uint64_t ino, const InodeRecord& inode) {
        batch_.put(inode_key(ino), as_value(inode));
    }
    void put_entry(std::uint64_t directory, std::string_view name, EntryRecord entry) {
        batch_.put(entry_key(directory, name), as_value(entry));
    }
    void erase_entry(std::uint64_t directory, std::string_view name) {
        batch_.erase(entry_key(directory, name));
    }
    KvBatch& batch() { return batch_; }
    // Inodes made minus inodes deleted.
    std::int64_t new_files = 0;
    void clear() {
        batch_.clear();
        new_files = 0;
    }

  private:
    KvBatch batch_;
};

// Used from the shard's thread only.
class Namespace {
  public:
    using Clock = std::int64_t (*)();  // nanoseconds since the epoch

    Namespace(std::unique_ptr<KvStore> kv, const ServerIdentity& identity, Clock clock = nullptr);
    // Reads what is kept, or makes the root directory; before anything else. EIO, EPROTO (damaged,
    // or of another server).
    Status load();
    // Deletes files that were open without a name when the server ended; after load().
    Status drop_orphans();

    // ---- Reading. ENOENT, EIO.
    Result<InodeRecord> inode(std::uint64_t ino);
    // As inode(), for what must be a directory: ENOTDIR.
    Result<InodeRecord> directory(std::uint64_t ino);
    Result<EntryRecord> entry(std::uint64_t directory, std::string_view name);
    Result<std::string> link_target(std::uint64_t ino);

    // ---- Writing.
    // Empty changes, to be filled and committed (or dropped) before the caller next waits. The same
    // object each time.
    Changes& changes() {
        if (!changes_.batch().empty()) drop_changes();
        return changes_;
    }
    // All or nothing. ENOSPC, EIO.
    Status commit(Changes& changes);
    // A number never used before, for an inode that will live at server `home`.
    std::uint64_t new_ino(std::uint32_t home, Changes& changes);
    // A number never used before, for an intent or an operation at a peer.
    std::uint64_t new_operation(Changes& changes);
    // Writes an intent into `changes` and counts it as open and worked at. Its number.
    std::uint64_t put_intent(Changes& changes, Intent intent);
    // Erases an open intent in `changes`; forget_intent() follows the commit.
    void erase_intent(Changes& changes, std::uint64_t number);
    // Writes that a rename has done its third step; note_moved() follows the commit.
    void put_moved(Changes& changes, std::uint64_t number, Intent intent);
    void note_moved(std::uint64_t number);
    // Its steps could not be ended now: they are tried again later, and the name is doubtful.
    void pause_intent(std::uint64_t number);
    void forget_intent(std::uint64_t number);
    // Drops the marks of steps that server `server` can't send again.
    void forget_steps(std::uint32_t server, std::uint64_t settled_below);
    // How a step of operation `number` names itself to its server.
    [[nodiscard]] protocol::PeerStep step_of(std::uint64_t number, std::uint32_t step) const {
        return {number, intents_.settled_below(next_operation_), identity_.index, step};
    }
    // Puts an inode that has lost its last name into `changes`: deleted at once, or kept as long as
    // it is open. `inode` is as it was, with nlink not yet lowered.
    void put_unlinked(Changes& changes, std::uint64_t ino, InodeRecord inode);
    // One name of a file less.
    void drop_link(Changes& changes, std::uint64_t ino, InodeRecord inode);

    // ---- Opens. Memory only: sessions end with the server.
    void count_open(Session& session, std::uint64_t ino);
    // One open less; the last one of an inode without names deletes it. EBADF: not open.
    Status count_close(Session& session, std::uint64_t ino);
    // Gives back all that the session has open.
    void end_session(Session& session);
    [[nodiscard]] bool is_open(std::uint64_t ino) const { return opens_.contains(ino); }

    // ---- Appends: the end of the ranges reserved so far. Forgotten when nobody has the file open.
    std::uint64_t reserve_append(std::uint64_t ino, std::uint64_t observed, std::uint64_t length);
    void forget_append(std::uint64_t ino) { append_ends_.erase(ino); }

    // ---- Long values that a session sends in pieces, in order. What has come so far, this piece
    // included; forgotten once it is `total` bytes. EINVAL: out of order; EBUSY: too many at once.
    using PieceOf = std::pair<std::uint64_t, std::string>;  // inode, attribute
    Result<std::string> collect_pieces(const Session& session, const PieceOf& what,
                                       std::size_t offset, std::string_view piece,
                                       std::size_t total);

    [[nodiscard]] std::int64_t now() const { return clock_(); }
    [[nodiscard]] const ServerIdentity& identity() const { return identity_; }
    [[nodiscard]] bool is_home(std::uint64_t ino) const {
        return protocol::home_of(ino) == identity_.index;
    }
    [[nodiscard]] std::uint64_t files() const { return files_; }
    KvStore& kv() { return *kv_; }
    NameLocks& locks() { return locks_; }
    Intents& intents() { return intents_; }
    RenameTurn& rename_turn() { return rename_turn_; }

    // Told of each deleted file, once its deletion is committed, to free its objects.
    using OnDeleted =
        std::function<void(std::uint64_t ino, const protocol::Layout& layout, bool spread)>;
    void on_deleted(OnDeleted callback) { on_deleted_ = std::move(callback); }

  private:
    void drop_changes();
    void delete_inode(Changes& changes, std::uint64_t ino, const InodeRecord& inode);
    Status drop_opens(std::uint64_t ino, std::uint32_t count);
    Status make_root();
    Status load_value(std::string_view name, std::uint64_t& value);
    Status load_intents();
    void mark_doubtful(const Intent& intent);
    void clear_doubtful(const Intent& intent);
    std::uint64_t take_number(std::uint64_t& next, std::uint64_t& reserved, std::string_view name,
                              Changes& changes);

    std::unique_ptr<KvStore> kv_;
    const ServerIdentity& identity_;
    Clock clock_;
    NameLocks locks_;
    Intents intents_;
    RenameTurn rename_turn_;
    std::unordered_map<std::uint32_t, std::uint64_t> settled_;  // by server: steps below are gone
    Changes changes_;
    std::string value_;  // reused by reads
    std::uint64_t next_ino_ = 16, reserved_ino_ = 0;
    std::uint64_t next_operation_ = 1, reserved_operation_ = 0;
    std::uint64_t files_ = 0;
    std::unordered_map<std::uint64_t, std::uint32_t> opens_;
    std::unordered_map<std::uint64_t, std::uint64_t> append_ends_;
    std::unordered_map<const Session*, std::map<PieceOf, std::string>> pieces_;
    struct Deleted {
        std::uint64_t ino;
        protocol::Layout layout;
        bool spread;
    };
    std::vector<Deleted> deleted_;  // by the changes under construction
    OnDeleted on_deleted_;
};

// What the inode itself says; of a file's data nothing.
protocol::Attributes plain_attributes(std::uint64_t ino, const InodeRecord& inode);

// What a client is told of an inode that lives here, with what the object store knows.
protocol::Attributes attributes_of(Core& core, std::uint64_t ino, const InodeRecord& inode);

}  // namespace orfa::server
