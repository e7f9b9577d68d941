// SPDX-License-Identifier: MIT
// Listing directories that are large, or change meanwhile.
#include "tests/unit/namespace/test_client.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>

namespace orfa::server {
namespace {

TEST(Readdir, TenThousandEntriesComeOnceEach) {
    TestCluster cluster(2);
    TestClient client(cluster);
    ASSERT_TRUE(client.mkdir("/d").ok());
    std::vector<std::string> expected;
    for (int i = 0; i < 10000; ++i) {
        expected.push_back(fmt::format("file{:05}", i));
        ASSERT_TRUE(client.create("/d/" + expected.back()).ok());
    }
    for (const std::uint32_t most : {7U, 1000U, 1000000U}) {
        const auto listed = client.list("/d", most);
        ASSERT_TRUE(listed.ok());
        EXPECT_EQ(*listed, expected);
    }
}

TEST(Readdir, ChangesMeanwhileDoNotDisturbWhatStays) {
    TestCluster cluster(1, 1);
    TestClient client(cluster);
    std::mt19937 random(3);
    for (int i = 0; i < 500; ++i)
        ASSERT_TRUE(client.create(fmt::format("/stays{}", i)).ok());
    for (int i = 0; i < 500; ++i)
        ASSERT_TRUE(client.create(fmt::format("/goes{}", i)).ok());
    std::map<std::string, int> seen;
    TestClient::Name last;
    bool begun = false;
    int fresh = 0;
    int gone = 0;
    while (true) {
        auto names = client.page(protocol::kRootIno, begun ? &last : nullptr, 10);
        ASSERT_TRUE(names.ok());
        if (names->empty()) break;
        begun = true;
        last = names->back();
        for (const auto& name : *names)
            ++seen[name.name];
        // The very entry the next page starts from goes, too.
        if (last.name.rfind("goes", 0) == 0) {
            ASSERT_TRUE(client.unlink("/" + last.name).ok());
        }
        for (int i = 0; i < 5; ++i, ++fresh)
            ASSERT_TRUE(client.create(fmt::format("/new{}", fresh)).ok());
        for (int i = 0; i < 3 && gone < 500; ++i, ++gone)
            (void)client.unlink(fmt::format("/goes{}", gone));
    }
    for (const auto& [name, times] : seen)
        EXPECT_EQ(times, 1) << name;
    for (int i = 0; i < 500; ++i)
        EXPECT_EQ(seen.count(fmt::format("stays{}", i)), 1U);
}

TEST(Readdir, CookieAloneGoesOnBehindItsEntry) {
    TestCluster cluster(1);
    TestClient client(cluster);
    for (int i = 0; i < 50; ++i)
        ASSERT_TRUE(client.create(fmt::format("/f{}", i)).ok());
    const auto all = *client.page(protocol::kRootIno, nullptr);
    ASSERT_EQ(all.size(), 50U);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const TestClient::Name place{"", 0, all[i].cookie, 0};
        const auto rest = *client.page(protocol::kRootIno, &place);
        ASSERT_EQ(rest.size(), all.size() - i - 1);
        if (!rest.empty()) {
            EXPECT_EQ(rest.front().name, all[i + 1].name);
        }
    }
}

}  // namespace
}  // namespace orfa::server
