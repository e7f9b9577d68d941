// SPDX-License-Identifier: MIT
// What every transport promises (fabric/fabric.hpp), checked on all of them in the same way.
#include "fabric/fake_endpoint.hpp"
#include "fabric/local_endpoint.hpp"
#include "fabric/ofi_endpoint.hpp"
#include "tests/fabric/local_fixture.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sched.h>

#include <cstring>
#include <deque>
#include <random>

namespace orfa::fabric::test {
namespace {

enum class Transport { kFake, kFakeSlow, kLocal, kLocalBounce, kOfi, kOfiDemanding };

std::string name_of(const testing::TestParamInfo<Transport>& info) {
    static const char* const names[] = {"Fake",        "FakeSlow", "Local",
                                        "LocalBounce", "Ofi",      "OfiDemanding"};
    return names[static_cast<int>(info.param)];
}

// A listening and a dialing endpoint, and one connection between them.
class EndpointContract : public testing::TestWithParam<Transport> {
  protected:
    void SetUp() override {
        switch (GetParam()) {
            case Transport::kFake:
            case Transport::kFakeSlow:
                make_fake();
                break;
            case Transport::kLocal:
            case Transport::kLocalBounce:
                make_local();
                break;
            case Transport::kOfi:
            case Transport::kOfiDemanding:
                make_ofi();
                break;
        }
        ASSERT_NE(server_, nullptr);
        ASSERT_NE(client_, nullptr);
        to_server_ = dial();
        ASSERT_NE(to_server_, PeerId::kNone);
        to_client_ = server_events_.up.back();
    }

    void make_fake() {
        if (GetParam() == Transport::kFakeSlow) {
            FakeFaults faults;
            faults.max_delay = 7;
            network_.set_faults(faults);
        }
        auto server = std::move(*FakeEndpoint::create(network_, server_events_, Address{"s", 0}));
        where_ = server->address();
        server_ = std::move(server);
        client_ = std::move(*FakeEndpoint::create(network_, client_events_, {}));
    }

    void make_local() {
        LocalOptions options;
        options.allow_process_vm = GetParam() == Transport::kLocal;
        Listener listener = listen_somewhere(server_events_, options);
        where_ = {"localhost", listener.port};
        server_ = std::move(listener.endpoint);
        client_ = make_client(client_events_, options.allow_process_vm);
    }

    void make_ofi() {
        OfiOptions options;
        options.virtual_addresses = options.always_register_local =
            GetParam() == Transport::kOfiDemanding;
        OfiOptions listening = options;
        listening.listen = Address{"127.0.0.1", 0};
        auto server = OfiEndpoint::create(server_events_, listening);
        ASSERT_TRUE(server.ok()) << server.status().err();
        where_ = {"127.0.0.1", (*server)->door_port()};
        server_ = std::move(*server);
        client_ = std::move(*OfiEndpoint::create(client_events_, options));
    }

