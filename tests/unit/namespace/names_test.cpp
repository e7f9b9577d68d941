// SPDX-License-Identifier: MIT
// What clients may rely on about names, over one server and over several.
#include "tests/unit/namespace/test_client.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

namespace orfa::server {
namespace {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

class Names : public ::testing::TestWithParam<std::uint32_t> {
  protected:
    void TearDown() override {
        cluster.settle();
        EXPECT_EQ(cluster.check(), "");
    }
    TestCluster cluster{GetParam()};
    TestClient client{cluster};
};
INSTANTIATE_TEST_SUITE_P(Servers, Names, ::testing::Values(1, 2, 4, 7));

#define EXPECT_OK(expression) EXPECT_EQ((expression).err(), 0)
#define ASSERT_OK(expression) ASSERT_EQ((expression).err(), 0)
#define EXPECT_ERR(expression, errno_value) EXPECT_EQ((expression).err(), errno_value)

TEST_P(Names, CreatedFileIsFound) {
    ASSERT_OK(client.mkdir("/a"));
    ASSERT_OK(client.mkdir("a/b"));
    ASSERT_OK(client.create("/a/b/file", 0640));
    auto found = client.stat("//a///b/file");
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->mode, S_IFREG | 0640U);
    EXPECT_EQ(found->nlink, 1U);
    EXPECT_EQ(found->size, 0U);
    EXPECT_EQ(found->layout.stripe_count, GetParam());
    EXPECT_EQ(found->layout.first_server, home_of(found->ino));
    EXPECT_EQ(client.stat("/a/b/none").status().err(), ENOENT);
    EXPECT_EQ(client.stat("/a/none/file").status().err(), ENOENT);
    EXPECT_EQ(client.stat("/a/b/file/x").status().err(), ENOTDIR);
    EXPECT_EQ(client.stat("/a/b/file/").status().err(), ENOTDIR);
}

TEST_P(Names, DirectoriesSpreadOverServers) {
    std::set<std::uint32_t> homes;
    for (int i = 0; i < 100; ++i) {
        const std::string name = fmt::format("/dir{}", i);
        ASSERT_OK(client.mkdir(name));
        homes.insert(home_of(client.stat(name)->ino));
    }
    EXPECT_EQ(homes.size(), GetParam());
}

TEST_P(Names, DotsMeanWhatTheyShould) {
    ASSERT_OK(client.mkdir("/a"));
    ASSERT_OK(client.mkdir("/a/b"));
    ASSERT_OK(client.create("/a/f"));
    const auto a = client.stat("/a")->ino;
    EXPECT_EQ(client.stat("/a/b/..")->ino, a);
    EXPECT_EQ(client.stat("/a/b/../b/./../")->ino, a);
    EXPECT_EQ(client.stat("/..")->ino, kRootIno);
    EXPECT_EQ(client.stat("/a/b/../../../a/f")->ino, client.stat("/a/f")->ino);
    EXPECT_ERR(client.mkdir("/a/."), EEXIST);
    EXPECT_ERR(client.mkdir("/a/.."), EEXIST);
    EXPECT_ERR(client.mkdir("/"), EEXIST);
    EXPECT_ERR(client.rmdir("/a/."), EINVAL);
    EXPECT_ERR(client.rmdir("/a/b/.."), ENOTEMPTY);
    EXPECT_ERR(client.rmdir("/"), EBUSY);
    EXPECT_ERR(client.unlink("/a/."), EISDIR);
    EXPECT_ERR(client.rename("/a/.", "/c"), EBUSY);
    EXPECT_ERR(client.rename("/a", "/a/b/.."), EBUSY);
}

TEST_P(Names, ExclusiveCreateRefusesWhatIsThere) {
    ASSERT_OK(client.create("/f"));
    EXPECT_ERR(client.create("/f"), EEXIST);
    ASSERT_OK(client.symlink("nowhere", "/link"));
    EXPECT_EQ(client.open("/link", kOpenWrite | kOpenCreate | kOpenExclusive | kOpenNoFollow)
                  .status()
                  .err(),
              EEXIST);
    EXPECT_EQ(client.open("/f", kOpenRead | kOpenCreate)->created, 0U);
    EXPECT_EQ(client.open("/g", kOpenRead | kOpenCreate)->created, 1U);
    client.leave();
}

TEST_P(Names, CreateThroughDanglingLinkMakesItsTarget) {
    ASSERT_OK(client.mkdir("/d"));
    ASSERT_OK(client.symlink("d/target", "/link"));
    ASSERT_TRUE(client.open("/link", kOpenWrite | kOpenCreate).ok());
    EXPECT_TRUE(client.stat("/d/target").ok());
    client.leave();
}

TEST_P(Names, LinksAreFollowed) {
    ASSERT_OK(client.mkdir("/a"));
    ASSERT_OK(client.mkdir("/a/b"));
    ASSERT_OK(client.create("/a/b/f"));
    const auto f = client.stat("/a/b/f")->ino;
    ASSERT_OK(client.symlink("b", "/a/relative"));
    ASSERT_OK(client.symlink("/a/b", "/absolute"));
    ASSERT_OK(client.symlink("../b/f", "/a/b/up"));
    ASSERT_OK(client.symlink("absolute/../b/f", "/chain"));
    EXPECT_EQ(client.stat("/a/relative/f")->ino, f);
    EXPECT_EQ(client.stat("/absolute/f")->ino, f);
    EXPECT_EQ(client.stat("/a/b/up")->ino, f);
    EXPECT_EQ(client.stat("/chain")->ino, f);
    EXPECT_TRUE(S_ISLNK(client.stat("/absolute", false)->mode));
    EXPECT_EQ(client.stat("/absolute", false)->size, 4U);
    EXPECT_TRUE(S_ISDIR(client.stat("/absolute/", false)->mode));
    EXPECT_EQ(*client.readlink("/a/relative"), "b");
    EXPECT_EQ(client.readlink("/a").status().err(), EINVAL);
    EXPECT_EQ(client.open("/absolute", kOpenRead | kOpenNoFollow).status().err(), ELOOP);
    ASSERT_OK(client.symlink("loop2", "/loop1"));
    ASSERT_OK(client.symlink("loop1", "/loop2"));
    EXPECT_EQ(client.stat("/loop1").status().err(), ELOOP);
    EXPECT_ERR(client.symlink("", "/empty"), ENOENT);
    // A link that was moved to another server's directory still works.
    ASSERT_OK(client.rename("/a/relative", "/moved"));
    ASSERT_OK(client.rename("/absolute", "/a/b/absolute"));
    EXPECT_EQ(client.stat("/moved").status().err(), ENOENT);
    EXPECT_EQ(client.stat("/a/b/absolute/f")->ino, f);
}

TEST_P(Names, LongNamesAreRefused) {
    const std::string longest(255, 'n');
    ASSERT_OK(client.create("/" + longest));
    ASSERT_OK(client.rename("/" + longest, "/" + std::string(255, 'm')));
    EXPECT_ERR(client.create("/" + longest + "x"), ENAMETOOLONG);
    EXPECT_ERR(client.mkdir("/" + longest + "x"), ENAMETOOLONG);
    EXPECT_ERR(client.rename("/" + std::string(255, 'm'), "/" + longest + "x"), ENAMETOOLONG);
    EXPECT_ERR(client.unlink("/" + longest + "x"), ENAMETOOLONG);
    EXPECT_EQ(client.stat("/" + longest + "x/y").status().err(), ENAMETOOLONG);
    EXPECT_EQ(client.stat(std::string(4096, 'p')).status().err(), ENAMETOOLONG);
    EXPECT_EQ(client.stat("").status().err(), ENOENT);
}

TEST_P(Names, RemovalRules) {
    ASSERT_OK(client.mkdir("/d"));
    ASSERT_OK(client.mkdir("/d/e"));
    ASSERT_OK(client.create("/d/f"));
    EXPECT_ERR(client.rmdir("/d"), ENOTEMPTY);
    EXPECT_ERR(client.rmdir("/d/f"), ENOTDIR);
    EXPECT_ERR(client.unlink("/d/e"), EISDIR);
    EXPECT_ERR(client.unlink("/d/f/"), ENOTDIR);
    EXPECT_EQ(client.stat("/d")->nlink, 3U);
    EXPECT_OK(client.rmdir("/d/e/"));
    EXPECT_EQ(client.stat("/d")->nlink, 2U);
    EXPECT_OK(client.unlink("/d/f"));
    EXPECT_OK(client.rmdir("/d"));
    EXPECT_ERR(client.rmdir("/d"), ENOENT);
    EXPECT_ERR(client.create("/d/x"), ENOENT);
}

TEST_P(Names, FurtherNames) {
    for (const char* path : {"/a", "/b", "/c"})
        ASSERT_OK(client.mkdir(path));
    ASSERT_OK(client.create("/a/f"));
    ASSERT_OK(client.link("/a/f", "/b/g"));
    ASSERT_OK(client.link("/b/g", "/c/h"));
    const auto ino = client.stat("/a/f")->ino;
    EXPECT_EQ(client.stat("/c/h")->ino, ino);
    EXPECT_EQ(client.stat("/c/h")->nlink, 3U);
    EXPECT_ERR(client.link("/a/f", "/b/g"), EEXIST);
    EXPECT_ERR(client.link("/a", "/b/d"), EPERM);
    EXPECT_ERR(client.link("/a/none", "/b/d"), ENOENT);
    // Two names of one file: rename does nothing.
    EXPECT_OK(client.rename("/b/g", "/c/h"));
    EXPECT_TRUE(client.stat("/b/g").ok());
    ASSERT_OK(client.unlink("/a/f"));
    ASSERT_OK(client.unlink("/c/h"));
    EXPECT_EQ(client.stat("/b/g")->nlink, 1U);
    ASSERT_OK(client.unlink("/b/g"));
    EXPECT_EQ(client.getattr(ino).status().err(), ENOENT);
}

TEST_P(Names, UnlinkedFileLivesWhileItIsOpen) {
    ASSERT_OK(client.mkdir("/d"));
    TestClient other(cluster);
    auto mine = client.open("/d/f", kOpenWrite | kOpenCreate);
    ASSERT_TRUE(mine.ok());
    const auto ino = mine->attributes.ino;
    ASSERT_TRUE(other.open("/d/f", kOpenRead).ok());
    TestStore& store = cluster.server(home_of(ino)).store;
    store.write(ino, 100, 1);
    ASSERT_OK(client.unlink("/d/f"));
    EXPECT_EQ(client.getattr(ino)->nlink, 0U);
    ASSERT_OK(client.close(ino));
    EXPECT_EQ(store.objects.count(ino), 1U);
    EXPECT_EQ(client.getattr(ino)->size, 100U);
    EXPECT_ERR(client.close(ino), EBADF);
    other.leave();  // without closing
    EXPECT_EQ(store.objects.count(ino), 0U);
    EXPECT_EQ(client.getattr(ino).status().err(), ENOENT);
    EXPECT_OK(client.rmdir("/d"));
}

TEST_P(Names, ObjectsOfAllServersAreFreed) {
    auto opened = client.open("/f", kOpenWrite | kOpenCreate);
    ASSERT_TRUE(opened.ok());
    const auto ino = opened->attributes.ino;
    if (GetParam() > 1) {
        ASSERT_OK(client.mark_spread(opened->capability));
    }
    for (std::uint32_t i = 0; i < GetParam(); ++i)
        cluster.server(i).store.write(ino, 10, 1);
    ASSERT_OK(client.close(ino));
    const std::uint32_t away = GetParam() - 1;
    if (away != 0) cluster.server(away).up = false;
    ASSERT_OK(client.unlink("/f"));
    EXPECT_TRUE(cluster.server(0).store.objects.empty());
    EXPECT_EQ(cluster.server(away).store.objects.empty(), away == 0);
    // The queue outlives the server.
    cluster.restart(0);
    cluster.server(away).up = true;
    cluster.settle();
    EXPECT_TRUE(cluster.server(away).store.objects.empty());
}

TEST_P(Names, OpenFilesWithoutNamesGoWithTheServer) {
    auto opened = client.open("/f", kOpenWrite | kOpenCreate);
    ASSERT_TRUE(opened.ok());
    ASSERT_OK(client.unlink("/f"));
    EXPECT_EQ(cluster.server(0).names->files(), 2U);
    cluster.restart(0);
    EXPECT_EQ(cluster.server(0).names->files(), 1U);
}

TEST_P(Names, TruncateAtOpen) {
    auto opened = client.open("/f", kOpenWrite | kOpenCreate);
    ASSERT_TRUE(opened.ok());
    TestStore& store = cluster.server(0).store;
    store.write(opened->attributes.ino, 100, 5);
    EXPECT_EQ(client.open("/f", kOpenWrite)->attributes.size, 100U);
    EXPECT_EQ(client.open("/f", kOpenWrite | kOpenTruncate)->attributes.size, 0U);
    EXPECT_EQ(client.open("/", kOpenWrite).status().err(), EISDIR);
    EXPECT_EQ(client.open("/f", kOpenRead | kOpenDirectory).status().err(), ENOTDIR);
    client.leave();
}

TEST_P(Names, LayoutWishes) {
    const std::uint32_t last = GetParam() - 1;
    auto file = client.open("/f", kOpenWrite | kOpenCreate, 0644, {65536, 1, last});
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file->attributes.layout.stripe_size, 65536U);
    EXPECT_EQ(file->attributes.layout.first_server, last);
    EXPECT_EQ(file->attributes.flags & kSpread, last != 0 ? kSpread : 0U);
    EXPECT_EQ(client.open("/g", kOpenWrite | kOpenCreate, 0644, {1000, 1, 0}).status().err(),
              EINVAL);
    EXPECT_EQ(
        client.open("/g", kOpenWrite | kOpenCreate, 0644, {65536, 1, GetParam()}).status().err(),
        EINVAL);
    // More servers than there are: all of them.
    EXPECT_EQ(client.open("/g", kOpenWrite | kOpenCreate, 0644, {0, 1000, kAnyServer})
                  ->attributes.layout.stripe_count,
              GetParam());
    client.leave();
}

