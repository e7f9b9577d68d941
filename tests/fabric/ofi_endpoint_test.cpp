// SPDX-License-Identifier: MIT
// The libfabric transport: what is its own, apart from the contract of all transports.
#include "fabric/ofi_wire.hpp"
#include "tests/fabric/ofi_fixture.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace orfa::fabric::test {
namespace {

bool libfabric_is_loaded() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.find("libfabric.so") != std::string::npos) return true;
    return false;
}

UniqueFd connect_raw(std::uint16_t port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

// A TCP listener that says `greeting` to whoever comes, and nothing more.
class StrangeServer {
  public:
    explicit StrangeServer(std::string greeting) : greeting_(std::move(greeting)) {
        listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(listener_.get(), generic, length), 0);
        EXPECT_EQ(::listen(listener_.get(), 8), 0);
        EXPECT_EQ(::getsockname(listener_.get(), generic, &length), 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] {
            const UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
            (void)::send(fd.get(), greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
            char buffer[512];
            while (::recv(fd.get(), buffer, sizeof buffer, 0) > 0)
                continue;
        });
    }
    StrangeServer(const StrangeServer&) = delete;
    StrangeServer& operator=(const StrangeServer&) = delete;
    ~StrangeServer() {
        (void)::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    std::string greeting_;
    UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

TEST(OfiEndpoint, AClientLoadsLibfabricOnlyWhenItConnects) {
    if (libfabric_is_loaded()) GTEST_SKIP() << "another test of this process has loaded it";
    Recorder events;
    auto client = ofi_client(events);
    client->poll();
    EXPECT_TRUE(client->arm());
    client->disarm();
    EXPECT_FALSE(libfabric_is_loaded());
    std::byte memory[16];
    EXPECT_EQ(client->register_memory(memory, Access::kBoth).status().err(), ENOTCONN);
}

TEST(OfiEndpoint, LoadingLibfabricKeepsTheSignalHandlers) {
    struct sigaction before {};
    before.sa_handler = [](int) {};
    ASSERT_EQ(::sigaction(SIGTERM, &before, nullptr), 0);
    ASSERT_TRUE(OfiLibrary::load().ok());
    struct sigaction after {};
    ASSERT_EQ(::sigaction(SIGTERM, nullptr, &after), 0);
    EXPECT_EQ(after.sa_handler, before.sa_handler);
    (void)::signal(SIGTERM, SIG_DFL);
}

TEST(OfiEndpoint, NobodyThereIsRefused) {
    Recorder events;
    auto client = ofi_client(events);
    std::uint16_t port = 0;
    {
        StrangeServer gone("");
        port = gone.port();
    }
    EXPECT_EQ(client->connect({"127.0.0.1", port}, 1000).status().err(), ECONNREFUSED);
}

TEST(OfiEndpoint, SomethingElseThereIsEproto) {
    Recorder events;
    auto client = ofi_client(events);
    const StrangeServer http("HTTP/1.1 400 Bad Request\r\n\r\n");
    EXPECT_EQ(client->connect({"127.0.0.1", http.port()}, 2000).status().err(), EPROTO);
}

TEST(OfiEndpoint, SilenceThereTimesOut) {
    Recorder events;
    auto client = ofi_client(events);
    ASSERT_TRUE(OfiLibrary::load().ok());
    const StrangeServer silent("");
    const auto start = Clock::now();
    EXPECT_EQ(client->connect({"127.0.0.1", silent.port()}, 200).status().err(), ETIMEDOUT);
    EXPECT_LT(Clock::now() - start, milliseconds(5000));
}

TEST(OfiEndpoint, AnUnknownProviderIsEnodata) {
    Recorder events;
    OfiOptions options;
    options.listen = Address{"127.0.0.1", 0};
    options.provider = "carrier-pigeon";
    EXPECT_FALSE(OfiEndpoint::create(events, options).ok());
}

TEST(OfiEndpoint, DifferentProvidersAreRefusedOnBothSides) {
    Recorder server_events, client_events;
    auto server = ofi_server(server_events);
    OfiOptions options;
    options.provider = server->provider() == "tcp" ? "tcp;ofi_rxm" : "net";
    auto client = ofi_client(client_events, options);
    Result<PeerId> peer = dial(*client, *server);
    if (!peer.ok() && peer.status().err() == FI_ENODATA) GTEST_SKIP() << "only one provider here";
    EXPECT_EQ(peer.status().err(), EPROTONOSUPPORT);
    EXPECT_TRUE(server_events.up.empty());
}

TEST(OfiEndpoint, ASecondServerOnThePortIsRefused) {
    Recorder events;
    auto server = ofi_server(events);
    OfiOptions options;
    options.listen = Address{"127.0.0.1", server->door_port()};
    EXPECT_EQ(OfiEndpoint::create(events, options).status().err(), EADDRINUSE);
}

TEST(OfiEndpoint, AServerOnAllInterfacesIsReached) {
    Recorder server_events, client_events;
    OfiOptions options;
    options.listen = Address{"", 0};
    auto made = OfiEndpoint::create(server_events, options);
    ASSERT_TRUE(made.ok()) << made.status().err();
    auto client = ofi_client(client_events);
    Result<PeerId> peer = dial(*client, **made);
    ASSERT_TRUE(peer.ok()) << peer.status().err();
    ASSERT_TRUE(client->send(*peer, bytes_of("hello"), {}).ok());
    ASSERT_TRUE(poll_until(**made, *client, [&] { return !server_events.messages.empty(); }));
    ASSERT_TRUE((*made)->send(server_events.up[0], bytes_of("welcome"), {}).ok());
    ASSERT_TRUE(poll_until(**made, *client, [&] { return !client_events.messages.empty(); }));
}

TEST(OfiEndpoint, GarbageOnEitherPortHurtsNobody) {
    Recorder server_events, client_events;
    auto server = ofi_server(server_events);
    auto client = ofi_client(client_events);
    Result<PeerId> peer = dial(*client, *server);
    ASSERT_TRUE(peer.ok());
    const std::uint16_t inner = server->libfabric_port();
    ASSERT_NE(inner, 0);
    std::vector<std::byte> noise(10'000);
    std::vector<UniqueFd> held;
    for (unsigned round = 0; round < 24; ++round) {
        for (const std::uint16_t port : {server->door_port(), inner}) {
            UniqueFd fd = connect_raw(port);
            fill(noise, round);
            // A plausible start now and then, and all lengths.
            if (round % 3 == 1) std::memset(noise.data(), 0, 64);
            if (round % 3 == 2) std::memset(noise.data(), static_cast<int>(round / 3), 8);
            const std::size_t length = round % 2 == 0 ? round : noise.size();
            (void)::send(fd.get(), noise.data(), length, MSG_NOSIGNAL);
            if (round % 4 == 0) held.push_back(std::move(fd));
        }
        for (int i = 0; i < 50; ++i)
            wait_once(*server, 1);
    }
    ASSERT_TRUE(client->send(*peer, bytes_of("alive?"), {}).ok());
    ASSERT_TRUE(poll_until(*server, *client, [&] { return !server_events.messages.empty(); }));
    EXPECT_EQ(server_events.up.size(), 1U);
    EXPECT_TRUE(server_events.down.empty());
}

TEST(OfiEndpoint, AForkedChildThatForgetsLeavesTheConnectionAlone) {
    Recorder server_events, client_events;
    auto server = ofi_server(server_events);
    auto client = ofi_client(client_events);
    Result<PeerId> peer = dial(*client, *server);
    ASSERT_TRUE(peer.ok());
    ASSERT_TRUE(client->send(*peer, bytes_of("1"), {}).ok());
    ASSERT_TRUE(poll_until(*server, *client, [&] { return server_events.count == 1; }));
    Child child([&] {
        client->forget_after_fork();
        server->forget_after_fork();
        client.reset();
        server.reset();
        return 0;
    });
    EXPECT_EQ(child.join(), 0);
    // One that forgets to forget.
    Child careless([&] {
        client.reset();
        server.reset();
        return 0;
    });
    EXPECT_EQ(careless.join(), 0);
    ASSERT_TRUE(client->send(*peer, bytes_of("2"), {}).ok());
    ASSERT_TRUE(server->send(server_events.up[0], bytes_of("3"), {}).ok());
    ASSERT_TRUE(poll_until(*server, *client,
                           [&] { return server_events.count == 2 && client_events.count == 1; }));
    EXPECT_TRUE(server_events.down.empty());
    EXPECT_TRUE(client_events.down.empty());
}

TEST(OfiEndpoint, AClientThatComputesDoesNotHoldUpTheOthers) {
    MovingServer server;
    Recorder busy_events, other_events;
    auto busy = ofi_client(busy_events);
    auto other = ofi_client(other_events);
    Result<PeerId> from_busy = dial(*busy, server.endpoint());
    Result<PeerId> from_other = dial(*other, server.endpoint());
    ASSERT_TRUE(from_busy.ok() && from_other.ok());
    std::vector<std::byte> memory(1 << 20), others(1 << 20);
    Result<Registration> a = busy->register_memory(memory, Access::kBoth);
    Result<Registration> b = other->register_memory(others, Access::kBoth);
    ASSERT_TRUE(a.ok() && b.ok());
    const auto ask = [](OfiEndpoint& client, PeerId peer, const Registration& r) {
        const MoveRequest request{0, 0, {r.addr, r.key, 1 << 20}};
        EXPECT_TRUE(client.send(peer, std::as_bytes(std::span(&request, 1)), {}).ok());
    };
    for (int i = 0; i < 16; ++i)
        ask(*busy, *from_busy, *a);
    while (server.started < 16) {
        server.endpoint().poll();
        // Only until its requests are out.
        if (server.messages < 16) busy->poll();
    }
    for (int i = 0; i < 4; ++i)
        ask(*other, *from_other, *b);
    ASSERT_TRUE(poll_until(server.endpoint(), *other, [&] { return other_events.count == 4; }));
    EXPECT_LT(busy_events.count, 16U);
    ASSERT_TRUE(poll_until(server.endpoint(), *busy, [&] { return busy_events.count == 16; }));
}

// Requests of 1 MiB each, until the server has started them all.
void ask_and_stop_polling(MovingServer& server, OfiEndpoint& client, PeerId peer,
                          const Registration& shared, std::size_t count) {
    const MoveRequest request{0, 0, {shared.addr, shared.key, 1 << 20}};
    for (std::size_t i = 0; i < count; ++i)
        EXPECT_TRUE(client.send(peer, std::as_bytes(std::span(&request, 1)), {}).ok());
    while (server.messages < count) {
        client.poll();
        server.endpoint().poll();
    }
    for (int i = 0; i < 100; ++i)
        server.endpoint().poll();
}

TEST(OfiEndpoint, AServerCanStopInTheMiddleOfReads) {
    Recorder events;
    auto server = std::make_unique<MovingServer>();
    auto client = ofi_client(events);
    Result<PeerId> peer = dial(*client, server->endpoint());
    ASSERT_TRUE(peer.ok());
    std::vector<std::byte> memory(1 << 20);
    Result<Registration> shared = client->register_memory(memory, Access::kBoth);
    ASSERT_TRUE(shared.ok());
    ask_and_stop_polling(*server, *client, *peer, *shared, 8);
    server.reset();
    ASSERT_TRUE(wait_until(*client, [&] { return events.down.size() == 1; }));
}

TEST(OfiEndpoint, AServerCanDisconnectAClientInTheMiddleOfReads) {
    Recorder events;
    MovingServer server;
    auto client = ofi_client(events);
    Result<PeerId> peer = dial(*client, server.endpoint());
    ASSERT_TRUE(peer.ok());
    std::vector<std::byte> memory(1 << 20);
    Result<Registration> shared = client->register_memory(memory, Access::kBoth);
    ASSERT_TRUE(shared.ok());
    ask_and_stop_polling(server, *client, *peer, *shared, 8);
    server.endpoint().disconnect(PeerId{1});
    const auto soon = Clock::now() + milliseconds(300);
    while (Clock::now() < soon)
        wait_once(server.endpoint(), 10);
    // Memory under transfer is not given back before libfabric has let go of it.
    EXPECT_EQ(server.downs == 1, server.started == server.ended);
    ASSERT_TRUE(poll_until(server.endpoint(), *client, [&] { return server.downs == 1; }));
    EXPECT_EQ(server.started, server.ended);
    ASSERT_TRUE(wait_until(*client, [&] { return events.down.size() == 1; }));

    Result<PeerId> again = dial(*client, server.endpoint());
    ASSERT_TRUE(again.ok());
    const std::size_t before = events.count;
    const MoveRequest request{1, 7, {shared->addr, shared->key, 1 << 20}};
    ASSERT_TRUE(client->send(*again, std::as_bytes(std::span(&request, 1)), {}).ok());
    ASSERT_TRUE(poll_until(server.endpoint(), *client, [&] { return events.count > before; }));
}

TEST(OfiEndpoint, ProgramsStartedDoNotInheritItsSockets) {
    Recorder server_events, client_events;
    auto server = ofi_server(server_events);
    auto client = ofi_client(client_events);
    Result<PeerId> peer = dial(*client, *server);
    ASSERT_TRUE(peer.ok());
    ASSERT_TRUE(client->send(*peer, bytes_of("hello"), {}).ok());
    ASSERT_TRUE(poll_until(*server, *client, [&] { return server_events.count == 1; }));
    for (int i = 0; i < 100; ++i) {
        server->poll();
        client->poll();
    }
    std::size_t sockets = 0;
    for (int fd = 3; fd < 1024; ++fd) {
        sockaddr_storage address{};
        socklen_t length = sizeof address;
        if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
            address.ss_family != AF_INET)
            continue;
        ++sockets;
        EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << fd;
    }
    EXPECT_GE(sockets, 7U) << "two doors' ends, three listeners, a connection's two ends";
}

TEST(OfiWire, AGreetingSurvivesAndGarbageDoesNot) {
    OfiHello hello;
    hello.prefix = {7, 8};
    hello.provider = "tcp;ofi_rxm";
    hello.eager_bytes = 4624;
    hello.name.assign(16, std::byte{3});
    std::vector<std::byte> bytes = hello.encode();
    Result<OfiHello> back = OfiHello::decode(bytes);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back->prefix.id, 7U);
    EXPECT_EQ(back->provider, "tcp;ofi_rxm");
    EXPECT_EQ(back->name, hello.name);
    for (std::size_t n = 0; n < bytes.size(); ++n)
        EXPECT_FALSE(OfiHello::decode(std::span(bytes).first(n)).ok());
    bytes.push_back(std::byte{});
    EXPECT_FALSE(OfiHello::decode(bytes).ok());
    bytes.assign(bytes.size(), std::byte{0xff});
    EXPECT_FALSE(OfiHello::decode(bytes).ok());
}

}  // namespace
}  // namespace orfa::fabric::test
