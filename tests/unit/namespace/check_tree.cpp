// SPDX-License-Identifier: MIT
// TestCluster::check(): what must be true of the records of all servers when nothing is under way.
#include "tests/unit/namespace/test_cluster.hpp"

#include <fmt/format.h>

#include <map>

namespace orfa::server {
namespace {

struct Tree {
    struct Node {
        InodeRecord record{};
        std::uint32_t names = 0;        // entries that lead here
        std::uint32_t directories = 0;  // entries of type directory in it
        std::uint64_t entries = 0;
        std::uint64_t parent = 0;  // where the (last) entry is
    };
    std::map<std::uint64_t, Node> nodes;
    std::string wrong;

    template <typename... T>
    void complain(fmt::format_string<T...> format, T&&... values) {
        wrong += fmt::format(format, std::forward<T>(values)...) + "\n";
    }
};

std::uint64_t number_at(std::string_view key, std::size_t at) {
    std::uint64_t number = 0;
    std::memcpy(&number, key.data() + at, sizeof(number));
    return __builtin_bswap64(number);
}

void read_inode(Tree& tree, std::uint32_t server, std::string_view key, std::string_view value) {
    const std::uint64_t ino = number_at(key, 1);
    if (protocol::home_of(ino) != server) tree.complain("inode {:x} at server {}", ino, server);
    if (!from_value(value, tree.nodes[ino].record)) tree.complain("inode {:x} is damaged", ino);
}

void read_entry(Tree& tree, std::string_view key, std::string_view value) {
    const std::uint64_t directory = number_at(key, 1);
    const std::string_view name = key.substr(kEntryKeyPrefix);
    EntryRecord entry{};
    if (!from_value(value, entry)) return tree.complain("entry {} is damaged", name);
    const auto parent = tree.nodes.find(directory);
    if (parent == tree.nodes.end()) return tree.complain("entry {} in no directory", name);
    ++parent->second.entries;
    if (S_ISDIR(entry.type)) ++parent->second.directories;
    const auto node = tree.nodes.find(entry.ino);
    if (node == tree.nodes.end()) return tree.complain("entry {} leads nowhere", name);
    ++node->second.names;
    node->second.parent = directory;
    if ((node->second.record.mode & S_IFMT) != entry.type)
        tree.complain("entry {} says another type than its inode", name);
}

void judge(Tree& tree, std::uint64_t ino, const Tree::Node& node, bool open) {
    const InodeRecord& record = node.record;
    const bool root = ino == protocol::kRootIno;
    if (!record.is_directory()) {
        if (record.nlink != node.names)
            tree.complain("inode {:x}: {} links, {} names", ino, record.nlink, node.names);
        if (record.nlink == 0 && !open) tree.complain("inode {:x} should be gone", ino);
        return;
    }
    if (node.names != (root ? 0U : 1U))
        tree.complain("directory {:x} has {} names", ino, node.names);
    if (record.nlink != 2 + node.directories)
        tree.complain("directory {:x}: {} links, {} directories", ino, record.nlink,
                      node.directories);
    if (record.entries != node.entries)
        tree.complain("directory {:x}: counts {} entries, has {}", ino, record.entries,
                      node.entries);
    if (!root && record.parent != node.parent)
        tree.complain("directory {:x}: parent {:x}, is in {:x}", ino, record.parent, node.parent);
    if (record.sealed != 0) tree.complain("directory {:x} is sealed", ino);
}

// Every directory must lead up to the root.
void judge_ways_up(Tree& tree) {
    for (const auto& [ino, node] : tree.nodes) {
        if (!node.record.is_directory()) continue;
        std::uint64_t at = ino;
        std::size_t steps = 0;
        while (at != protocol::kRootIno && steps++ <= tree.nodes.size() && tree.nodes.contains(at))
            at = tree.nodes[at].record.parent;
        if (at != protocol::kRootIno) tree.complain("directory {:x} is cut off", ino);
    }
}

}  // namespace

std::string TestCluster::check() {
    Tree tree;
    for (auto& server : servers_) {
        const std::uint32_t index = server->core.identity.index;
        (void)server->kept.scan("I", "J", [&](std::string_view key, std::string_view value) {
            read_inode(tree, index, key, value);
            return true;
        });
    }
    for (auto& server : servers_) {
        (void)server->kept.scan("E", "F", [&](std::string_view key, std::string_view value) {
            read_entry(tree, key, value);
            return true;
        });
        for (const char* range : {"R", "T"})
            (void)server->kept.scan(range, std::string(1, static_cast<char>(*range + 1)),
                                    [&](std::string_view, std::string_view) {
                                        tree.complain("server {}: a record of kind {}",
                                                      server->core.identity.index, range);
                                        return true;
                                    });
    }
    std::map<std::uint32_t, std::uint64_t> files;
    for (const auto& [ino, node] : tree.nodes) {
        const auto& home = servers_[protocol::home_of(ino)];
        judge(tree, ino, node, home->names->is_open(ino));
        ++files[protocol::home_of(ino)];
    }
    judge_ways_up(tree);
    for (auto& server : servers_) {
        const std::uint32_t index = server->core.identity.index;
        if (server->names->files() != files[index])
            tree.complain("server {} counts {} inodes, has {}", index, server->names->files(),
                          files[index]);
        for (const auto& [id, object] : server->store.objects)
            if (!tree.nodes.contains(id))
                tree.complain("server {}: object of deleted file {:x}", index, id);
    }
    return tree.wrong;
}

}  // namespace orfa::server
