// SPDX-License-Identifier: MIT
// Random operations: one after the other compared with a model, and many at once checked for a
// whole tree at the end.
#include "tests/unit/namespace/test_client.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cerrno>
#include <map>

namespace orfa::server {
namespace {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

// A tree in memory with POSIX's rules, for one user and without links.
class Model {
  public:
    struct Node {
        bool directory = true;
        int links = 1;
        std::map<std::string, Node*> names{};
    };

    int mkdir(const std::string& path) { return add(path, new_node(true)); }
    int create(const std::string& path) { return add(path, new_node(false)); }
    int unlink(const std::string& path) {
        auto [parent, name, err] = find_parent(path);
        if (err != 0) return err;
        const auto found = parent->names.find(name);
        if (found == parent->names.end()) return ENOENT;
        if (found->second->directory) return EISDIR;
        --found->second->links;
        parent->names.erase(found);
        return 0;
    }
    int rmdir(const std::string& path) {
        auto [parent, name, err] = find_parent(path);
        if (err != 0) return err;
        const auto found = parent->names.find(name);
        if (found == parent->names.end()) return ENOENT;
        if (!found->second->directory) return ENOTDIR;
        if (!found->second->names.empty()) return ENOTEMPTY;
        parent->names.erase(found);
        return 0;
    }
    int link(const std::string& from, const std::string& to) {
        auto [source, name, err] = find_parent(from);
        if (err != 0) return err;
        const auto found = source->names.find(name);
        if (found == source->names.end()) return ENOENT;
        auto [parent, new_name, err2] = find_parent(to);
        if (err2 != 0) return err2;
        if (parent->names.contains(new_name)) return EEXIST;
        if (found->second->directory) return EPERM;
        ++found->second->links;
        parent->names[new_name] = found->second;
        return 0;
    }
    int rename(const std::string& from, const std::string& to) {
        auto [source, name, err] = find_parent(from);
        if (err != 0) return err;
        auto [target, new_name, err2] = find_parent(to);
        if (err2 != 0) return err2;
        const auto found = source->names.find(name);
        if (found == source->names.end()) return ENOENT;
        Node* moved = found->second;
        const auto there = target->names.find(new_name);
        if (there != target->names.end() && there->second == moved) return 0;
        if (moved->directory && source != target && is_below(target, moved)) return EINVAL;
        if (moved->directory && source == target && target == moved) return EINVAL;
        if (there != target->names.end()) {
            if (moved->directory && !there->second->directory) return ENOTDIR;
            if (!moved->directory && there->second->directory) return EISDIR;
            if (!there->second->names.empty()) return ENOTEMPTY;
            --there->second->links;
        }
        source->names.erase(name);
        target->names[new_name] = moved;
        return 0;
    }
    std::string picture() const { return picture(&root_, ""); }