TEST_P(Names, DirectoriesHandLayoutsDown) {
    ASSERT_OK(client.mkdir("/d"));
    ASSERT_OK(client.set_xattr("/d", "orfa.layout", "stripe_size=2M,stripe_count=1"));
    EXPECT_EQ(*client.get_xattr("/d", "orfa.layout"), "stripe_size=2097152,stripe_count=1");
    ASSERT_OK(client.mkdir("/d/e"));
    ASSERT_OK(client.create("/d/e/f"));
    auto file = client.stat("/d/e/f");
    EXPECT_EQ(file->layout.stripe_size, 2U << 20);
    EXPECT_EQ(file->layout.stripe_count, 1U);
    EXPECT_EQ(file->layout.first_server, home_of(file->ino));
    EXPECT_ERR(client.set_xattr("/d", "orfa.layout", "stripe_size=1000"), EINVAL);
    EXPECT_ERR(client.set_xattr("/d", "orfa.layout", "nonsense=1"), EINVAL);
    EXPECT_ERR(client.set_xattr("/d/e/f", "orfa.layout", "stripe_size=1M"), EPERM);
    ASSERT_OK(client.remove_xattr("/d", "orfa.layout"));
    EXPECT_EQ(client.get_xattr("/d", "orfa.layout").status().err(), ENODATA);
}

