// SPDX-License-Identifier: MIT
// Names over four real servers, through orfa.h.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <sys/xattr.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace orfa::testing {
namespace {

class Names : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { cluster = new Cluster({.servers = 4, .memory_limit = "64MiB"}); }
    static void TearDownTestSuite() {
        delete cluster;
        cluster = nullptr;
    }
    void SetUp() override {
        ASSERT_TRUE(cluster->ok()) << cluster->error();
        session = connect(*cluster);
        ASSERT_NE(session, nullptr) << orfa_error();
        s = session.get();
        // Each test has a directory of its own.
        top = std::string("/") + ::testing::UnitTest::GetInstance()->current_test_info()->name();
        ASSERT_EQ(orfa_mkdir(s, top.c_str(), 0755), 0) << orfa_error();
    }
    std::string at(const std::string& name) const { return top + "/" + name; }
    void create(const std::string& name, const orfa_layout& layout = ORFA_LAYOUT_DEFAULT) {
        const auto file = open(session, at(name), O_CREAT | O_EXCL | O_WRONLY, layout);
        ASSERT_NE(file, nullptr) << orfa_error();
    }
    std::vector<std::string> list(const std::string& path) {
        std::vector<std::string> names;
        orfa_dir* dir = orfa_opendir(s, path.c_str());
        EXPECT_NE(dir, nullptr) << orfa_error();
        if (dir == nullptr) return names;
        orfa_dirent entry;
        int more = 0;
        while ((more = orfa_readdir(dir, &entry)) == 1)
            names.emplace_back(entry.name);
        EXPECT_EQ(more, 0) << orfa_error();
        EXPECT_EQ(orfa_closedir(dir), 0);
        std::sort(names.begin(), names.end());
        return names;
    }

    static Cluster* cluster;
    SessionPtr session;
    orfa_session* s = nullptr;
    std::string top;
};
Cluster* Names::cluster = nullptr;

#define EXPECT_FAILS(call, errno_value) \
    do {                                \
        errno = 0;                      \
        EXPECT_EQ((call), -1);          \
        EXPECT_EQ(errno, errno_value);  \
        EXPECT_STRNE(orfa_error(), ""); \
    } while (false)

TEST_F(Names, TreeOverServers) {
    std::set<std::uint64_t> homes;
    std::string deep = top;
    for (int i = 0; i < 20; ++i) {
        deep += "/level" + std::to_string(i);
        ASSERT_EQ(orfa_mkdir(s, deep.c_str(), 0755), 0) << orfa_error();
        struct stat about {};
        ASSERT_EQ(orfa_stat(s, deep.c_str(), &about), 0) << orfa_error();
        EXPECT_TRUE(S_ISDIR(about.st_mode));
        homes.insert(about.st_ino >> 48);
    }
    EXPECT_GT(homes.size(), 1U);
    const std::string file = deep + "/file";
    ASSERT_NE(open(session, file, O_CREAT | O_WRONLY), nullptr) << orfa_error();
    const std::string elsewhere = at("moved");
    ASSERT_EQ(orfa_rename(s, file.c_str(), elsewhere.c_str()), 0) << orfa_error();
    ASSERT_NE(open(session, elsewhere, O_RDWR), nullptr) << orfa_error();
    EXPECT_FAILS(orfa_rename(s, at("level0").c_str(), (deep + "/below").c_str()), EINVAL);
    while (deep != top) {
        ASSERT_EQ(orfa_rmdir(s, deep.c_str()), 0) << orfa_error();
        deep.resize(deep.rfind('/'));
    }
}

