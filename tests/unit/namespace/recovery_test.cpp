// SPDX-License-Identifier: MIT
// Operations of several servers that are cut off at every point there is: afterwards the tree is
// whole, and the operation was done or not done.
#include "tests/unit/namespace/test_client.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cerrno>

namespace orfa::server {
namespace {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

constexpr std::uint32_t kServers = 3;

// A tree in words: one line for each name.
std::string picture(TestClient& client, const std::string& path) {
    std::string text;
    auto names = client.list(path);
    if (!names.ok()) return fmt::format("{}: errno {}\n", path, names.status().err());
    for (const auto& name : *names) {
        const std::string full = path + (path == "/" ? "" : "/") + name;
        auto found = client.stat(full, false);
        if (!found.ok()) {
            text += fmt::format("{}: errno {}\n", full, found.status().err());
            continue;
        }
        text += fmt::format("{} {:o} {}\n", full, found->mode, found->nlink);
        if (S_ISDIR(found->mode)) text += picture(client, full);
    }
    return text;
}

// Directories s0, s1, s2, each at the server of that number, each with a file f and directories
// e0, e1, e2 at those servers.
std::string directory_at(TestCluster& cluster, TestClient& client, const std::string& parent,
                         std::uint32_t server, const char* prefix) {
    for (int i = 0;; ++i) {
        const std::string path = fmt::format("{}/{}{}_{}", parent, prefix, server, i);
        if (home_of_new_directory(client.stat(parent.empty() ? "/" : parent)->ino,
                                  path.substr(parent.size() + 1), cluster.count()) != server)
            continue;
        EXPECT_TRUE(client.mkdir(path).ok());
        return path;
    }
}

struct World {
    TestCluster cluster{kServers};
    TestClient client{cluster};
    std::string top[kServers];              // a directory at each server
    std::string inner[kServers][kServers];  // in each of them, an empty one at each server

