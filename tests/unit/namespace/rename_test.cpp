// SPDX-License-Identifier: MIT
// Rename, with source, target and what is replaced on every combination of servers.
#include "tests/unit/namespace/test_client.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cerrno>

namespace orfa::server {
namespace {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

class Rename : public ::testing::TestWithParam<std::uint32_t> {
  protected:
    void SetUp() override {
        for (int i = 0; i < 8; ++i) {
            ASSERT_TRUE(client.mkdir(fmt::format("/d{}", i)).ok());
            ASSERT_TRUE(client.create(fmt::format("/d{}/f", i)).ok());
            ASSERT_TRUE(client.mkdir(fmt::format("/d{}/sub", i)).ok());
        }
    }
    void TearDown() override {
        cluster.settle();
        EXPECT_EQ(cluster.check(), "");
    }
    int rename(std::string_view from, std::string_view to, std::uint32_t flags = 0) {
        return client.rename(from, to, flags).err();
    }
    std::uint64_t ino(std::string_view path) {
        auto found = client.stat(path, false);
        return found.ok() ? found->ino : 0;
    }
    TestCluster cluster{GetParam()};
    TestClient client{cluster};
};
INSTANTIATE_TEST_SUITE_P(Servers, Rename, ::testing::Values(1, 2, 5));

TEST_P(Rename, FileKeepsItsInode) {
    for (int i = 0; i < 8; ++i) {
        const std::string from = fmt::format("/d{}/f", i);
        const std::string to = fmt::format("/d{}/moved{}", (i + 1) % 8, i);
        const auto before = ino(from);
        EXPECT_EQ(rename(from, to), 0);
        EXPECT_EQ(ino(to), before);
        EXPECT_EQ(ino(from), 0U);
        auto opened = client.open(to, kOpenRead);
        ASSERT_TRUE(opened.ok());
        EXPECT_EQ(opened->attributes.ino, before);
        EXPECT_EQ(client.close(before).err(), 0);
    }
}

TEST_P(Rename, FileReplacesFile) {
    for (int i = 0; i < 8; ++i) {
        const std::string from = fmt::format("/d{}/new", i);
        ASSERT_TRUE(client.create(from).ok());
        const auto before = ino(from);
        const std::string to = fmt::format("/d{}/f", (i + 3) % 8);
        const auto replaced = ino(to);
        EXPECT_EQ(rename(from, to, kRenameNoReplace), EEXIST);
        EXPECT_EQ(rename(from, to), 0);
        EXPECT_EQ(ino(to), before);
        EXPECT_EQ(client.getattr(replaced).status().err(), ENOENT);
    }
}

TEST_P(Rename, ReplacedFileElsewhereLosesALink) {
    ASSERT_TRUE(client.link("/d0/f", "/d1/g").ok());
    ASSERT_TRUE(client.create("/d2/x").ok());
    const auto file = ino("/d0/f");
    EXPECT_EQ(rename("/d2/x", "/d1/g"), 0);
    EXPECT_EQ(client.getattr(file)->nlink, 1U);
    ASSERT_TRUE(client.create("/d3/y").ok());
    EXPECT_EQ(rename("/d3/y", "/d0/f"), 0);
    EXPECT_EQ(client.getattr(file).status().err(), ENOENT);
}

TEST_P(Rename, DirectoryTakesItsTreeAlong) {
    ASSERT_TRUE(client.mkdir("/d0/sub/deep").ok());
    ASSERT_TRUE(client.create("/d0/sub/deep/f").ok());
    const auto file = ino("/d0/sub/deep/f");
    EXPECT_EQ(rename("/d0/sub", "/d1/sub2"), 0);
    EXPECT_EQ(ino("/d1/sub2/deep/f"), file);
    EXPECT_EQ(ino("/d1/sub2/.."), ino("/d1"));
    EXPECT_EQ(client.stat("/d0")->nlink, 2U);
    EXPECT_EQ(client.stat("/d1")->nlink, 4U);
    EXPECT_EQ(rename("/d1/sub2/", "/d1/sub3/"), 0);
    EXPECT_EQ(ino("/d1/sub3/deep/f"), file);
}

TEST_P(Rename, DirectoryReplacesOnlyAnEmptyOne) {
    for (int i = 0; i < 8; ++i) {
        const std::string from = fmt::format("/d{}/sub", i);
        const std::string into = fmt::format("/d{}/sub", (i + 1) % 8);
        ASSERT_TRUE(client.mkdir(fmt::format("/d{}/full", i)).ok());
        ASSERT_TRUE(client.create(fmt::format("/d{}/full/x", i)).ok());
        EXPECT_EQ(rename(from, fmt::format("/d{}/full", i)), ENOTEMPTY);
        if (i == 7) break;  // its target has gone by now
        const auto moved = ino(from);
        const auto gone = ino(into);
        EXPECT_EQ(rename(from, into), 0);
        EXPECT_EQ(ino(into), moved);
        EXPECT_EQ(client.getattr(gone).status().err(), ENOENT);
    }
}

TEST_P(Rename, TypesMustAgree) {
    EXPECT_EQ(rename("/d0/f", "/d1/sub"), EISDIR);
    EXPECT_EQ(rename("/d0/sub", "/d1/f"), ENOTDIR);
    EXPECT_EQ(rename("/d0/f", "/d0/sub"), EISDIR);
    EXPECT_EQ(rename("/d0/f/", "/d0/g"), ENOTDIR);
    EXPECT_EQ(rename("/d0/f", "/d0/g/"), ENOTDIR);
    EXPECT_EQ(rename("/d0/none", "/d0/g"), ENOENT);
    EXPECT_EQ(rename("/d0/f", "/none/g"), ENOENT);
    EXPECT_EQ(rename("/d0/f", "/d1/f/g"), ENOTDIR);
    EXPECT_EQ(rename("/", "/d0/root"), EBUSY);
    EXPECT_EQ(rename("/d0/f", "/d0/f"), 0);
    EXPECT_EQ(rename("/d0/none", "/d0/none"), ENOENT);
}

TEST_P(Rename, DirectoryCannotGoBelowItself) {
    ASSERT_TRUE(client.mkdir("/d0/sub/a").ok());
    ASSERT_TRUE(client.mkdir("/d0/sub/a/b").ok());
    ASSERT_TRUE(client.mkdir("/d0/sub/a/b/c").ok());
    EXPECT_EQ(rename("/d0", "/d0/x"), EINVAL);
    EXPECT_EQ(rename("/d0/sub", "/d0/sub/a/x"), EINVAL);
    EXPECT_EQ(rename("/d0/sub", "/d0/sub/a/b/c/x"), EINVAL);
    EXPECT_EQ(rename("/d0", "/d0/sub/a/b/c"), EINVAL);
    // Upwards it may, but not over what it came from.
    EXPECT_EQ(rename("/d0/sub/a/b/c", "/d0/sub"), ENOTEMPTY);
    EXPECT_EQ(rename("/d0/sub/a/b", "/b"), 0);
    EXPECT_EQ(rename("/d0", "/b/c/d0"), 0);
    EXPECT_EQ(ino("/b/c/d0/sub/../../.."), ino("/b"));
}

TEST_P(Rename, OpenFileThatIsReplacedLives) {
    auto opened = client.open("/d0/f", kOpenRead);
    ASSERT_TRUE(opened.ok());
    const auto file = opened->attributes.ino;
    EXPECT_EQ(rename("/d1/f", "/d0/f"), 0);
    EXPECT_EQ(client.getattr(file)->nlink, 0U);
    EXPECT_EQ(client.close(file).err(), 0);
    EXPECT_EQ(client.getattr(file).status().err(), ENOENT);
}

TEST_P(Rename, UnreachableServerLeavesEverythingAsItWas) {
    if (GetParam() == 1) GTEST_SKIP() << "needs two servers";
    for (int i = 0; i < 8; ++i) {
        const std::string directory = fmt::format("/d{}", i);
        const std::uint32_t home = home_of(ino(directory));
        if (home == 0) continue;
        ASSERT_TRUE(client.create(fmt::format("/top{}", i)).ok());
        const auto directory_ino = ino(directory);
        cluster.server(home).up = false;
        // The path can't be followed; the request is sent as if it had been.
        const RenameRequest request{kRootIno, directory_ino, 0, 0};
        std::vector<std::byte> body(256);
        Writer writer(body);
        writer.put(request);
        writer.put_string(fmt::format("top{}", i));
        writer.put_string("moved");
        body.resize(writer.size());
        std::vector<std::byte> reply;
        EXPECT_EQ(cluster.call(client.session(), 0, Op::kRename, body, reply).err(), ECONNREFUSED);
        cluster.server(home).up = true;
        EXPECT_NE(ino(fmt::format("/top{}", i)), 0U);
        EXPECT_EQ(rename(fmt::format("/top{}", i), directory + "/moved"), 0);
    }
}

}  // namespace
}  // namespace orfa::server