TEST_P(Names, TimesFollowNamesAndData) {
    ASSERT_OK(client.mkdir("/d"));
    const auto before = *client.stat("/d");
    ASSERT_OK(client.create("/d/f"));
    const auto after = *client.stat("/d");
    EXPECT_GT(after.mtime_ns, before.mtime_ns);
    EXPECT_GT(after.ctime_ns, before.ctime_ns);
    auto file = *client.stat("/d/f");
    TestStore& store = cluster.server(home_of(file.ino)).store;
    const std::int64_t written = file.mtime_ns + 1'000'000;
    store.write(file.ino, 10, written);
    EXPECT_EQ(client.stat("/d/f")->mtime_ns, written);
    // A time in the past wins over the data's until the next write.
    SetattrRequest past{};
    past.mask = kSetMtime | kSetAtime;
    past.mtime_ns = 5;
    past.atime_ns = -7;
    auto changed = client.setattr("/d/f", past);
    ASSERT_TRUE(changed.ok());
    EXPECT_EQ(changed->capability.rights, kMayWrite);
    EXPECT_EQ(client.stat("/d/f")->mtime_ns, 5);
    EXPECT_EQ(client.stat("/d/f")->atime_ns, -7);
    store.write(file.ino, 20, written + 1);
    EXPECT_EQ(client.stat("/d/f")->mtime_ns, written + 1);
}

