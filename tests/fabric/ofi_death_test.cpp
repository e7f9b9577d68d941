// SPDX-License-Identifier: MIT
// Processes that die in the middle of transfers over libfabric. Each process has its own libfabric:
// they are forked before this one opens an endpoint.
#include "tests/fabric/ofi_fixture.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <new>

namespace orfa::fabric::test {
namespace {

struct Pipe {
    Pipe() {
        int fds[2];
        EXPECT_EQ(::pipe(fds), 0);
        reader.reset(fds[0]);
        writer.reset(fds[1]);
    }
    template <typename T>
    void put(const T& value) const {
        if (::write(writer.get(), &value, sizeof value) != sizeof value) ::_exit(9);
    }
    template <typename T>
    T get() const {
        T value{};
        if (::read(reader.get(), &value, sizeof value) != sizeof value) ::_exit(9);
        return value;
    }
    UniqueFd reader, writer;
};

constexpr int kKills = kSanitized ? 40 : 200;
constexpr int kPatience = kSanitized ? 8 : 1;  // at first; see kill_clients()
constexpr int kMostPatience = 16;
constexpr int kAtOnce = 4;

// A number that forked processes share.
class SharedCount {
  public:
    SharedCount() {
        void* memory = ::mmap(nullptr, sizeof(std::atomic<std::size_t>), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        EXPECT_NE(memory, MAP_FAILED);
        count_ = new (memory) std::atomic<std::size_t>(0);
    }
    ~SharedCount() { ::munmap(count_, sizeof *count_); }
    SharedCount(const SharedCount&) = delete;
    SharedCount& operator=(const SharedCount&) = delete;
    std::atomic<std::size_t>& operator*() const { return *count_; }

  private:
    std::atomic<std::size_t>* count_ = nullptr;
};

// Forks clients and kills them after a while, kKills times; longer a while, where this machine is
// so slow that none of them gets to a transfer. It loads libfabric once for all of them, without
// opening anything.
int kill_clients(std::uint16_t port, const std::atomic<std::size_t>& transfers) {
    int patience = kPatience;
    std::size_t before = 0;
    if (!OfiLibrary::load().ok()) return 1;
    std::vector<std::unique_ptr<Child>> clients;
    for (int i = 0; i < kAtOnce; ++i)
        clients.push_back(std::make_unique<Child>([port] { return ask_for_ever(port, 8); }));
    for (int i = 0; i < kKills; ++i) {
        ::usleep(static_cast<useconds_t>(patience * (3000 + (i * 7919) % 25000)));
        if (i % (2 * kAtOnce) == 2 * kAtOnce - 1) {
            if (transfers == before) patience = std::min(2 * patience, kMostPatience);
            before = transfers;
        }
        std::unique_ptr<Child>& victim = clients[static_cast<std::size_t>(i % kAtOnce)];
        victim->kill_and_reap();
        victim = std::make_unique<Child>([port] { return ask_for_ever(port, 8); });
    }
    clients.clear();
    return 0;
}

TEST(OfiDeath, AServerSurvivesTwoHundredKillsOfClients) {
    Pipe port;
    const SharedCount transfers;
    Child killer([&] { return kill_clients(port.get<std::uint16_t>(), *transfers); });
    MovingServer server;
    port.put(server.endpoint().door_port());

    const auto quiet = [&] { return server.ups == server.downs; };
    std::size_t early_kb = 0;
    const std::size_t fds = open_descriptors();
    int state = 0;
    const auto deadline = Clock::now() + milliseconds(18'000);
    while (::waitpid(killer.pid(), &state, WNOHANG) == 0 && Clock::now() < deadline) {
        wait_once(server.endpoint(), 10);
        *transfers = server.started;
        if (early_kb == 0 && server.downs >= kKills / 4) early_kb = resident_kb();
    }
    ASSERT_TRUE(wait_until(server.endpoint(), quiet));
    EXPECT_GE(server.downs, static_cast<std::size_t>(kKills) / 4);
    EXPECT_EQ(server.started, server.ended);
    EXPECT_GT(server.failed, 0U) << "no client was killed in the middle of a transfer";
    EXPECT_EQ(open_descriptors(), fds);
    const std::size_t late_kb = resident_kb();
    if (!kSanitized) {
        EXPECT_LT(late_kb, early_kb + 8192) << early_kb << " -> " << late_kb << " KB";
    }
    std::printf("%zu clients, %zu transfers, %zu cut short; %zu -> %zu KB\n", server.downs,
                server.ended, server.failed, early_kb, late_kb);
}

TEST(OfiDeath, AClientLearnsOfItsServersDeathAtOnce) {
    Pipe port;
    Child server([&] {
        MovingServer moving;
        port.put(moving.endpoint().door_port());
        while (true)
            wait_once(moving.endpoint(), 100);
        return 0;
    });
    const auto where = port.get<std::uint16_t>();
    Recorder events;
    auto client = ofi_client(events);
    Result<PeerId> peer = client->connect({"127.0.0.1", where}, 10'000);
    ASSERT_TRUE(peer.ok()) << peer.status().err();
    std::vector<std::byte> memory(8 << 20);
    Result<Registration> shared = client->register_memory(memory, Access::kBoth);
    ASSERT_TRUE(shared.ok());
    for (std::uint32_t i = 0; i < 8; ++i) {
        const MoveRequest request{i & 1U, i, {shared->addr, shared->key, 1 << 20}};
        ASSERT_TRUE(client->send(*peer, std::as_bytes(std::span(&request, 1)), {}).ok());
    }
    ASSERT_TRUE(wait_until(*client, [&] { return events.count > 0; }));
    const auto killed = Clock::now();
    server.kill_and_reap();
    ASSERT_TRUE(wait_until(*client, [&] { return !events.down.empty(); }));
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - killed);
    EXPECT_EQ(events.down.size(), 1U);
    EXPECT_LT(took.count(), 2000);
    EXPECT_EQ(client->send(*peer, bytes_of("x"), {}).err(), ENOTCONN);
    EXPECT_EQ(client->connect({"127.0.0.1", where}, 1000).status().err(), ECONNREFUSED);
    std::printf("told %lld ms after the kill\n", static_cast<long long>(took.count()));
}

TEST(OfiDeath, TransfersEndAlthoughAChildKeepsTheDeadClientsSocketsOpen) {
    Pipe port, ready;
    Child client([&] {
        Recorder events;
        auto endpoint = ofi_client(events);
        Result<PeerId> server = endpoint->connect({"127.0.0.1", port.get<std::uint16_t>()}, 10'000);
        if (!server.ok()) return 1;
        std::vector<std::byte> memory(1 << 20);
        Result<Registration> shared = endpoint->register_memory(memory, Access::kBoth);
        if (!shared.ok()) return 2;
        const MoveRequest request{0, 0, {shared->addr, shared->key, 1 << 20}};
        for (int i = 0; i < 8; ++i)
            if (!endpoint->send(*server, std::as_bytes(std::span(&request, 1)), {}).ok()) return 3;
        while (events.count == 0)
            wait_once(*endpoint, 100);
        for (int i = 0; i < 8; ++i)
            if (!endpoint->send(*server, std::as_bytes(std::span(&request, 1)), {}).ok()) return 3;
        const pid_t heir = ::fork();
        if (heir == 0) {
            endpoint->forget_after_fork();
            ::sleep(15);
            ::_exit(0);
        }
        ready.put(heir);
        ::pause();
        return 0;
    });
    MovingServer server;
    port.put(server.endpoint().door_port());
    // Reads from it until it stops polling in the middle of a transfer.
    std::atomic<pid_t> heir = 0;
    std::thread waiting([&] { heir = ready.get<pid_t>(); });
    while (heir == 0)
        wait_once(server.endpoint(), 10);
    waiting.join();
    for (int i = 0; i < 20; ++i)
        wait_once(server.endpoint(), 10);
    EXPECT_GT(server.started, server.ended);
    const auto killed = Clock::now();
    client.kill_and_reap();
    EXPECT_TRUE(wait_until(server.endpoint(), [&] { return server.downs == 1; }));
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - killed);
    EXPECT_EQ(server.started, server.ended);
    EXPECT_LT(took.count(), 3000);
    ::kill(heir, SIGKILL);
}

}  // namespace
}  // namespace orfa::fabric::test