TEST_F(Names, ErrorsNamePathServerAndReason) {
    struct stat about {};
    EXPECT_FAILS(orfa_stat(s, at("none").c_str(), &about), ENOENT);
    EXPECT_NE(std::string(orfa_error()).find(at("none")), std::string::npos) << orfa_error();
    EXPECT_NE(std::string(orfa_error()).find("127.0.0.1:"), std::string::npos) << orfa_error();
    EXPECT_NE(std::string(orfa_error()).find("No such file"), std::string::npos) << orfa_error();
    EXPECT_FAILS(orfa_stat(s, "", &about), ENOENT);
    EXPECT_FAILS(orfa_stat(s, std::string(5000, 'x').c_str(), &about), ENAMETOOLONG);
    EXPECT_FAILS(orfa_mkdir(s, top.c_str(), 0755), EEXIST);
    EXPECT_FAILS(orfa_unlink(s, top.c_str()), EISDIR);
}

TEST_F(Names, SizesOfStripedFiles) {
    const auto file = open(session, at("f"), O_CREAT | O_RDWR, {65536, 4, -1});
    ASSERT_NE(file, nullptr) << orfa_error();
    struct stat about {};
    const auto bytes = pattern(1, 0, std::size_t{65536} * 5);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), 100, 0), 100) << orfa_error();
    ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0) << orfa_error();
    EXPECT_EQ(about.st_size, 100);
    for (const std::uint64_t offset : {65536UL, 65536UL * 3, 65536UL * 9 + 5}) {
        ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), 70000, offset), 70000) << orfa_error();
        ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0) << orfa_error();
        EXPECT_EQ(about.st_size, static_cast<off_t>(offset + 70000));
    }
    EXPECT_GT(about.st_blocks, 0);
    ASSERT_EQ(orfa_truncate(s, at("f").c_str(), 65536 * 2 + 1), 0) << orfa_error();
    ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0) << orfa_error();
    EXPECT_EQ(about.st_size, 65536 * 2 + 1);
    ASSERT_NE(open(session, at("f"), O_WRONLY | O_TRUNC), nullptr) << orfa_error();
    ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0) << orfa_error();
    EXPECT_EQ(about.st_size, 0);
}

TEST_F(Names, SmallFileIsOneRequest) {
    create("f");
    struct stat about {};
    const auto requests = [&] {
        orfa_counters counters;
        orfa_counters_of(s, &counters);
        return counters.requests;
    };
    // From the root: one request to each server on the way.
    ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0) << orfa_error();
    const auto before = requests();
    ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0) << orfa_error();
    const auto servers_on_the_way = (about.st_ino >> 48) == 0 ? 1U : 2U;
    EXPECT_EQ(requests() - before, servers_on_the_way);
}

TEST_F(Names, SetTimesWinOverDataUntilTheNextWrite) {
    const auto file = open(session, at("f"), O_CREAT | O_RDWR, {65536, 4, -1});
    ASSERT_NE(file, nullptr) << orfa_error();
    const auto bytes = pattern(1, 0, std::size_t{65536} * 4);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    const struct timespec past[2] = {{1000, 5}, {2000, 7}};
    ASSERT_EQ(orfa_utimens(s, at("f").c_str(), past), 0) << orfa_error();
    struct stat about {};
    ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0) << orfa_error();
    EXPECT_EQ(about.st_atim.tv_sec, 1000);
    EXPECT_EQ(about.st_mtim.tv_sec, 2000);
    EXPECT_EQ(about.st_mtim.tv_nsec, 7);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), 1, std::uint64_t{65536} * 3), 1);
    ASSERT_EQ(orfa_fstat(file.get(), &about), 0) << orfa_error();
    EXPECT_GT(about.st_mtim.tv_sec, 1'600'000'000);
    const struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
    ASSERT_EQ(orfa_utimens(s, at("f").c_str(), omit), 0) << orfa_error();
    ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0) << orfa_error();
    EXPECT_EQ(about.st_atim.tv_sec, 1000);
}

