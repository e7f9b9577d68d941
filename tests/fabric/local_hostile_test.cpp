// SPDX-License-Identifier: MIT
// What a same-host endpoint survives when the other side doesn't keep the rules.
#include "fabric/shared_memory.hpp"
#include "tests/fabric/local_fixture.hpp"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>

namespace orfa::fabric::test {
namespace {

template <typename T>
std::span<const std::byte> raw(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

// A dialer made by hand, with its fingers in the shared memory. The server runs in this thread.
struct RawClient {
    explicit RawClient(LocalEndpoint& server, std::uint16_t port,
                       std::uint32_t flags = kProcessMemory, bool true_nonce = true)
        : socket(std::move(*dial_local(port, 1000))) {
        const std::uint64_t where = reinterpret_cast<std::uint64_t>(nonce);
        const LocalHello hello{
            kLocalMagic, kLocalVersion, flags, true_nonce ? where : 4096, {nonce[0], nonce[1]}};
        EXPECT_TRUE(socket.send_frame(raw(hello)).ok());
        greet(server);
    }
    void greet(LocalEndpoint& server) {
        const auto deadline = Clock::now() + milliseconds(3000);
        std::optional<Frame> frame;
        while (!frame && Clock::now() < deadline) {
            server.poll();
            frame = std::move(*socket.try_receive_frame());
        }
        ASSERT_TRUE(frame);
        ASSERT_EQ(frame->bytes.size(), sizeof welcome);
        std::memcpy(&welcome, frame->bytes.data(), sizeof welcome);
        const LocalGeometry g{welcome.ring_bytes, welcome.max_message, welcome.slot_bytes,
                              welcome.slot_count, welcome.stage_bytes, welcome.stage_count};
        ASSERT_EQ(frame->fds.size(), 1U);
        memory = std::move(*SharedMemory::map(frame->fds[0], g.total_bytes()));
        shared = reinterpret_cast<LocalShared*>(memory.bytes().data());
        to_listener = RingWriter(shared->to_listener.ring,
                                 memory.bytes().subspan(kLocalSharedBytes, g.ring_bytes));
    }
    void write(RecordKind kind, std::span<const std::byte> bytes) {
        Result<bool> done = to_listener.write(kind, bytes, {});
        ASSERT_TRUE(done.ok() && *done);
    }

    DoorSocket socket;
    std::uint64_t nonce[2] = {0x1234, 0x5678};
    LocalWelcome welcome{};
    SharedMemory memory;
    LocalShared* shared = nullptr;
    RingWriter to_listener;
};

struct HostileDialer : testing::Test {
    HostileDialer() : listener(listen_somewhere(events)) {}

    void expect_cut_off() {
        const auto deadline = Clock::now() + milliseconds(3000);
        while (events.down.empty() && Clock::now() < deadline)
            listener.endpoint->poll();
        const std::string log = testing::internal::GetCapturedStderr();
        ASSERT_EQ(events.down.size(), 1U);
        EXPECT_EQ(events.down[0].why.err(), EPROTO);
        EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
    }

    Recorder events;
    Listener listener;
};

TEST_F(HostileDialer, APlainOneIsServed) {
    RawClient client(*listener.endpoint, listener.port);
    EXPECT_EQ(client.welcome.flags, kProcessMemory | kOwnerServes);
    client.write(RecordKind::kMessage, bytes_of("hello"));
    listener.endpoint->poll();
    EXPECT_EQ(events.messages.at(0).second, "hello");
}

TEST_F(HostileDialer, AFalseNonceMeansNoProcessMemory) {
    const RawClient client(*listener.endpoint, listener.port, kProcessMemory, false);
    EXPECT_EQ(client.welcome.flags & kProcessMemory, 0U);
    EXPECT_FALSE(listener.endpoint->moves_alone(events.up.at(0)));
}

TEST_F(HostileDialer, OneWhoDoesNotOfferItsMemoryKeepsIt) {
    const RawClient client(*listener.endpoint, listener.port, 0);
    EXPECT_EQ(client.welcome.flags & kProcessMemory, 0U);
}

TEST_F(HostileDialer, WrongHellosAreRefusedAndLoggedOnce) {
    const LocalHello good{kLocalMagic, kLocalVersion, 0, 0, {}};
    LocalHello bad_magic = good;
    bad_magic.magic ^= 1;
    for (const auto bytes :
         {raw(bad_magic), raw(good).first(sizeof good - 1), raw(good).first(0)}) {
        testing::internal::CaptureStderr();
        DoorSocket socket = std::move(*dial_local(listener.port, 1000));
        ASSERT_TRUE(socket.send_frame(bytes).ok());
        for (int i = 0; i < 100; ++i)
            wait_once(*listener.endpoint, 0);
        const std::string log = testing::internal::GetCapturedStderr();
        EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
        EXPECT_EQ(socket.check_silent_peer().err(), ECONNRESET);
    }
    EXPECT_TRUE(events.up.empty());
}

TEST_F(HostileDialer, OneOfAnotherVersionIsToldSo) {
    const LocalHello other{kLocalMagic, kLocalVersion + 1, 0, 0, {}};
    testing::internal::CaptureStderr();
    DoorSocket socket = std::move(*dial_local(listener.port, 1000));
    ASSERT_TRUE(socket.send_frame(raw(other)).ok());
    for (int i = 0; i < 100; ++i)
        wait_once(*listener.endpoint, 0);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
    auto answer = socket.receive_frame(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    ASSERT_TRUE(answer.ok());
    LocalWelcome welcome{};
    ASSERT_EQ(answer->bytes.size(), sizeof welcome);
    std::memcpy(&welcome, answer->bytes.data(), sizeof welcome);
    EXPECT_EQ(welcome.version, kLocalVersion);
    EXPECT_EQ(welcome.error, EPROTONOSUPPORT);
    EXPECT_TRUE(answer->fds.empty());
    EXPECT_TRUE(events.up.empty());
}

TEST_F(HostileDialer, BrokenPositionsCutItOff) {
    testing::internal::CaptureStderr();
    RawClient client(*listener.endpoint, listener.port);
    client.shared->to_listener.ring.written = ~0ULL - 7;
    expect_cut_off();
}

TEST_F(HostileDialer, BrokenFreePositionsCutItOff) {
    testing::internal::CaptureStderr();
    RawClient client(*listener.endpoint, listener.port);
    client.shared->to_dialer.ring.freed = 1ULL << 40;
    const std::string text(16000, 'x');
    for (int i = 0; i < 10; ++i)
        (void)listener.endpoint->send(events.up.at(0), bytes_of(text), {});
    EXPECT_EQ(listener.endpoint->send(events.up.at(0), bytes_of(text), {}).err(), ENOTCONN);
    expect_cut_off();
}

TEST_F(HostileDialer, RecordsThatMakeNoSenseCutItOff) {
    const CopyDone never_asked{0, 0};
    const CopyDone no_such_slot{1U << 31, 0};
    const CopyAsk ask{0, 0, 0, 0};
    const std::vector<std::byte> long_message(16 * 1024 + 1);
    struct Case {
        RecordKind kind;
        std::span<const std::byte> bytes;
    };
    const Case cases[] = {{RecordKind::kCopyDone, raw(never_asked)},
                          {RecordKind::kCopyDone, raw(no_such_slot)},
                          {RecordKind::kCopyAsk, raw(ask)},
                          {RecordKind{77}, {}},
                          {RecordKind::kMessage, long_message}};
    for (const Case& c : cases) {
        events.up.clear();
        events.down.clear();
        testing::internal::CaptureStderr();
        RawClient client(*listener.endpoint, listener.port, 0);
        client.write(c.kind, c.bytes);
        expect_cut_off();
    }
}

TEST_F(HostileDialer, AnswersThatDoNotFitTheQuestionCutItOff) {
    testing::internal::CaptureStderr();
    RawClient client(*listener.endpoint, listener.port, 0);
    std::byte ours[8];
    const LocalSegment into{ours, 8};
    const RemoteSegment from{0, 0, 8};
    Completion done;
    ASSERT_TRUE(listener.endpoint->rma_read(events.up.at(0), {&into, 1}, {&from, 1}, &done).ok());
    client.write(RecordKind::kCopyDone, raw(CopyDone{0, 0}));
    client.write(RecordKind::kCopyDone, raw(CopyDone{0, 0}));
    expect_cut_off();
    EXPECT_EQ(done.calls, 1);
    EXPECT_TRUE(done.status.ok());
}

TEST_F(HostileDialer, AFloodOfBellsIsOnlyNoise) {
    RawClient client(*listener.endpoint, listener.port);
    const std::string bells(2000, '\0');
    for (int i = 0; i < 2000; ++i) {
        (void)::send(client.socket.fd(), bells.data(), bells.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        listener.endpoint->poll();
    }
    client.write(RecordKind::kMessage, bytes_of("quiet now"));
    ASSERT_TRUE(wait_until(*listener.endpoint, [&] { return events.count == 1; }));
    EXPECT_TRUE(events.down.empty());
}

TEST_F(HostileDialer, OnesThatNeverReadTheirBellsBlockNobody) {
    RawClient client(*listener.endpoint, listener.port);
    for (int i = 0; i < 5000; ++i) {
        client.shared->to_dialer.reader_wants = kWantsRecords;
        ASSERT_TRUE(listener.endpoint->send(events.up.at(0), bytes_of("?"), {}).ok());
    }
    EXPECT_TRUE(events.down.empty());
}

TEST_F(HostileDialer, RandomSharedMemoryNeverHurtsTheServer) {
    std::mt19937_64 rng(5);
    testing::internal::CaptureStderr();
    std::vector<std::byte> store(1 << 20);
    for (int round = 0; round < 150; ++round) {
        RawClient client(*listener.endpoint, listener.port, 0);
        const PeerId peer = events.up.back();
        // No bounce slots: what is in them is data.
        const auto memory =
            client.memory.bytes().first(kLocalSharedBytes + 2UL * client.welcome.ring_bytes);
        std::vector<Completion> done(40);
        std::size_t started = 0;
        for (int step = 0; step < 40; ++step) {
            for (std::uint64_t n = rng() % 64; n > 0; --n) {
                const bool in_header = rng() % 2 == 0;
                const std::size_t at = rng() % (in_header ? sizeof(LocalShared) : memory.size());
                std::uint64_t value = rng() >> (rng() % 64);
                if (rng() % 2 == 0) value = (rng() % 5) << 32 | rng() % 70'000;
                std::memcpy(memory.data() + at / 8 * 8, &value, 8);
            }
            const RemoteSegment from{rng(), rng(), store.size()};
            const LocalSegment into{store.data(), store.size()};
            auto state = listener.endpoint->rma_read(peer, {&into, 1}, {&from, 1}, &done[started]);
            if (state.ok()) ++started;
            (void)listener.endpoint->send(peer, bytes_of(std::string(rng() % 9000, 'r')), {});
            listener.endpoint->poll();
        }
        listener.endpoint->disconnect(peer);
        listener.endpoint->poll();
        for (std::size_t i = 0; i < started; ++i)
            ASSERT_EQ(done[i].calls, 1);
    }
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 150) << log;
    EXPECT_EQ(events.down.size(), 150U);
    RawClient last(*listener.endpoint, listener.port);
    last.write(RecordKind::kMessage, bytes_of("fine"));
    events.messages.clear();
    ASSERT_TRUE(wait_until(*listener.endpoint, [&] { return !events.messages.empty(); }));
}

// A server made by hand that welcomes with whatever is given.
int connect_to(const std::function<void(DoorSocket&)>& answer) {
    Recorder events;
    Listener reserve = listen_somewhere(events);
    const std::uint16_t port = reserve.port;
    reserve.endpoint.reset();
    Door door = std::move(*Door::listen_local(port));
    auto client = make_client(events);
    auto dialing = std::async(std::launch::async, [&] {
        return client->connect({"", port}, 2000).status().err();
    });
    std::vector<Arrival> arrivals;
    while (arrivals.empty()) {
        pollfd p{door.wait_fd(), POLLIN, 0};
        (void)::poll(&p, 1, 100);
        door.poll(arrivals);
    }
    answer(arrivals[0].socket);
    return dialing.get();
}

TEST(HostileListener, WrongWelcomesAreEproto) {
    const LocalGeometry g;
    const auto size = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
    const LocalWelcome good{kLocalMagic,
                            kLocalVersion,
                            0,
                            0,
                            size(g.ring_bytes),
                            size(g.max_message),
                            size(g.slot_bytes),
                            size(g.slot_count),
                            size(g.stage_bytes),
                            size(g.stage_count),
                            0,
                            0};
    UniqueFd fd;
    const SharedMemory memory = std::move(*SharedMemory::create(g.total_bytes(), fd));
    const auto send = [](const LocalWelcome& w, int with) {
        return connect_to([&](DoorSocket& s) {
            const std::span<const int> fds(&with, with >= 0 ? 1U : 0U);
            EXPECT_TRUE(s.send_frame(raw(w), fds).ok());
        });
    };
    EXPECT_EQ(send(good, -1), EPROTO);
    LocalWelcome other = good;
    other.magic = 0;
    EXPECT_EQ(send(other, fd.get()), EPROTO);
    other = good;
    other.version = 99;
    EXPECT_EQ(send(other, fd.get()), EPROTONOSUPPORT);
    other = good;
    other.ring_bytes *= 2;  // more than there is
    EXPECT_EQ(send(other, fd.get()), EPROTO);
    other = good;
    other.ring_bytes = 12345;
    EXPECT_EQ(send(other, fd.get()), EPROTO);
    other = good;
    other.slot_count = 0;
    EXPECT_EQ(send(other, fd.get()), EPROTO);
    other = good;
    other.stage_bytes = 4096 + 1;
    EXPECT_EQ(send(other, fd.get()), EPROTO);
    other = good;
    other.flags = kExposed;
    other.exposed_bytes = 1 << 20;
    EXPECT_EQ(send(other, fd.get()), EPROTO);  // its descriptor is missing
    other = good;
    other.error = -5;
    EXPECT_EQ(send(other, fd.get()), EPROTO);
    other = good;
    other.error = EMFILE;
    EXPECT_EQ(send(other, -1), EMFILE);
    const UniqueFd unsealed(::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(unsealed.get(), static_cast<off_t>(g.total_bytes())), 0);
    EXPECT_EQ(send(good, unsealed.get()), EPROTO);
    EXPECT_EQ(send(good, 0), EPROTO);  // not even a memfd
    EXPECT_EQ(send(good, fd.get()), 0);
    EXPECT_EQ(connect_to([](DoorSocket& s) { s = DoorSocket(); }), ECONNREFUSED);
}

TEST(HostileListener, AskingForMemoryThatDoesNotFitCutsItOff) {
    Pair p(false);
    const CopyAsk asks[] = {{8, 0, 0, 0}, {0, 2, 0, 0}, {0, 0, 129, 0}, {0, 0, 1, 0}};
    UniqueFd fd;
    const LocalGeometry g;
    for (const CopyAsk& ask : asks) {
        SharedMemory memory = std::move(*SharedMemory::create(g.total_bytes(), fd));
        LocalConnection dialer(DoorSocket(), UniqueFd(), std::move(memory), g, false);
        const Registrations none;
        EXPECT_EQ(serve_copy(dialer, raw(ask), none).err(), EPROTO);
    }
    // Pieces that together don't fit the slot, though each does.
    SharedMemory memory = std::move(*SharedMemory::create(g.total_bytes(), fd));
    LocalConnection dialer(DoorSocket(), UniqueFd(), std::move(memory), g, false);
    Registrations registrations;
    std::vector<std::byte> mine(g.slot_bytes);
    const Registration r = registrations.add(mine, Access::kBoth);
    struct {
        CopyAsk ask{0, 0, 2, 0};
        RemoteSegment pieces[2];
    } big;
    big.pieces[0] = {r.addr, r.key, g.slot_bytes - 8};
    big.pieces[1] = {r.addr, r.key, 16};
    EXPECT_EQ(serve_copy(dialer, raw(big), registrations).err(), EPROTO);
}

}  // namespace
}  // namespace orfa::fabric::test