  private:
    Node* new_node(bool directory) {
        nodes_.push_back(std::make_unique<Node>(Node{directory}));
        return nodes_.back().get();
    }
    std::tuple<Node*, std::string, int> find_parent(const std::string& path) {
        Node* at = &root_;
        std::size_t begin = 1;
        while (true) {
            const std::size_t slash = path.find('/', begin);
            const std::string name = path.substr(begin, slash - begin);
            if (!at->directory) return {nullptr, "", ENOTDIR};
            if (slash == std::string::npos) return {at, name, 0};
            const auto next = at->names.find(name);
            if (next == at->names.end()) return {nullptr, "", ENOENT};
            at = next->second;
            begin = slash + 1;
        }
    }
    int add(const std::string& path, Node* node) {
        auto [parent, name, err] = find_parent(path);
        if (err != 0) return err;
        return parent->names.emplace(name, node).second ? 0 : EEXIST;
    }
    static bool is_below(const Node* node, const Node* top) {
        if (node == top) return true;
        for (const auto& [name, child] : top->names)
            if (is_below(node, child)) return true;
        return false;
    }
    static std::string picture(const Node* node, const std::string& path) {
        std::string text;
        for (const auto& [name, child] : node->names) {
            text += fmt::format("{}/{} {}\n", path, name, child->directory ? -1 : child->links);
            text += picture(child, path + "/" + name);
        }
        return text;
    }
    Node root_;
    std::vector<std::unique_ptr<Node>> nodes_;
};

std::string picture(TestClient& client, const std::string& path) {
    std::string text;
    const auto names = client.list(path.empty() ? "/" : path);
    if (!names.ok()) return path + " can't be listed\n";
    for (const auto& name : *names) {
        const std::string full = path + "/" + name;
        auto found = client.stat(full, false);
        if (!found.ok()) return text + full + " is not there\n";
        const bool directory = S_ISDIR(found->mode);
        text += fmt::format("{} {}\n", full, directory ? -1 : static_cast<int>(found->nlink));
        if (directory) text += picture(client, full);
    }
    return text;
}

std::string random_path(std::mt19937& random) {
    std::string path;
    for (auto depth = random() % 3; depth < 3; ++depth)
        path += fmt::format("/{}", static_cast<char>('a' + random() % 4));
    return path;
}

class RandomNames : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomNames, ::testing::Range(1U, 9U));

TEST_P(RandomNames, OneAfterTheOtherMatchAModel) {
    TestCluster cluster(GetParam() % 4 + 1);
    TestClient client(cluster);
    Model model;
    std::mt19937 random(GetParam());
    for (int i = 0; i < 3000; ++i) {
        const std::string path = random_path(random);
        const std::string other = random_path(random);
        const auto op = random() % 12;
        SCOPED_TRACE(fmt::format("operation {}: {} {} {}", i, op, path, other));
        if (op < 3) {
            ASSERT_EQ(client.mkdir(path).err(), model.mkdir(path));
        } else if (op < 5) {
            ASSERT_EQ(client.create(path).err(), model.create(path));
        } else if (op < 6) {
            ASSERT_EQ(client.unlink(path).err(), model.unlink(path));
        } else if (op < 7) {
            ASSERT_EQ(client.rmdir(path).err(), model.rmdir(path));
        } else if (op < 8) {
            ASSERT_EQ(client.link(path, other).err(), model.link(path, other));
        } else {
            ASSERT_EQ(client.rename(path, other).err(), model.rename(path, other));
        }
        if (i % 100 == 99) {
            ASSERT_EQ(picture(client, ""), model.picture());
        }
    }
    cluster.settle();
    EXPECT_EQ(cluster.check(), "");
}

// Sends one random request from a directory that was there a moment ago, without waiting for its
// end.
void send_random(TestCluster& cluster, TestCluster::Client& client, std::mt19937& random,
                 const std::vector<std::uint64_t>& directories, int& ended) {
    const std::uint64_t directory = directories[random() % directories.size()];
    const std::uint64_t other = directories[random() % directories.size()];
    const std::string name(1, static_cast<char>('a' + random() % 5));
    const std::string new_name(1, static_cast<char>('a' + random() % 5));
    std::vector<std::byte> body(512);
    Writer writer(body);
    Op op = Op::kMkdir;
    switch (random() % 8) {
        case 0:
        case 1:
            writer.put(MkdirRequest{directory, 0755, 0});
            writer.put_string(name);
            break;
        case 2:
            op = Op::kOpen;
            writer.put(
                OpenRequest{directory, kOpenWrite | kOpenCreate, 0644, TestClient::kAnyLayout});
            writer.put_string(name);
            break;
        case 3:
            op = random() % 2 == 0 ? Op::kRmdir : Op::kUnlink;
            writer.put(RemoveRequest{directory});
            writer.put_string(name);
            break;
        default:
            op = Op::kRename;
            writer.put(RenameRequest{directory, other, 0, 0});
            writer.put_string(name);
            writer.put_string(new_name);
            break;
    }
    body.resize(writer.size());
    cluster.send(client, home_of(directory), op, std::move(body),
                 [&ended](Status, const std::vector<std::byte>&) { ++ended; });
}

TEST_P(RandomNames, ManyAtOnceLeaveAWholeTree) {
    TestCluster cluster(GetParam() % 4 + 2, GetParam());
    TestClient client(cluster);
    std::mt19937 random(GetParam());
    int ended = 0;
    int sent = 0;
    for (int round = 0; round < 60; ++round) {
        std::vector<std::uint64_t> directories{kRootIno};
        for (std::uint32_t i = 0; i < cluster.count(); ++i)
            (void)cluster.server(i).kept.scan(
                "I", "J", [&](std::string_view key, std::string_view v) {
                    InodeRecord record;
                    std::uint64_t ino = 0;
                    std::memcpy(&ino, key.data() + 1, sizeof(ino));
                    if (from_value(v, record) && record.is_directory())
                        directories.push_back(__builtin_bswap64(ino));
                    return true;
                });
        cluster.set_delays(true);
        for (int i = 0; i < 40; ++i, ++sent) {
            send_random(cluster, client.session(), random, directories, ended);
            for (auto steps = random() % 6; steps > 0; --steps)
                cluster.step();
        }
        while (cluster.step()) {
        }
        ASSERT_EQ(ended, sent);
        ASSERT_EQ(cluster.unfinished(), 0U);
        cluster.set_delays(false);
        client.leave();
        cluster.settle();
        ASSERT_EQ(cluster.check(), "");
    }
}

}  // namespace
}  // namespace orfa::server
