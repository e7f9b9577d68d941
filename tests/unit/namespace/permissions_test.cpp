// SPDX-License-Identifier: MIT
// Permission bits, owners and groups as servers enforce them.
#include "tests/unit/namespace/test_client.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>

namespace orfa::server {
namespace {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's flags, throughout

class Permissions : public ::testing::TestWithParam<std::uint32_t> {
  protected:
    void TearDown() override {
        root.leave();
        alice.leave();
        bob.leave();
        cluster.settle();
        EXPECT_EQ(cluster.check(), "");
    }
    TestCluster cluster{GetParam()};
    TestClient root{cluster};
    TestClient alice{cluster, 1000, 100, {200}};
    TestClient bob{cluster, 1001, 100, {}};
    TestClient carol{cluster, 1002, 300, {}};
};
INSTANTIATE_TEST_SUITE_P(Servers, Permissions, ::testing::Values(1, 3));

TEST_P(Permissions, OwnerGroupAndOthers) {
    ASSERT_TRUE(alice.mkdir("/home", 0755).ok());
    ASSERT_TRUE(alice.create("/home/f", 0640).ok());
    EXPECT_TRUE(alice.open("/home/f", kOpenRead | kOpenWrite).ok());
    EXPECT_TRUE(bob.open("/home/f", kOpenRead).ok());
    EXPECT_EQ(bob.open("/home/f", kOpenRead | kOpenWrite).status().err(), EACCES);
    EXPECT_EQ(bob.open("/home/f", kOpenRead | kOpenTruncate).status().err(), EACCES);
    EXPECT_EQ(carol.open("/home/f", kOpenRead).status().err(), EACCES);
    EXPECT_TRUE(root.open("/home/f", kOpenRead | kOpenWrite).ok());
    EXPECT_EQ(carol.create("/home/g").err(), EACCES);
    EXPECT_EQ(carol.mkdir("/home/g").err(), EACCES);
    EXPECT_EQ(carol.symlink("x", "/home/g").err(), EACCES);
    EXPECT_EQ(carol.unlink("/home/f").err(), EACCES);
    EXPECT_EQ(carol.rename("/home/f", "/home/g").err(), EACCES);
    EXPECT_EQ(carol.link("/home/f", "/home/g").err(), EACCES);
    // The owner's own bits count for the owner, even when others have more.
    ASSERT_TRUE(alice.chmod("/home/f", 0066).ok());
    EXPECT_EQ(alice.open("/home/f", kOpenRead).status().err(), EACCES);
    EXPECT_TRUE(bob.open("/home/f", kOpenRead | kOpenWrite).ok());
}

TEST_P(Permissions, SearchAndRead) {
    ASSERT_TRUE(alice.mkdir("/closed", 0700).ok());
    ASSERT_TRUE(alice.mkdir("/closed/inner", 0777).ok());
    EXPECT_EQ(bob.stat("/closed/inner").status().err(), EACCES);
    EXPECT_EQ(bob.list("/closed").status().err(), EACCES);
    ASSERT_TRUE(alice.chmod("/closed", 0711).ok());
    EXPECT_TRUE(bob.stat("/closed/inner").ok());
    EXPECT_EQ(bob.list("/closed").status().err(), EACCES);
    ASSERT_TRUE(alice.chmod("/closed", 0744).ok());
    EXPECT_TRUE(bob.list("/closed").ok());
    EXPECT_EQ(bob.stat("/closed/inner").status().err(), EACCES);
    EXPECT_EQ(bob.stat("/closed", true, X_OK).status().err(), EACCES);
    EXPECT_TRUE(bob.stat("/closed", true, R_OK).ok());
}

TEST_P(Permissions, StickyDirectoryProtectsOthersFiles) {
    // The root is one.
    ASSERT_TRUE(alice.create("/alices").ok());
    ASSERT_TRUE(alice.mkdir("/alices_d").ok());
    EXPECT_EQ(bob.unlink("/alices").err(), EPERM);
    EXPECT_EQ(bob.rmdir("/alices_d").err(), EPERM);
    EXPECT_EQ(bob.rename("/alices", "/bobs").err(), EPERM);
    ASSERT_TRUE(bob.create("/bobs").ok());
    EXPECT_EQ(bob.rename("/bobs", "/alices").err(), EPERM);
    EXPECT_TRUE(alice.rename("/alices", "/renamed").ok());
    EXPECT_TRUE(alice.rmdir("/alices_d").ok());
    EXPECT_TRUE(root.unlink("/bobs").ok());
    // Also when the inode lives elsewhere.
    ASSERT_TRUE(alice.mkdir("/open", 0777).ok());
    ASSERT_TRUE(alice.create("/open/f").ok());
    ASSERT_TRUE(alice.rename("/open/f", "/f").ok());
    EXPECT_EQ(bob.unlink("/f").err(), EPERM);
    EXPECT_TRUE(alice.unlink("/f").ok());
}

TEST_P(Permissions, ChangesOfAttributes) {
    ASSERT_TRUE(alice.create("/f", 0666).ok());
    EXPECT_EQ(bob.chmod("/f", 0777).err(), EPERM);
    EXPECT_TRUE(alice.chmod("/f", 04777).ok());
    EXPECT_EQ(alice.chown("/f", 1001, 100).err(), EPERM);
    EXPECT_EQ(alice.chown("/f", 1000, 300).err(), EPERM);
    EXPECT_TRUE(alice.chown("/f", 1000, 200).ok());
    EXPECT_EQ(alice.stat("/f")->mode & 07777, 0777U);  // set-uid went with the chown
    EXPECT_TRUE(root.chown("/f", 1001, 300).ok());
    EXPECT_EQ(bob.chmod("/f", 02777).err(), 0);
    EXPECT_EQ(bob.stat("/f")->mode & 07777, 0777U);  // not in the file's group
    SetattrRequest times{};
    times.mask = kSetMtime;
    EXPECT_EQ(alice.setattr("/f", times).status().err(), EPERM);
    times.mask = kSetMtimeNow | kSetAtimeNow;
    EXPECT_TRUE(alice.setattr("/f", times).ok());
    ASSERT_TRUE(bob.chmod("/f", 0644).ok());
    EXPECT_EQ(alice.setattr("/f", times).status().err(), EACCES);
}

TEST_P(Permissions, SetGidDirectoryHandsItsGroupDown) {
    ASSERT_TRUE(root.mkdir("/team", 0777).ok());
    ASSERT_TRUE(root.chown("/team", 0, 200).ok());
    ASSERT_TRUE(root.chmod("/team", 02777).ok());
    ASSERT_TRUE(bob.create("/team/f").ok());
    ASSERT_TRUE(bob.mkdir("/team/d").ok());
    EXPECT_EQ(bob.stat("/team/f")->gid, 200U);
    EXPECT_EQ(bob.stat("/team/d")->gid, 200U);
    EXPECT_EQ(bob.stat("/team/d")->mode & S_ISGID, static_cast<std::uint32_t>(S_ISGID));
}

TEST_P(Permissions, MovingADirectoryNeedsToWriteIt) {
    ASSERT_TRUE(alice.mkdir("/from", 0777).ok());
    ASSERT_TRUE(alice.mkdir("/to", 0777).ok());
    ASSERT_TRUE(alice.mkdir("/from/d", 0755).ok());
    EXPECT_EQ(bob.rename("/from/d", "/to/d").err(), EACCES);
    EXPECT_TRUE(bob.rename("/from/d", "/from/e").ok());
    EXPECT_TRUE(alice.rename("/from/e", "/to/d").ok());
}

TEST_P(Permissions, Xattrs) {
    ASSERT_TRUE(alice.create("/f", 0644).ok());
    ASSERT_TRUE(alice.set_xattr("/f", "user.a", "1").ok());
    EXPECT_EQ(*bob.get_xattr("/f", "user.a"), "1");
    EXPECT_EQ(bob.set_xattr("/f", "user.a", "2").err(), EACCES);
    EXPECT_EQ(bob.remove_xattr("/f", "user.a").err(), EACCES);
    ASSERT_TRUE(alice.chmod("/f", 0600).ok());
    EXPECT_EQ(bob.get_xattr("/f", "user.a").status().err(), EACCES);
    ASSERT_TRUE(alice.mkdir("/d", 0777).ok());
    EXPECT_EQ(bob.set_xattr("/d", "orfa.layout", "stripe_size=1M").err(), EPERM);
    EXPECT_TRUE(alice.set_xattr("/d", "orfa.layout", "stripe_size=1M").ok());
}

TEST_P(Permissions, RightsComeFromTheOpenMode) {
    ASSERT_TRUE(alice.create("/f", 0644).ok());
    const auto read = alice.open("/f", kOpenRead)->capability;
    EXPECT_EQ(read.rights, kMayRead);
    EXPECT_EQ(alice.mark_spread(read).err(), EACCES);
    auto forged = read;
    forged.rights = kMayWrite;
    EXPECT_EQ(alice.mark_spread(forged).err(), EACCES);
    EXPECT_TRUE(alice.mark_spread(alice.open("/f", kOpenWrite)->capability).ok());
    // Who creates a file may write it whatever its mode.
    EXPECT_EQ(alice.open("/r", kOpenWrite | kOpenCreate, 0444)->capability.rights, kMayWrite);
    EXPECT_EQ(alice.open("/r", kOpenWrite).status().err(), EACCES);
}

}  // namespace
}  // namespace orfa::server
