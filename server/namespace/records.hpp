// SPDX-License-Identifier: MIT
// What the namespace keeps in its KvStore: the keys and the records behind them.
//
//   'I' ino                  InodeRecord
//   'E' directory hash name  EntryRecord; ordered by (hash, name): the order of kReaddir
//   'S' ino                  the target of a symbolic link
//   'X' ino name             an extended attribute
//   'O' ino                  empty: an inode without names that is kept while it is open
//   'R' ino                  RemovalRecord: objects of a deleted file at other servers
//   'T' number               an intent (intent.hpp)
//   'A' server number        empty: a fellow server's operation that was applied here
//   'M' name                 single values: "server", "inos", "operations"
// Numbers in keys are 8 bytes, big-endian, so that they are ordered.
#pragma once

#include "protocol/messages.hpp"
#include "protocol/name_messages.hpp"

#include <sys/stat.h>

#include <cassert>
#include <cstring>
#include <string>
#include <string_view>

namespace orfa::server {

// Beside protocol::AttributeFlags in InodeRecord.flags; not told to clients.
enum RecordFlags : std::uint32_t {
    kHasXattrs = 1U << 31,  // attributes were set once
};

struct InodeRecord {
    std::uint64_t parent;   // of a directory: where it hangs; of a file: 0
    std::uint64_t entries;  // of a directory: names in it; of a link: bytes of its target
    std::uint32_t mode;     // type and permission bits
    std::uint32_t nlink;
    std::uint32_t uid, gid;
    std::int64_t atime_ns, mtime_ns, ctime_ns;
    protocol::Layout layout;  // of a directory: what its new files get; stripe_size 0: the default
    std::uint32_t flags;      // protocol::AttributeFlags, RecordFlags
    std::uint32_t sealed;     // of a directory: 1: about to be replaced, takes no names

    [[nodiscard]] bool is_directory() const { return S_ISDIR(mode); }
    [[nodiscard]] bool is_file() const { return S_ISREG(mode); }
    [[nodiscard]] bool is_symlink() const { return S_ISLNK(mode); }
};

struct EntryRecord {
    std::uint64_t ino;
    std::uint32_t type;  // S_IFREG, S_IFDIR, S_IFLNK
    std::uint32_t reserved;
};

struct RemovalRecord {
    protocol::Layout layout;
};

static_assert(protocol::Wire<InodeRecord> && sizeof(InodeRecord) == 80);
static_assert(protocol::Wire<EntryRecord> && sizeof(EntryRecord) == 16);
static_assert(protocol::Wire<RemovalRecord> && sizeof(RemovalRecord) == 16);

template <protocol::Wire T>
std::string_view as_value(const T& record) {
    return {reinterpret_cast<const char*>(&record), sizeof(T)};
}

// False: the value has another size, the store is damaged.
template <protocol::Wire T>
bool from_value(std::string_view value, T& record) {
    if (value.size() != sizeof(T)) return false;
    std::memcpy(&record, value.data(), sizeof(T));
    return true;
}

// A key, built in place without allocating.
class Key {
  public:
    explicit Key(char kind) { bytes_[0] = kind; }
    Key& number(std::uint64_t value) {
        value = __builtin_bswap64(value);
        return text({reinterpret_cast<const char*>(&value), sizeof(value)});
    }
    // At most kMaxName bytes in all.
    Key& text(std::string_view text) {
        assert(text.size() <= sizeof(bytes_) - size_);
        std::memcpy(bytes_ + size_, text.data(), text.size());
        size_ += text.size();
        return *this;
    }
    // NOLINTNEXTLINE(google-explicit-constructor): a key is a string of bytes
    operator std::string_view() const { return {bytes_, size_}; }

  private:
    char bytes_[1 + 16 + protocol::kMaxName];
    std::size_t size_ = 1;
};

// Where a name stands in the order of its directory. Never 0; the same in every version.
constexpr std::uint64_t name_hash(std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : name)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdULL;
    hash ^= hash >> 33;
    return hash == 0 ? 1 : hash;
}

// The home of a new directory: spreads directories, and is the same for every server.
constexpr std::uint32_t home_of_new_directory(std::uint64_t parent, std::string_view name,
                                              std::uint32_t servers) {
    std::uint64_t mixed = (name_hash(name) ^ parent) * 0x9e3779b97f4a7c15ULL;
    mixed ^= mixed >> 32;
    return static_cast<std::uint32_t>(mixed % servers);
}

inline Key inode_key(std::uint64_t ino) {
    return Key('I').number(ino);
}
inline Key entry_key(std::uint64_t directory, std::string_view name) {
    return Key('E').number(directory).number(name_hash(name)).text(name);
}
inline Key target_key(std::uint64_t ino) {
    return Key('S').number(ino);
}
inline Key xattr_key(std::uint64_t ino, std::string_view name) {
    return Key('X').number(ino).text(name);
}

inline constexpr std::size_t kEntryKeyPrefix = 1 + 8 + 8;  // bytes before the name
inline constexpr std::size_t kXattrKeyPrefix = 1 + 8;

}  // namespace orfa::server