    // Connects once more. The same thread cannot dial and answer, but for the fake.
    PeerId dial() {
        const std::size_t before = server_events_.up.size();
        auto dialing =
            std::async(std::launch::async, [this] { return client_->connect(where_, 10'000); });
        while (dialing.wait_for(milliseconds(0)) != std::future_status::ready)
            server_->poll();
        Result<PeerId> peer = dialing.get();
        EXPECT_TRUE(peer.ok()) << peer.status().err();
        EXPECT_TRUE(until([&] { return server_events_.up.size() > before; }));
        return peer.ok() ? *peer : PeerId::kNone;
    }

    // Polls both until `done` holds; false after a while.
    template <typename Done>
    bool until(Done done) {
        const auto deadline = Clock::now() + milliseconds(15'000);
        while (!done()) {
            if (Clock::now() > deadline) return false;
            if (server_->poll() + client_->poll() == 0) (void)::sched_yield();
        }
        return true;
    }

    // Registers memory of the client, at least until the test ends.
    Registration share(std::span<std::byte> memory, Access access = Access::kBoth) {
        Result<Registration> registration = client_->register_memory(memory, access);
        EXPECT_TRUE(registration.ok());
        return registration.ok() ? *registration : Registration{};
    }

    // One rma by the server, to its end.
    Status transfer(bool write, std::span<const LocalSegment> local,
                    std::span<const RemoteSegment> remote) {
        Completion end;
        Result<RmaState> state = write ? server_->rma_write(to_client_, local, remote, &end)
                                       : server_->rma_read(to_client_, local, remote, &end);
        if (!state.ok()) return state.status();
        if (*state == RmaState::kDone) return {};
        EXPECT_TRUE(until([&] { return end.calls > 0; }));
        EXPECT_EQ(end.calls, 1);
        return end.status;
    }

    // A write may still be on its way when it is done; a message sent afterwards comes after it.
    void settle() {
        const std::size_t before = client_events_.messages.size();
        ASSERT_TRUE(server_->send(to_client_, bytes_of("settled"), {}).ok());
        ASSERT_TRUE(until([&] { return client_events_.messages.size() > before; }));
    }

    FakeNetwork network_{42};
    Recorder server_events_, client_events_;
    Address where_;
    std::unique_ptr<Endpoint> server_, client_;
    PeerId to_server_{}, to_client_{};
};

std::string text_of_length(std::size_t length, std::size_t seed) {
    std::string text(length, '\0');
    for (std::size_t i = 0; i < length; ++i)
        text[i] = static_cast<char>('a' + (i * 7 + seed) % 26);
    return text;
}

TEST_P(EndpointContract, MessagesOfAllSizesArriveWholeAndInOrder) {
    std::vector<std::string> sent;
    const std::size_t sizes[] = {1,
                                 2,
                                 7,
                                 8,
                                 63,
                                 64,
                                 65,
                                 100,
                                 1000,
                                 4095,
                                 4096,
                                 client_->max_message() - 1,
                                 client_->max_message()};
    for (const std::size_t size : sizes)
        sent.push_back(text_of_length(size, sent.size() + 1));
    for (const std::string& text : sent) {
        const auto bytes = bytes_of(text);
        const std::size_t cut = text.size() / 3;
        ASSERT_TRUE(client_->send(to_server_, bytes.first(cut), bytes.subspan(cut)).ok());
        ASSERT_TRUE(server_->send(to_client_, bytes, {}).ok());
    }
    ASSERT_TRUE(until([&] {
        return server_events_.messages.size() >= sent.size() &&
               client_events_.messages.size() >= sent.size();
    }));
    for (std::size_t i = 0; i < sent.size(); ++i) {
        EXPECT_EQ(server_events_.messages[i].second, sent[i]);
        EXPECT_EQ(server_events_.messages[i].first, to_client_);
        EXPECT_EQ(client_events_.messages[i].second, sent[i]);
    }
}

TEST_P(EndpointContract, MessagesWaitForAPeerThatDoesNotPoll) {
    constexpr int kCount = 2000;
    for (int i = 0; i < kCount; ++i)
        ASSERT_TRUE(server_->send(to_client_, bytes_of(std::to_string(i)), bytes_of(".")).ok());
    ASSERT_TRUE(until([&] { return client_events_.messages.size() >= kCount; }));
    for (int i = 0; i < kCount; ++i)
        ASSERT_EQ(client_events_.messages[static_cast<std::size_t>(i)].second,
                  std::to_string(i) + ".");
}

TEST_P(EndpointContract, AMessageTooLongIsEmsgsize) {
    const std::string text(client_->max_message() + 1, 'x');
    EXPECT_EQ(client_->send(to_server_, bytes_of(text), {}).err(), EMSGSIZE);
    EXPECT_EQ(client_->send(to_server_, bytes_of(text).first(10), bytes_of(text).subspan(10)).err(),
              EMSGSIZE);
    EXPECT_GE(client_->max_message(), 4096U);
}

TEST_P(EndpointContract, AnUnknownPeerIsEnotconn) {
    const PeerId stranger{4711};
    std::byte byte{};
    const LocalSegment here{&byte, 1};
    const RemoteSegment there{0, 0, 1};
    EXPECT_EQ(server_->send(stranger, bytes_of("x"), {}).err(), ENOTCONN);
    Completion end;
    EXPECT_EQ(server_->rma_read(stranger, {&here, 1}, {&there, 1}, &end).status().err(), ENOTCONN);
    server_->disconnect(stranger);
    EXPECT_EQ(end.calls, 0);
}

TEST_P(EndpointContract, ListsOfPiecesAreMovedLikeOneStream) {
    std::mt19937_64 random(7);
    for (const std::size_t pieces : {1U, 2U, 3U, 4U, 5U, 8U, 17U, 64U, 300U}) {
        const std::size_t bytes = pieces * 700;
        std::vector<std::byte> here(3 * bytes), there(3 * bytes);
        const Registration shared = share(there);
        // The same bytes, cut differently, with gaps, here and there.
        std::vector<LocalSegment> local;
        std::vector<RemoteSegment> remote;
        std::vector<std::byte*> order_here, order_there;
        const auto cut = [&](auto add) {
            std::size_t at = 0, left = bytes;
            for (std::size_t i = 0; i < pieces; ++i) {
                const std::size_t n =
                    i + 1 == pieces ? left : std::min<std::size_t>(left, random() % 1300);
                add(at, n);
                at += n + random() % 600;
                left -= n;
            }
        };
        cut([&](std::size_t at, std::size_t n) {
            local.push_back({here.data() + at, n});
            for (std::size_t i = 0; i < n; ++i)
                order_here.push_back(here.data() + at + i);
        });
        cut([&](std::size_t at, std::size_t n) {
            remote.push_back({shared.addr + at, shared.key, n});
            for (std::size_t i = 0; i < n; ++i)
                order_there.push_back(there.data() + at + i);
        });
        fill(there, pieces);
        ASSERT_TRUE(transfer(false, local, remote).ok());
        for (std::size_t i = 0; i < bytes; ++i)
            ASSERT_EQ(*order_here[i], *order_there[i]) << i;

        const std::vector<std::byte> before = there;
        fill(here, pieces + 1000);
        ASSERT_TRUE(transfer(true, local, remote).ok());
        settle();
        for (std::size_t i = 0; i < bytes; ++i)
            ASSERT_EQ(*order_here[i], *order_there[i]) << i;
        // The gaps are as they were.
        std::vector<std::byte> expected = before;
        for (std::size_t i = 0; i < bytes; ++i)
            expected[static_cast<std::size_t>(order_there[i] - there.data())] = *order_here[i];
        ASSERT_EQ(std::memcmp(expected.data(), there.data(), there.size()), 0);
        client_->release_memory(shared);
    }
}

TEST_P(EndpointContract, LargePiecesFromSeveralRegistrations) {
    constexpr std::size_t kBytes = (5 << 20) + 13;
    std::vector<std::byte> a(kBytes), b(kBytes), here(2 * kBytes);
    const Registration shared_a = share(a), shared_b = share(b);
    fill(a, 1);
    fill(b, 2);
    const RemoteSegment remote[] = {{shared_b.addr, shared_b.key, kBytes},
                                    {shared_a.addr, shared_a.key, kBytes}};
    const LocalSegment local{here.data(), here.size()};
    ASSERT_TRUE(transfer(false, {&local, 1}, remote).ok());
    EXPECT_EQ(std::memcmp(here.data(), b.data(), kBytes), 0);
    EXPECT_EQ(std::memcmp(here.data() + kBytes, a.data(), kBytes), 0);
    fill(here, 3);
    ASSERT_TRUE(transfer(true, {&local, 1}, remote).ok());
    settle();
    EXPECT_EQ(std::memcmp(here.data(), b.data(), kBytes), 0);
    EXPECT_EQ(std::memcmp(here.data() + kBytes, a.data(), kBytes), 0);
    client_->release_memory(shared_a);
    client_->release_memory(shared_b);
}

TEST_P(EndpointContract, ManyTransfersAtOnceAllEnd) {
    constexpr std::size_t kCount = 64, kBytes = 100'000;
    std::vector<std::byte> there(kCount * kBytes), here(kCount * kBytes);
    const Registration shared = share(there);
    fill(there, 9);
    std::deque<Completion> ends(kCount);
    std::size_t expected = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
        const LocalSegment local{here.data() + i * kBytes, kBytes};
        const RemoteSegment remote{shared.addr + i * kBytes, shared.key, kBytes};
        Result<RmaState> state = server_->rma_read(to_client_, {&local, 1}, {&remote, 1}, &ends[i]);
        ASSERT_TRUE(state.ok());
        expected += *state == RmaState::kStarted ? 1 : 0;
    }
    const auto ended = [&] {
        std::size_t n = 0;
        for (const Completion& end : ends)
            n += static_cast<std::size_t>(end.calls);
        return n;
    };
    ASSERT_TRUE(until([&] { return ended() >= expected; }));
    EXPECT_EQ(ended(), expected);
    for (const Completion& end : ends)
        EXPECT_TRUE(end.status.ok());
    EXPECT_EQ(std::memcmp(here.data(), there.data(), here.size()), 0);
    client_->release_memory(shared);
}

TEST_P(EndpointContract, UnequalSumsAreEinvalAndNothingIsDone) {
    std::vector<std::byte> there(100), here(100);
    const Registration shared = share(there);
    const LocalSegment local{here.data(), 100};
    const RemoteSegment less{shared.addr, shared.key, 99};
    const RemoteSegment none{shared.addr, shared.key, 0};
    const LocalSegment nothing{here.data(), 0};
    Completion end;
    EXPECT_EQ(server_->rma_read(to_client_, {&local, 1}, {&less, 1}, &end).status().err(), EINVAL);
    EXPECT_EQ(server_->rma_write(to_client_, {&local, 1}, {&less, 1}, &end).status().err(), EINVAL);
    const RemoteSegment wraps[] = {{shared.addr, shared.key, ~std::uint64_t{0} - 10},
                                   {shared.addr, shared.key, 111}};
    EXPECT_FALSE(server_->rma_read(to_client_, {&local, 1}, wraps, &end).ok());
    Result<RmaState> empty = server_->rma_read(to_client_, {&nothing, 1}, {&none, 1}, &end);
    ASSERT_TRUE(empty.ok());
    EXPECT_EQ(*empty, RmaState::kDone);
    EXPECT_EQ(end.calls, 0);
    client_->release_memory(shared);
}

TEST_P(EndpointContract, MemoryThatIsNotSharedCannotBeReached) {
    std::vector<std::byte> there(4096), here(8192);
    std::vector<std::byte> untouched(4096);
    fill(there, 5);
    const Registration shared = share(std::span(there).first(2048));
    client_->release_memory(shared);
    const LocalSegment local{here.data(), 1024};
    const RemoteSegment stale{shared.addr, shared.key, 1024};
    const Status status = transfer(false, {&local, 1}, {&stale, 1});
    if (std::string(server_->name()) == "local") {
        // The whole process is in reach there; what matters is that nothing breaks.
        return;
    }
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(std::memcmp(here.data(), untouched.data(), 1024), 0);
    // Whether the connection survives is the transport's business; a new one works.
    const PeerId again = dial();
    ASSERT_NE(again, PeerId::kNone);
    ASSERT_TRUE(client_->send(again, bytes_of("still here"), {}).ok());
    ASSERT_TRUE(until([&] { return !server_events_.messages.empty(); }));
    EXPECT_EQ(server_events_.messages.back().second, "still here");
}

TEST_P(EndpointContract, DisconnectIsToldOnceOnBothSides) {
    server_->disconnect(to_client_);
    server_->disconnect(to_client_);
    std::byte byte{};
    const LocalSegment here{&byte, 1};
    const RemoteSegment there{0, 0, 1};
    Completion end;
    EXPECT_EQ(server_->send(to_client_, bytes_of("x"), {}).err(), ENOTCONN);
    EXPECT_EQ(server_->rma_read(to_client_, {&here, 1}, {&there, 1}, &end).status().err(),
              ENOTCONN);
    ASSERT_TRUE(
        until([&] { return !server_events_.down.empty() && !client_events_.down.empty(); }));
    for (int i = 0; i < 200; ++i) {
        server_->poll();
        client_->poll();
    }
    ASSERT_EQ(server_events_.down.size(), 1U);
    ASSERT_EQ(client_events_.down.size(), 1U);
    EXPECT_EQ(server_events_.down[0].peer, to_client_);
    EXPECT_EQ(client_events_.down[0].peer, to_server_);
    EXPECT_FALSE(client_events_.down[0].why.ok());
    EXPECT_EQ(client_->send(to_server_, bytes_of("x"), {}).err(), ENOTCONN);

    // A new connection has new ids.
    const PeerId again = dial();
    EXPECT_NE(again, to_server_);
    EXPECT_NE(server_events_.up.back(), to_client_);
}

TEST_P(EndpointContract, TransfersOfALostPeerEndBeforeItDoes) {
    constexpr std::size_t kBytes = 4 << 20;
    std::vector<std::byte> there(kBytes), here(4 * kBytes);
    const Registration shared = share(there);
    struct Order final : RmaCompletion {
        void on_rma_done(Status) override { downs_at_end.push_back(events->down.size()); }
        Recorder* events;
        std::vector<std::size_t> downs_at_end;
    } order;
    order.events = &server_events_;
    std::size_t started = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const LocalSegment local{here.data() + i * kBytes, kBytes};
        const RemoteSegment remote{shared.addr, shared.key, kBytes};
        Result<RmaState> state = server_->rma_read(to_client_, {&local, 1}, {&remote, 1}, &order);
        ASSERT_TRUE(state.ok());
        started += *state == RmaState::kStarted ? 1 : 0;
    }
    client_->disconnect(to_server_);
    ASSERT_TRUE(until([&] { return !server_events_.down.empty(); }));
    EXPECT_EQ(order.downs_at_end.size(), started);
    for (const std::size_t downs : order.downs_at_end)
        EXPECT_EQ(downs, 0U);
    client_->release_memory(shared);
}

TEST_P(EndpointContract, AnIdleEndpointSleepsAndIsWokenByAMessage) {
    if (GetParam() == Transport::kFakeSlow) GTEST_SKIP() << "delays need polls";
    settle();
    const auto readable = [&](int ms) {
        pollfd p{client_->wait_fd(), POLLIN, 0};
        return ::poll(&p, 1, ms) > 0;
    };
    bool slept = false;
    for (int i = 0; i < 100 && !slept; ++i) {
        server_->poll();
        client_->poll();
        slept = client_->arm() && !readable(20);
        client_->disarm();
    }
    ASSERT_TRUE(slept);
    while (!client_->arm())
        client_->poll();
    ASSERT_TRUE(server_->send(to_client_, bytes_of("wake"), {}).ok());
    const std::size_t before = client_events_.messages.size();
    bool woken = false;
    for (int i = 0; i < 500 && !woken; ++i) {
        server_->poll();
        woken = readable(10);
    }
    client_->disarm();
    EXPECT_TRUE(woken);
    ASSERT_TRUE(until([&] { return client_events_.messages.size() > before; }));
}

INSTANTIATE_TEST_SUITE_P(Transports, EndpointContract,
                         testing::Values(Transport::kFake, Transport::kFakeSlow, Transport::kLocal,
                                         Transport::kLocalBounce, Transport::kOfi,
                                         Transport::kOfiDemanding),
                         name_of);

}  // namespace
}  // namespace orfa::fabric::test
