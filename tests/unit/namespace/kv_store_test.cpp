// SPDX-License-Identifier: MIT
// What every KvStore must do.
#include "server/namespace/memory_kv.hpp"
#include "server/namespace/rocks_kv.hpp"
#include "tests/sanitizers.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <random>

namespace orfa::server {
namespace {

enum class Kind { kMemory, kRocks, kRocksSync };

class KvStores : public ::testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        std::string pattern = std::filesystem::temp_directory_path() / "orfa-kv-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory = pattern;
        reopen();
    }
    void TearDown() override {
        kv.reset();
        std::filesystem::remove_all(directory);
    }
    void reopen() {
        kv.reset();
        if (GetParam() == Kind::kMemory) {
            kv = std::make_unique<MemoryKv>();
            return;
        }
        auto opened =
            RocksKv::open(directory + "/names", {GetParam() == Kind::kRocksSync, 1 << 20});
        ASSERT_TRUE(opened.ok());
        kv = std::move(*opened);
    }
    void put(std::string_view key, std::string_view value) {
        KvBatch batch;
        batch.put(key, value);
        ASSERT_TRUE(kv->write(batch).ok());
    }
    std::string get(std::string_view key) {
        std::string value = "before";
        const Status read = kv->get(key, value);
        if (read.ok()) return value;
        EXPECT_EQ(read.err(), ENOENT);
        return "-";
    }
    std::vector<std::string> keys(std::string_view first, std::string_view end, std::size_t most) {
        std::vector<std::string> found;
        EXPECT_TRUE(kv->scan(first, end, [&](std::string_view key, std::string_view) {
                          found.emplace_back(key);
                          return found.size() < most;
                      }).ok());
        return found;
    }

    std::string directory;
    std::unique_ptr<KvStore> kv;
};
INSTANTIATE_TEST_SUITE_P(Stores, KvStores,
                         ::testing::Values(Kind::kMemory, Kind::kRocks, Kind::kRocksSync));

TEST_P(KvStores, WhatWasPutIsThereUntilItIsErased) {
    EXPECT_EQ(get("a"), "-");
    put("a", "1");
    put("a", "22");
    put("b", "");
    EXPECT_EQ(get("a"), "22");
    EXPECT_EQ(get("b"), "");
    KvBatch batch;
    batch.erase("a");
    batch.erase("never there");
    ASSERT_TRUE(kv->write(batch).ok());
    EXPECT_EQ(get("a"), "-");
}

TEST_P(KvStores, LastChangeOfABatchWins) {
    KvBatch batch;
    batch.put("a", "1");
    batch.erase("a");
    batch.erase("b");
    batch.put("b", "2");
    batch.put("b", "3");
    ASSERT_TRUE(kv->write(batch).ok());
    EXPECT_EQ(get("a"), "-");
    EXPECT_EQ(get("b"), "3");
    batch.clear();
    EXPECT_TRUE(batch.empty());
    ASSERT_TRUE(kv->write(batch).ok());
}

TEST_P(KvStores, KeysAreUnsignedBytesWithZeros) {
    using namespace std::string_literals;
    for (const auto& key : {"\xff"s, "\x01"s, "a\0b"s, "a"s, "a\0"s, "\x7f"s, "\x80"s})
        put(key, "value\0with zero"s);
    EXPECT_EQ(keys("", "\xff\xff", 100),
              (std::vector{"\x01"s, "a"s, "a\0"s, "a\0b"s, "\x7f"s, "\x80"s, "\xff"s}));
    EXPECT_EQ(keys("a"s, "a\0b"s, 100), (std::vector{"a"s, "a\0"s}));
    EXPECT_EQ(keys("a\0"s, "\x80", 2), (std::vector{"a\0"s, "a\0b"s}));
    EXPECT_EQ(keys("b", "a", 100), std::vector<std::string>{});
    EXPECT_EQ(get("a\0"s), "value\0with zero"s);
}

TEST_P(KvStores, RandomChangesMatchAMap) {
    std::mt19937 random(7);
    std::map<std::string, std::string> model;
    for (int round = 0; round < 300; ++round) {
        KvBatch batch;
        for (auto i = random() % 5; i > 0; --i) {
            const std::string key = std::to_string(random() % 50);
            if (random() % 3 == 0) {
                batch.erase(key);
                model.erase(key);
            } else {
                const std::string value(random() % 300, static_cast<char>(round));
                batch.put(key, value);
                model[key] = value;
            }
        }
        ASSERT_TRUE(kv->write(batch).ok());
        if (round == 150 && GetParam() != Kind::kMemory) reopen();
    }
    std::map<std::string, std::string> found;
    ASSERT_TRUE(kv->scan("", "~", [&](std::string_view key, std::string_view value) {
                      found.emplace(key, value);
                      return true;
                  }).ok());
    EXPECT_EQ(found, model);
}

TEST_P(KvStores, DirectoryInUseIsRefused) {
    if (GetParam() == Kind::kMemory) GTEST_SKIP() << "has no directory";
    EXPECT_EQ(RocksKv::open(directory + "/names", {}).status().err(), EBUSY);
    EXPECT_EQ(RocksKv::open(directory + "/no/such/parent", {}).status().err(), ENOENT);
}

TEST_P(KvStores, WhatWasWrittenSurvivesTheProcess) {
    if (GetParam() == Kind::kMemory) GTEST_SKIP() << "survives nothing";
    if (kThreadSanitizer) GTEST_SKIP() << "ThreadSanitizer lets no forked child have threads";
    kv.reset();
    const pid_t child = ::fork();
    if (child == 0) {
        auto opened =
            RocksKv::open(directory + "/names", {GetParam() == Kind::kRocksSync, 1 << 20});
        KvBatch batch;
        for (int i = 0; i < 1000; ++i)
            batch.put("key" + std::to_string(i), "value");
        const bool written = opened.ok() && (*opened)->write(batch).ok();
        ::kill(::getpid(), written ? SIGKILL : SIGTERM);
    }
    int how = 0;
    ASSERT_EQ(::waitpid(child, &how, 0), child);
    ASSERT_EQ(WTERMSIG(how), SIGKILL);
    reopen();
    EXPECT_EQ(keys("key", "kez", 10000).size(), 1000U);
}

}  // namespace
}  // namespace orfa::server
