// SPDX-License-Identifier: MIT
#include "server/options.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace orfa::server {
namespace {

// Parses a command line; `exit_code` as main() would use it, -1 when it would go on.
Options parse(std::vector<std::string> words, int& exit_code) {
    words.insert(words.begin(), "orfa-server");
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    Options options;
    exit_code = 0;
    ::testing::internal::CaptureStderr();
    ::testing::internal::CaptureStdout();
    const bool go_on =
        parse_options(static_cast<int>(words.size()), argv.data(), options, exit_code);
    ::testing::internal::GetCapturedStdout();
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_TRUE(go_on || exit_code == 0 || !said.empty()) << "it should say why";
    if (go_on) exit_code = -1;
    return options;
}

class SecretFile {
  public:
    explicit SecretFile(const std::string& text) {
        const int fd = mkstemp(name_);
        if (fd >= 0) close(fd);
        std::ofstream(name_) << text;
    }
    ~SecretFile() { unlink(name_); }
    SecretFile(const SecretFile&) = delete;
    SecretFile& operator=(const SecretFile&) = delete;
    [[nodiscard]] std::string path() const { return name_; }

  private:
    char name_[40] = "/tmp/orfa-test-secret-XXXXXX";
};

TEST(Options, AWholeCommandLineIsUnderstood) {
    const SecretFile secret("00ff10\n");
    int exit_code = 0;
    const Options options = parse(
        {"--servers",      "a:1,b:2,c:3", "--index",        "2",     "--secret-file", secret.path(),
         "--memory-limit", "2GiB",        "--memory-ready", "64M",   "--stripe-size", "64K",
         "--stripe-count", "3",           "--transports",   "local", "--ready-fd",    "7",
         "--cluster-id",   "ab"},
        exit_code);
    ASSERT_EQ(exit_code, -1);
    EXPECT_EQ(options.indices, std::vector<std::uint32_t>{2});
    ASSERT_EQ(options.servers.size(), 3U);
    EXPECT_EQ(options.servers[1].host, "b");
    EXPECT_EQ(options.servers[1].port, 2);
    EXPECT_EQ(options.secret, 0xff10U);
    EXPECT_EQ(options.cluster_id, 0xabU);
    EXPECT_EQ(options.memory_limit, 2ULL << 30);
    EXPECT_EQ(options.memory_ready, 64ULL << 20);
    EXPECT_EQ(options.stripe_size, 65536U);
    EXPECT_EQ(options.stripe_count, 3U);
    EXPECT_EQ(options.transports, "local");
    EXPECT_EQ(options.ready_fd, 7);
}

TEST(Options, AProcessCanBeSeveralServers) {
    const SecretFile secret("12\n");
    int exit_code = 0;
    const Options options =
        parse({"--servers", "a,b,c", "--secret-file", secret.path(), "--index", "2,0"}, exit_code);
    EXPECT_EQ(exit_code, -1);
    EXPECT_EQ(options.indices, (std::vector<std::uint32_t>{2, 0}));
}

TEST(Options, ASingleServerMakesItsOwnSecret) {
    int exit_code = 0;
    const Options first = parse({"--servers", "here"}, exit_code);
    EXPECT_EQ(exit_code, -1);
    const Options second = parse({"--servers", "here"}, exit_code);
    EXPECT_NE(first.secret, second.secret);
}

TEST(Options, MistakesEndWithTwo) {
    const SecretFile secret("12\n");
    const SecretFile no_number("words\n");
    const std::vector<std::vector<std::string>> mistakes = {
        {},
        {"--servers", ""},
        {"--servers", "a:1,,b:2"},
        {"--servers", "a:99999"},
        {"--servers", "a", "--index", "1"},
        {"--servers", "a", "--index", "-1"},
        {"--servers", "a,b"},
        {"--servers", "a,b", "--secret-file", "/no/such/file"},
        {"--servers", "a,b", "--secret-file", no_number.path()},
        {"--servers", "a,b", "--secret-file", secret.path(), "--index", "0,2"},
        {"--servers", "a,b", "--secret-file", secret.path(), "--index", "1,1"},
        {"--servers", "a,b", "--secret-file", secret.path(), "--index", "0,1", "--metadata", "/x"},
        {"--servers", "a", "--memory-limit", "lots"},
        {"--servers", "a", "--memory-limit", "-5"},
        {"--servers", "a", "--stripe-size", "1000"},
        {"--servers", "a", "--stripe-size", "0"},
        {"--servers", "a", "--stripe-size", "8GiB"},
        {"--servers", "a", "--stripe-count", "2"},
        {"--servers", "a", "--transports", "pigeon"},
        {"--servers", "a", "--unknown"},
    };
    for (const auto& words : mistakes) {
        int exit_code = 0;
        parse(words, exit_code);
        EXPECT_EQ(exit_code, 2) << ::testing::PrintToString(words);
    }
}

TEST(Options, HelpEndsWithZero) {
    int exit_code = 5;
    parse({"--help"}, exit_code);
    EXPECT_EQ(exit_code, 0);
}

}  // namespace
}  // namespace orfa::server