TEST_P(Names, Xattrs) {
    ASSERT_OK(client.mkdir("/d"));
    ASSERT_OK(client.create("/d/f"));
    EXPECT_EQ(client.get_xattr("/d/f", "user.a").status().err(), ENODATA);
    ASSERT_OK(client.set_xattr("/d/f", "user.a", "1"));
    EXPECT_ERR(client.set_xattr("/d/f", "user.a", "2", 1 /* XATTR_CREATE */), EEXIST);
    EXPECT_ERR(client.set_xattr("/d/f", "user.b", "2", 2 /* XATTR_REPLACE */), ENODATA);
    ASSERT_OK(client.set_xattr("/d/f", "user.a", "", 2));
    EXPECT_EQ(*client.get_xattr("/d/f", "user.a"), "");
    std::string large(65536, '\0');
    for (std::size_t i = 0; i < large.size(); ++i)
        large[i] = static_cast<char>(i * 7);
    ASSERT_OK(client.set_xattr("/d/f", "user.large", large));
    EXPECT_EQ(*client.get_xattr("/d/f", "user.large"), large);
    EXPECT_ERR(client.set_xattr("/d/f", "user.larger", large + "x"), E2BIG);
    EXPECT_ERR(client.set_xattr("/d/f", "trusted.a", "1"), EOPNOTSUPP);
    EXPECT_EQ(*client.list_xattrs("/d/f"), std::string("user.a\0user.large\0", 18));
    ASSERT_OK(client.remove_xattr("/d/f", "user.a"));
    EXPECT_ERR(client.remove_xattr("/d/f", "user.a"), ENODATA);
    ASSERT_OK(client.unlink("/d/f"));
    const auto& kept = cluster.server(home_of(client.stat("/d")->ino)).kept;
    int left = 0;
    (void)const_cast<MemoryKv&>(kept).scan("X", "Y", [&](std::string_view, std::string_view) {
        ++left;
        return true;
    });
    EXPECT_EQ(left, 0);
}

TEST_P(Names, AppendsDoNotOverlap) {
    auto opened = client.open("/f", kOpenWrite | kOpenCreate);
    ASSERT_TRUE(opened.ok());
    const auto append = [&](std::uint64_t observed, std::uint64_t length) {
        const AppendRequest request{opened->capability, observed, length};
        std::vector<std::byte> reply;
        const auto bytes = std::as_bytes(std::span(&request, 1));
        EXPECT_OK(
            cluster.call(client.session(), 0, Op::kAppend, {bytes.begin(), bytes.end()}, reply));
        AppendReply answer{};
        EXPECT_TRUE(Reader(reply).get(answer));
        return answer.offset;
    };
    EXPECT_EQ(append(0, 100), 0U);
    EXPECT_EQ(append(0, 50), 100U);
    EXPECT_EQ(append(1000, 50), 1000U);
    EXPECT_EQ(append(500, 1), 1050U);
    ASSERT_TRUE(client.open("/f", kOpenWrite | kOpenTruncate).ok());
    EXPECT_EQ(append(0, 1), 0U);
    client.leave();
}

}  // namespace
}  // namespace orfa::server