TEST_F(Names, LinksAndAttributes) {
    create("f");
    ASSERT_EQ(orfa_symlink(s, "f", at("link").c_str()), 0) << orfa_error();
    char target[64];
    ASSERT_EQ(orfa_readlink(s, at("link").c_str(), target, sizeof(target)), 1) << orfa_error();
    EXPECT_EQ(target[0], 'f');
    struct stat about {};
    ASSERT_EQ(orfa_lstat(s, at("link").c_str(), &about), 0);
    EXPECT_TRUE(S_ISLNK(about.st_mode));
    ASSERT_EQ(orfa_link(s, at("f").c_str(), ("/" + top.substr(1) + "-link").c_str()), 0)
        << orfa_error();
    ASSERT_EQ(orfa_stat(s, at("link").c_str(), &about), 0) << orfa_error();
    EXPECT_EQ(about.st_nlink, 2U);
    ASSERT_EQ(orfa_chmod(s, at("link").c_str(), 0600), 0) << orfa_error();
    ASSERT_EQ(orfa_stat(s, at("f").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777, 0600U);
    EXPECT_EQ(orfa_may_access(s, at("f").c_str(), R_OK | W_OK), 0);
    EXPECT_FAILS(orfa_may_access(s, at("none").c_str(), F_OK), ENOENT);
    ASSERT_EQ(orfa_chown(s, at("f").c_str(), static_cast<uid_t>(-1), getegid()), 0) << orfa_error();
    orfa_statfs usage;
    ASSERT_EQ(orfa_statvfs(s, &usage), 0) << orfa_error();
    EXPECT_EQ(usage.servers, 4U);
    EXPECT_EQ(usage.name_max, 255U);
    EXPECT_GE(usage.total_bytes, 4ULL * 60 << 20);
    EXPECT_GT(usage.files, 2U);
}

TEST_F(Names, LongPathsAndTargets) {
    std::string path = top;
    const std::string name(200, 'n');
    while (path.size() + 1 + name.size() <= 4095) {
        path += "/" + name;
        ASSERT_EQ(orfa_mkdir(s, path.c_str(), 0755), 0) << orfa_error();
    }
    struct stat about {};
    ASSERT_EQ(orfa_stat(s, path.c_str(), &about), 0) << orfa_error();
    const std::string target(3500, 't');
    ASSERT_EQ(orfa_symlink(s, target.c_str(), at("long").c_str()), 0) << orfa_error();
    std::vector<char> got(8000);
    EXPECT_EQ(orfa_readlink(s, at("long").c_str(), got.data(), got.size()), 3500) << orfa_error();
    EXPECT_FAILS(orfa_symlink(s, std::string(3501, 't').c_str(), at("longer").c_str()),
                 ENAMETOOLONG);
}

TEST_F(Names, Xattrs) {
    create("f");
    const std::string path = at("f");
    std::string value(65536, 'v');
    value[40000] = 'x';
    ASSERT_EQ(orfa_setxattr(s, path.c_str(), "user.big", value.data(), value.size(), 0), 0)
        << orfa_error();
    ASSERT_EQ(orfa_setxattr(s, path.c_str(), "user.small", "1", 1, XATTR_CREATE), 0);
    EXPECT_FAILS(orfa_setxattr(s, path.c_str(), "user.small", "1", 1, XATTR_CREATE), EEXIST);
    EXPECT_EQ(orfa_getxattr(s, path.c_str(), "user.big", nullptr, 0), 65536);
    std::string got(70000, '\0');
    ASSERT_EQ(orfa_getxattr(s, path.c_str(), "user.big", got.data(), got.size()), 65536);
    EXPECT_EQ(got.substr(0, 65536), value);
    EXPECT_FAILS(orfa_getxattr(s, path.c_str(), "user.big", got.data(), 100), ERANGE);
    EXPECT_FAILS(orfa_getxattr(s, path.c_str(), "user.none", got.data(), 100), ENODATA);
    ASSERT_EQ(orfa_listxattr(s, path.c_str(), got.data(), got.size()), 20);
    ASSERT_EQ(orfa_removexattr(s, path.c_str(), "user.big"), 0);
    ASSERT_EQ(orfa_setxattr(s, top.c_str(), "orfa.layout", "stripe_size=64K,stripe_count=2", 30, 0),
              0)
        << orfa_error();
    create("g");
    orfa_layout layout;
    ASSERT_EQ(orfa_layout_of(s, at("g").c_str(), &layout), 0);
    EXPECT_EQ(layout.stripe_size, 65536U);
    EXPECT_EQ(layout.stripe_count, 2);
}

TEST_F(Names, TenThousandEntries) {
    std::vector<std::string> expected;
    for (int i = 0; i < 10000; ++i) {
        expected.push_back("file" + std::to_string(100000 + i));
        create(expected.back());
    }
    EXPECT_EQ(list(top), expected);
    for (const auto& name : expected)
        ASSERT_EQ(orfa_unlink(s, at(name).c_str()), 0);
    EXPECT_TRUE(list(top).empty());
    EXPECT_EQ(orfa_rmdir(s, top.c_str()), 0) << orfa_error();
}

TEST_F(Names, ThreadsRenameAgainstEachOther) {
    constexpr int kThreads = 4;
    constexpr int kRounds = 200;
    for (int i = 0; i < 8; ++i)
        ASSERT_EQ(orfa_mkdir(s, at("d" + std::to_string(i)).c_str(), 0755), 0);
    std::atomic<int> strange{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
            const auto mine = connect(*cluster);
            unsigned random = static_cast<unsigned>(t) * 7919 + 1;
            const auto next = [&random] { return (random = random * 1103515245 + 12345) >> 16; };
            const auto path = [&] {
                return at("d" + std::to_string(next() % 8) + "/n" + std::to_string(next() % 3));
            };
            for (int i = 0; i < kRounds; ++i) {
                const std::string one = path();
                const std::string two = path();
                int result = 0;
                switch (next() % 4) {
                    case 0:
                        result = orfa_mkdir(mine.get(), one.c_str(), 0755);
                        break;
                    case 1:
                        result = orfa_rmdir(mine.get(), one.c_str());
                        break;
                    default:
                        result = orfa_rename(mine.get(), one.c_str(), two.c_str());
                        break;
                }
                if (result != 0 && errno != ENOENT && errno != EEXIST && errno != ENOTEMPTY &&
                    errno != EINVAL && errno != EBUSY) {
                    ADD_FAILURE() << orfa_error();
                    ++strange;
                }
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(strange, 0);
    for (int i = 0; i < 8; ++i) {
        const std::string directory = at("d" + std::to_string(i));
        const auto names = list(directory);
        struct stat about {};
        ASSERT_EQ(orfa_stat(s, directory.c_str(), &about), 0);
        EXPECT_EQ(about.st_nlink, 2 + names.size());
        for (const auto& name : names) {
            ASSERT_EQ(orfa_stat(s, (directory + "/" + name + "/..").c_str(), &about), 0);
            EXPECT_EQ(orfa_rmdir(s, (directory + "/" + name).c_str()), 0) << orfa_error();
        }
        EXPECT_EQ(orfa_rmdir(s, directory.c_str()), 0) << orfa_error();
    }
}

TEST_F(Names, UnlinkedFileKeepsItsDataWhileOpen) {
    const auto objects = [&] {
        long long all = 0;
        for (int i = 0; i < 4; ++i)
            all += status_figure(s, i, "objects");
        return all;
    };
    const auto before = objects();
    auto file = open(session, at("f"), O_CREAT | O_RDWR, {65536, 4, -1});
    ASSERT_NE(file, nullptr);
    const auto bytes = pattern(3, 0, 300000);
    ASSERT_EQ(orfa_pwrite(file.get(), bytes.data(), bytes.size(), 0), 300000);
    ASSERT_EQ(orfa_unlink(s, at("f").c_str()), 0);
    std::vector<std::byte> got(bytes.size());
    ASSERT_EQ(orfa_pread(file.get(), got.data(), got.size(), 0), 300000) << orfa_error();
    EXPECT_EQ(got, bytes);
    EXPECT_EQ(objects(), before + 4);
    file.reset();
    // Then it is freed, at every server.
    for (int tries = 0; tries < 100; ++tries) {
        if (objects() == before) return;
        usleep(50'000);
    }
    FAIL() << "objects are left";
}

}  // namespace
}  // namespace orfa::testing