    World() {
        for (std::uint32_t i = 0; i < kServers; ++i) {
            top[i] = directory_at(cluster, client, "", i, "s");
            EXPECT_TRUE(client.create(top[i] + "/f").ok());
            for (std::uint32_t j = 0; j < kServers; ++j)
                inner[i][j] = directory_at(cluster, client, top[i], j, "e");
        }
        for (std::uint32_t i = 0; i < kServers; ++i)
            EXPECT_TRUE(client.link(top[i] + "/f", top[(i + 1) % kServers] + "/g").ok());
    }
};

struct Scenario {
    const char* name;
    Status (*run)(World& world);
};

const Scenario kScenarios[] = {
    {"mkdir",
     [](World& w) {
         for (int i = 0;; ++i) {  // one whose home is server 1
             const std::string name = fmt::format("new{}", i);
             if (home_of_new_directory(w.client.stat(w.top[0])->ino, name, kServers) == 1)
                 return w.client.mkdir(w.top[0] + "/" + name);
         }
     }},
    {"rmdir", [](World& w) { return w.client.rmdir(w.inner[0][1]); }},
    {"unlink", [](World& w) { return w.client.unlink(w.top[1] + "/g"); }},
    {"link", [](World& w) { return w.client.link(w.top[0] + "/f", w.top[2] + "/new"); }},
    {"rename file to another server",
     [](World& w) { return w.client.rename(w.top[0] + "/f", w.top[1] + "/new"); }},
    {"rename over a file whose inode is at a third server",
     [](World& w) { return w.client.rename(w.top[2] + "/f", w.top[1] + "/g"); }},
    {"rename here over a file whose inode is elsewhere",
     [](World& w) { return w.client.rename(w.top[1] + "/f", w.top[1] + "/g"); }},
    {"move a directory", [](World& w) { return w.client.rename(w.inner[0][1], w.top[2] + "/n"); }},
    {"move a directory of a third server here",
     [](World& w) { return w.client.rename(w.inner[0][2], w.inner[0][0] + "/n"); }},
    {"move a directory over an empty one of a third server",
     [](World& w) { return w.client.rename(w.inner[0][0], w.inner[1][2]); }},
    {"rename a directory over one elsewhere",
     [](World& w) { return w.client.rename(w.inner[0][0], w.inner[0][2]); }},
};

class Recovery : public ::testing::TestWithParam<Scenario> {};
// Test names allow letters only.
std::string camel_case(const ::testing::TestParamInfo<Scenario>& info) {
    std::string name;
    bool begins = true;
    for (const char c : std::string(info.param.name)) {
        if (c != ' ') name += begins ? static_cast<char>(c - 'a' + 'A') : c;
        begins = c == ' ';
    }
    return name;
}
INSTANTIATE_TEST_SUITE_P(Scenarios, Recovery, ::testing::ValuesIn(kScenarios), camel_case);

TEST_P(Recovery, CutOffAnywhereIsDoneOrNotDone) {
    std::string before;
    std::string after;
    {
        World world;
        before = picture(world.client, "/");
        ASSERT_EQ(GetParam().run(world).err(), 0);
        world.cluster.settle();
        ASSERT_EQ(world.cluster.check(), "");
        after = picture(world.client, "/");
        ASSERT_NE(before, after);
    }
    const Fault::Kind kinds[] = {Fault::kRequestLost, Fault::kReplyLost, Fault::kCallerDies,
                                 Fault::kCallerDiesLate, Fault::kWriteFails};
    for (const auto kind : kinds) {
        int points = 0;
        for (int at = 1;; ++at) {
            SCOPED_TRACE(fmt::format("fault {} at point {}", static_cast<int>(kind), at));
            World world;
            world.cluster.arm({kind, at});
            const Status status = GetParam().run(world);
            if (!world.cluster.fired()) break;
            ++points;
            world.cluster.restart_dead();
            world.cluster.settle();
            ASSERT_EQ(world.cluster.check(), "");
            const std::string now = picture(world.client, "/");
            // What was reported as done was done.
            ASSERT_TRUE(now == after || (now == before && !status.ok())) << now;
        }
        EXPECT_GT(points, 0) << "fault " << static_cast<int>(kind);
    }
}

TEST_P(Recovery, NameInDoubtIsNotChanged) {
    World world;
    world.cluster.arm({Fault::kReplyLost, 1});
    const Status status = GetParam().run(world);
    ASSERT_TRUE(world.cluster.fired());
    // Whatever is tried meanwhile, the tree ends whole.
    for (std::uint32_t i = 0; i < kServers; ++i) {
        (void)world.client.unlink(world.top[i] + "/f");
        (void)world.client.unlink(world.top[i] + "/g");
        (void)world.client.mkdir(world.top[i] + "/n");
        for (std::uint32_t j = 0; j < kServers; ++j)
            (void)world.client.rmdir(world.inner[i][j]);
        (void)world.client.rename(world.top[i], fmt::format("/other{}", i));
    }
    world.cluster.settle();
    EXPECT_EQ(world.cluster.check(), "") << status.err();
}

TEST(RecoveryOfRemovals, QueueSurvives) {
    TestCluster cluster(kServers);
    TestClient client(cluster);
    std::vector<std::uint64_t> files;
    for (int i = 0; i < 600; ++i) {
        auto opened = client.open(fmt::format("/f{}", i), kOpenWrite | kOpenCreate);
        ASSERT_TRUE(opened.ok());
        ASSERT_TRUE(client.mark_spread(opened->capability).ok());
        files.push_back(opened->attributes.ino);
        for (std::uint32_t s = 0; s < kServers; ++s)
            cluster.server(s).store.write(files.back(), 1, 1);
    }
    client.leave();
    cluster.server(1).up = cluster.server(2).up = false;
    for (int i = 0; i < 600; ++i)
        ASSERT_TRUE(client.unlink(fmt::format("/f{}", i)).ok());
    EXPECT_TRUE(cluster.server(0).store.objects.empty());
    EXPECT_EQ(cluster.server(2).store.objects.size(), 600U);
    cluster.restart(0);
    cluster.server(1).up = cluster.server(2).up = true;
    cluster.settle();
    EXPECT_EQ(cluster.check(), "");
}

}  // namespace
}  // namespace orfa::server
