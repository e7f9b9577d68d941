// SPDX-License-Identifier: MIT
// Strangers at a server's ports: what is no greeting is closed and logged once, and nothing else.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

namespace orfa::testing {
namespace {

std::vector<std::string> garbage() {
    std::mt19937 random(7);
    std::string noise(100'000, '\0');
    for (char& byte : noise)
        byte = static_cast<char>(random());
    return {noise, std::string(5000, '\0'), std::string(5000, '\xff'),
            "GET / HTTP/1.1\r\nHost: here\r\n\r\n", "x"};
}

UniqueFd tcp_connection(std::uint16_t port) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fd.reset();
    return fd;
}

UniqueFd unix_connection(std::uint16_t port) {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "orfa/" + std::to_string(port);
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) fd.reset();
    return fd;
}

void say(const UniqueFd& fd, const std::string& bytes) {
    [[maybe_unused]] const auto sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

// Whether the other side closes the connection in time.
bool is_closed(const UniqueFd& fd, int timeout_ms) {
    pollfd waiting{fd.get(), POLLIN, 0};
    char bytes[512];
    while (poll(&waiting, 1, timeout_ms * kSlower) > 0) {
        const ssize_t n = ::recv(fd.get(), bytes, sizeof(bytes), 0);
        if (n <= 0) return true;
    }
    return false;
}

std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// The TCP ports a process listens on.
std::set<std::uint16_t> listening_ports(pid_t pid) {
    std::set<std::string> sockets;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error))
        sockets.insert(std::filesystem::read_symlink(entry.path(), error).string());
    std::set<std::uint16_t> ports;
    for (const char* table : {"/net/tcp", "/net/tcp6"}) {
        std::ifstream file("/proc/" + std::to_string(pid) + table);
        std::string line;
        std::getline(file, line);
        while (std::getline(file, line)) {
            std::istringstream words(line);
            std::string slot, local, remote, state, queues, timer, retries, uid, timeout, inode;
            words >> slot >> local >> remote >> state >> queues >> timer >> retries >> uid >>
                timeout >> inode;
            if (state != "0A" || sockets.count("socket:[" + inode + "]") == 0) continue;
            ports.insert(static_cast<std::uint16_t>(
                std::stoul(local.substr(local.find(':') + 1), nullptr, 16)));
        }
    }
    return ports;
}

class Garbage : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(cluster_.ok()) << cluster_.error();
        for (std::size_t way = 0; way < 2; ++way) {
            sessions_[way] = connect(cluster_, way == 0 ? "local" : "ofi");
            ASSERT_NE(sessions_[way], nullptr) << orfa_error();
        }
    }
    // Old sessions and new ones are served.
    void expect_service() {
        for (std::size_t way = 0; way < 2; ++way) {
            EXPECT_EQ(orfa_ping(sessions_[way].get(), 0), 0) << orfa_error();
            const SessionPtr fresh = connect(cluster_, way == 0 ? "local" : "ofi");
            ASSERT_NE(fresh, nullptr) << orfa_error();
            EXPECT_EQ(orfa_ping(fresh.get(), 0), 0) << orfa_error();
        }
    }
    template <typename Connect>
    void expect_refusals(Connect connection) {
        for (const std::string& bytes : garbage()) {
            const std::size_t before = lines(cluster_.log(0));
            const UniqueFd fd = connection();
            ASSERT_TRUE(fd);
            say(fd, bytes);
            EXPECT_TRUE(is_closed(fd, 8000)) << bytes.size() << " bytes";
            EXPECT_TRUE(eventually(2000, [&] { return lines(cluster_.log(0)) > before; }));
            EXPECT_EQ(lines(cluster_.log(0)), before + 1) << cluster_.log(0);
        }
        expect_service();
    }

    Cluster cluster_{{.servers = 1}};
    SessionPtr sessions_[2];
};

TEST_F(Garbage, AtTheUnixDoorIsClosedAndLoggedOnce) {
    expect_refusals([&] { return unix_connection(cluster_.port(0)); });
}

TEST_F(Garbage, AtTheTcpDoorIsClosedAndLoggedOnce) {
    expect_refusals([&] { return tcp_connection(cluster_.port(0)); });
}

TEST_F(Garbage, AtLibfabricsOwnPortDisturbsNobody) {
    const auto ports = listening_ports(cluster_.pid(0));
    EXPECT_EQ(ports.count(cluster_.port(0)), 1U);
    std::size_t tried = 0;
    for (const std::uint16_t port : ports) {
        if (port == cluster_.port(0)) continue;
        for (const std::string& bytes : garbage()) {
            const UniqueFd fd = tcp_connection(port);
            if (!fd) continue;
            ++tried;
            say(fd, bytes);
            is_closed(fd, 200);
            expect_service();
        }
    }
    if (tried == 0) GTEST_SKIP() << "libfabric listens on no TCP port of its own";
}

TEST_F(Garbage, ManySilentConnectionsDisturbNobody) {
    std::vector<UniqueFd> silent;
    for (int i = 0; i < 100; ++i) {
        silent.push_back(unix_connection(cluster_.port(0)));
        silent.push_back(tcp_connection(cluster_.port(0)));
    }
    expect_service();
    for (const UniqueFd& fd : silent)
        if (fd) {
            EXPECT_TRUE(is_closed(fd, 8000));
        }
    expect_service();
}

}  // namespace
}  // namespace orfa::testing
