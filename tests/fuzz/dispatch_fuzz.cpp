// SPDX-License-Identifier: MIT
// A whole server but for its transport: any message, to any handler, in any order, with transfers
// that end at once, later, in error or not before the client is gone.
#include "common/log.hpp"
#include "protocol/codec.hpp"
#include "protocol/io_messages.hpp"
#include "protocol/lock_messages.hpp"
#include "protocol/name_messages.hpp"
#include "server/core.hpp"
#include "server/fill_gate.hpp"
#include "server/gatherings.hpp"
#include "server/locks/lock_service.hpp"
#include "server/loop.hpp"
#include "server/memory_store.hpp"
#include "server/namespace/memory_kv.hpp"
#include "server/namespace/namespace.hpp"
#include "server/service.hpp"
#include "server/shard.hpp"
#include "tests/fuzz/script_endpoint.hpp"

#include <sys/mman.h>

#include <map>
#include <optional>

namespace orfa::fuzz {
namespace {

using fabric::PeerId;
using protocol::Op;

enum Step : std::uint8_t {
    kRaw = 0,         // bytes as they are, for a message
    kHello = 1,       // a sound HELLO, of a client or a server
    kRequest = 2,     // an op, and bytes for its body
    kWithRights = 3,  // likewise, with a genuine capability before the bytes
    kEndTransfers = 4,
    kHangUp = 5,
    kSteps = 6,
};
constexpr std::uint64_t kMaxPeers = 3;

void check(bool condition) {
    if (!condition) std::abort();
}

// The other server: unreachable, or answers whatever stands in the input.
class ScriptPeers final : public server::Peers {
  public:
    explicit ScriptPeers(Input& input) : input_(input) {}
    server::Task<Result<std::vector<std::byte>>> call(std::uint32_t server, Op,
                                                      std::span<const std::byte>) override {
        check(server != 0);
        const auto answer = input_.take<std::uint8_t>();
        if (answer % 4 != 0) co_return Status::from_errno(answer % 2 == 0 ? ENOENT : ECONNRESET);
        const auto bytes = input_.take_bytes(answer);
        co_return std::vector<std::byte>(bytes.begin(), bytes.end());
    }

  private:
    Input& input_;
};

class Server {
  public:
    explicit Server(std::span<const std::byte> bytes) : input_(bytes), peers_(input_) {
        core_.identity.count = 2;
        core_.identity.secret = 99;
        core_.identity.default_layout = {65536, 2, 0};
        core_.identity.trust_client_ids = true;
        core_.shard = &shard_;
        core_.locks = &locks_;
        core_.gatherings = &gatherings_;
        core_.fills = &fills_;
        auto store = server::MemoryStore::create(
            4 << 20, 0, UniqueFd(::memfd_create("orfa-fuzz", MFD_CLOEXEC)));
        check(store.ok());
        store_ = std::move(*store);
        core_.store = store_.get();
        core_.capabilities = &capabilities_;
        core_.peers = &peers_;
        names_.emplace(std::make_unique<server::MemoryKv>(), core_.identity);
        core_.names = &*names_;
        check(names_->load().ok());

        events_ = &shard_.new_port();
        auto endpoint = std::make_unique<ScriptEndpoint>(input_.take<std::uint8_t>() % 2 == 0);
        endpoint_ = endpoint.get();
        endpoint_->fate = input_.take<std::uint8_t>();
        endpoint_->step = [this] { return step(); };
        endpoint_->sent = [this](PeerId peer, const Bytes& message) { on_reply(peer, message); };
        shard_.set_endpoint(std::move(endpoint));
    }

    void run() {
        loop_.add(shard_);
        loop_.run();
        check(outstanding_.empty());
        check(shard_.session_count() == 0);
    }

  private:
    static const server::OpTable& table() {
        static const server::OpTable instance = [] {
            server::OpTable ops{};
            server::add_session_handlers(ops);
            server::add_io_handlers(ops);
            server::add_object_handlers(ops);
            server::add_lock_handlers(ops);
            server::add_name_handlers(ops);
            server::add_peer_handlers(ops);
            return ops;
        }();
        return instance;
    }

    // One thing that happens; at the end all hang up, and the server is stopped.
    std::size_t step() {
        if (report_dropped()) return 1;
        if (input_.empty() || ++steps_ > 200) return wind_up();
        const auto what = input_.take<std::uint8_t>();
        const PeerId peer{input_.take<std::uint8_t>() % kMaxPeers + 1 + generation_ * kMaxPeers};
        switch (what % kSteps) {
            case kEndTransfers:
                endpoint_->end_transfers(PeerId::kNone, Status());
                return 1;
            case kHangUp:
                endpoint_->disconnect(peer);
                return 1;
            default:
                break;
        }
        if (endpoint_->up.count(peer) == 0) {
            if (gone_.count(peer) != 0) ++generation_;
            const PeerId fresh{(static_cast<std::uint64_t>(peer) - 1) % kMaxPeers + 1 +
                               generation_ * kMaxPeers};
            fabric::PeerIdentity who;
            who.uid = 1000;
            who.gid = 100;
            who.trusted = what >= 128;
            if (endpoint_->up.insert(fresh).second) events_->on_peer_up(fresh, who);
            return deliver(fresh, what % kSteps);
        }
        return deliver(peer, what % kSteps);
    }

    std::size_t deliver(PeerId peer, int what) {
        Bytes body;
        Op op = Op::kHello;
        if (what == kRaw) {
            const auto raw = input_.take_bytes(input_.take<std::uint8_t>());
            const Bytes message(raw.begin(), raw.end());
            expect_reply(peer, message);
            events_->on_message(peer, message);
            return 1;
        }
        if (what == kHello) {
            const bool is_server = input_.take<std::uint8_t>() % 4 == 0;
            append(body,
                   protocol::HelloRequest{
                       protocol::kHelloMagic, {1, 2}, 1000, 100, is_server ? 2U : 1U, 0, 2, 0, 99});
        } else {
            op = static_cast<Op>(input_.take<std::uint8_t>() % 128);
            if (what == kWithRights)
                append(body, capabilities_.make(input_.take<std::uint8_t>() % 4 + 1,
                                                protocol::kMayRead | protocol::kMayWrite));
            const auto rest = input_.take_bytes(input_.take<std::uint16_t>() % 3000);
            body.insert(body.end(), rest.begin(), rest.end());
        }
        Bytes message;
        append(message,
               protocol::RequestHeader{protocol::kVersion, op,
                                       static_cast<std::uint32_t>(body.size()), ++last_id_, 0});
        message.insert(message.end(), body.begin(), body.end());
        expect_reply(peer, message);
        events_->on_message(peer, message);
        return 1;
    }

    // Whatever is a request is answered once, unless its peer goes.
    void expect_reply(PeerId peer, const Bytes& message) {
        protocol::RequestHeader header{};
        if (message.size() < sizeof(header)) return;
        std::memcpy(&header, message.data(), sizeof(header));
        outstanding_.emplace(peer, header.request_id);
    }

    void on_reply(PeerId peer, const Bytes& message) {
        protocol::Reader reader(message);
        protocol::ReplyHeader header{};
        check(reader.get(header) && header.version == protocol::kVersion);
        check(reader.rest().size() == header.body_bytes);
        check(header.error >= 0 && (header.error == 0 || header.body_bytes == 0));
        check(header.credits > 0);
        const auto found = outstanding_.find({peer, header.request_id});
        check(found != outstanding_.end());
        outstanding_.erase(found);
    }

    bool report_dropped() {
        if (endpoint_->dropped.empty()) return false;
        const PeerId peer = endpoint_->dropped.back();
        endpoint_->dropped.pop_back();
        endpoint_->end_transfers(peer, Status::from_errno(ECONNRESET));
        std::erase_if(outstanding_, [&](const auto& request) { return request.first == peer; });
        gone_.insert(peer);
        events_->on_peer_down(peer, Status::from_errno(ECONNRESET));
        return true;
    }

    std::size_t wind_up() {
        if (endpoint_->is_busy()) {
            endpoint_->end_transfers(PeerId::kNone, Status());
            return 1;
        }
        locks_.stop();  // what waits for a lock is answered
        gatherings_.stop();
        // Requests that wait for their turn go on before we are called again.
        if (!outstanding_.empty() && ++patience_ < 2000) return 0;
        if (!endpoint_->up.empty()) {
            check(outstanding_.empty());
            endpoint_->disconnect(*endpoint_->up.begin());
            return 1;
        }
        loop_.stop();
        return 0;
    }

    Input input_;
    server::Core core_;
    server::Shard shard_{core_, table()};
    server::LockService locks_{shard_};
    server::Gatherings gatherings_{shard_};
    server::FillGate fills_{shard_};
    server::Loop loop_{0};
    std::unique_ptr<server::MemoryStore> store_;
    const server::Capabilities capabilities_{99};
    ScriptPeers peers_;
    std::optional<server::Namespace> names_;
    fabric::EndpointEvents* events_ = nullptr;
    ScriptEndpoint* endpoint_ = nullptr;
    std::multiset<std::pair<PeerId, std::uint64_t>> outstanding_;
    std::set<PeerId> gone_;
    std::uint64_t last_id_ = 0;
    std::uint64_t generation_ = 0;
    int steps_ = 0;
    int patience_ = 0;
};

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
    log::configure("error");
    Server(input).run();
}

namespace {

constexpr std::uint8_t kPeer = 0;

void add_hello(Bytes& bytes, bool is_server = false) {
    append(bytes, std::uint8_t{kHello}, kPeer, static_cast<std::uint8_t>(is_server ? 0 : 1));
}

template <typename... Body>
void add_request(Bytes& bytes, Op op, const Body&... body) {
    Bytes all;
    append(all, body...);
    append(bytes, std::uint8_t{kRequest}, kPeer, static_cast<std::uint8_t>(op),
           static_cast<std::uint16_t>(all.size()));
    bytes.insert(bytes.end(), all.begin(), all.end());
}

// `io`: without its capability.
template <typename... Body>
void add_with_rights(Bytes& bytes, Op op, const Body&... body) {
    Bytes all;
    append(all, body...);
    append(bytes, std::uint8_t{kWithRights}, kPeer, static_cast<std::uint8_t>(op), std::uint8_t{1},
           static_cast<std::uint16_t>(all.size()));
    bytes.insert(bytes.end(), all.begin(), all.end());
}

// A request about names: its struct, then strings.
template <typename Message>
void add_named(Bytes& bytes, Op op, const Message& message,
               std::initializer_list<const char*> words) {
    Bytes all;
    append(all, message);
    for (const char* word : words) {
        const Bytes letters = text(word);
        append(all, static_cast<std::uint32_t>(letters.size()));
        all.insert(all.end(), letters.begin(), letters.end());
    }
    append(bytes, std::uint8_t{kRequest}, kPeer, static_cast<std::uint8_t>(op),
           static_cast<std::uint16_t>(all.size()));
    bytes.insert(bytes.end(), all.begin(), all.end());
}

// A small life: a tree is made, looked at, renamed and removed.
Bytes names_seed() {
    using namespace protocol;  // NOLINT(google-build-using-namespace): the messages, throughout
    constexpr std::uint64_t kRoot = kRootIno;
    Bytes bytes;
    append(bytes, std::uint8_t{0}, std::uint8_t{1});
    add_hello(bytes, true);  // servers act as root
    // Some of these live at the other server.
    for (const char* name : {"d", "d1", "d2", "d3", "d4", "d5"})
        add_named(bytes, Op::kMkdir, MkdirRequest{kRoot, 0777, 0}, {name});
    add_named(bytes, Op::kOpen, OpenRequest{kRoot, kOpenRead | kOpenWrite | kOpenCreate, 0666, {}},
              {"f"});
    add_named(bytes, Op::kOpen, OpenRequest{kRoot, kOpenWrite | kOpenCreate, 0666, {}}, {"d/g"});
    add_named(bytes, Op::kWalk, WalkRequest{kRoot, 1, 4}, {"d/g"});
    add_named(bytes, Op::kSymlink, SymlinkRequest{kRoot}, {"l", "d/g"});
    add_named(bytes, Op::kLink, LinkRequest{2, kRoot}, {"h"});
    add_named(bytes, Op::kSetattr, SetattrRequest{2, 0x7f, 0600, 1, 1, 5, 6}, {});
    add_named(bytes, Op::kSetxattr, SetxattrRequest{kRoot, 0, 0, 3, 0}, {"user.x", "abc"});
    add_named(bytes, Op::kGetxattr, GetxattrRequest{kRoot, 0, 100}, {"user.x"});
    add_named(bytes, Op::kReaddir, ReaddirRequest{kRoot, 0, 100, 0}, {""});
    add_named(bytes, Op::kRename, RenameRequest{kRoot, kRoot, 0, 0}, {"f", "e"});
    add_named(bytes, Op::kUnlink, RemoveRequest{kRoot}, {"e"});
    add_named(bytes, Op::kRmdir, RemoveRequest{kRoot}, {"d"});
    add_named(bytes, Op::kClose, InodeRequest{2}, {});
    add_named(bytes, Op::kStatfs, InodeRequest{kRoot}, {});
    return bytes;
}

// Locks that wait for each other, one that is given up, counters, and an end in the middle.
Bytes locks_seed() {
    using protocol::LockMode;
    const auto lock = [](Bytes& bytes, std::uint64_t id, protocol::Extent range, LockMode mode) {
        add_with_rights(bytes, Op::kLock, id, range, mode, std::uint32_t{0});
    };
    Bytes bytes;
    append(bytes, std::uint8_t{0}, std::uint8_t{1});
    add_hello(bytes);
    lock(bytes, 1, {0, 100}, LockMode::kShared);
    lock(bytes, 2, {50, 100}, LockMode::kShared);
    lock(bytes, 3, {0, 0}, LockMode::kExclusive);
    lock(bytes, 4, {10, 1}, LockMode::kShared);
    lock(bytes, 5, {~0ULL, 2}, LockMode::kShared);
    add_with_rights(bytes, Op::kUnlock, std::uint64_t{2});
    add_with_rights(bytes, Op::kUnlock, std::uint64_t{1});
    add_with_rights(bytes, Op::kUnlock, std::uint64_t{4});
    add_with_rights(bytes, Op::kUnlock, std::uint64_t{9});
    lock(bytes, 6, {10, 1}, LockMode::kExclusive);
    for (std::uint32_t action = 1; action <= 5; ++action)
        add_with_rights(bytes, Op::kCounter, std::uint64_t{7}, std::uint64_t{8}, std::int64_t{5},
                        action, std::uint32_t{0});
    append(bytes, std::uint8_t{kHangUp}, kPeer);
    return bytes;
}

struct IoBody {
    std::uint64_t total_bytes;
    std::uint32_t entry_count, segment_count, pattern, flags;
    protocol::MemorySegment lists;
};

}  // namespace

std::vector<Bytes> seeds() {
    Bytes io;
    append(io, std::uint8_t{1}, std::uint8_t{1});
    add_hello(io);
    add_request(io, Op::kPing);
    add_request(io, Op::kStatus);
    add_with_rights(io, Op::kWrite, IoBody{8, 1, 0, 0, 0, {}}, protocol::Extent{100, 8},
                    std::uint64_t{77});
    add_with_rights(io, Op::kWrite, IoBody{200'000, 2, 1, 0, 0, {}}, protocol::Extent{0, 100'000},
                    protocol::Extent{500'000, 100'000}, protocol::MemorySegment{4096, 1, 200'000});
    add_with_rights(io, Op::kWrite, IoBody{60, 1, 1, 1, 0, {}},
                    protocol::Strided{1000, 10, 20, 100, 3, 2},
                    protocol::MemorySegment{4096, 1, 60});
    append(io, std::uint8_t{kEndTransfers}, kPeer);
    add_with_rights(io, Op::kRead, IoBody{100, 1, 0, 0, 0, {}}, protocol::Extent{50, 100});
    add_with_rights(io, Op::kRead, IoBody{300'000, 1, 1, 0, 0, {}}, protocol::Extent{0, 300'000},
                    protocol::MemorySegment{4096, 1, 300'000});
    add_with_rights(io, Op::kWrite, IoBody{10, 1, 1, 0, 1, {4096, 1, 40}});
    add_with_rights(io, Op::kTruncate, std::uint64_t{1000}, std::uint64_t{0});
    add_with_rights(io, Op::kAllocate, protocol::Extent{0, 100'000});
    add_with_rights(io, Op::kLocate, std::uint64_t{0}, std::uint32_t{4}, std::uint32_t{1},
                    std::uint32_t{3}, std::uint32_t{0});
    add_with_rights(io, Op::kTruncate, std::uint64_t{70'000}, std::uint64_t{0});
    add_with_rights(io, Op::kLocate, std::uint64_t{0}, std::uint32_t{128}, std::uint32_t{0},
                    std::uint32_t{0}, std::uint32_t{0});
    add_with_rights(io, Op::kSync);
    add_request(io, Op::kObjectStat, std::uint64_t{2});
    append(io, std::uint8_t{kHangUp}, kPeer);

    Bytes names;
    append(names, std::uint8_t{0}, std::uint8_t{1});
    add_hello(names);
    for (std::uint8_t op = 16; op < 36; ++op)
        add_request(names, static_cast<Op>(op), protocol::kRootIno, std::uint64_t{0},
                    std::uint32_t{1}, 'a', std::uint32_t{1}, 'b');
    Bytes peer;
    append(peer, std::uint8_t{0}, std::uint8_t{1});
    add_hello(peer, true);
    for (std::uint8_t op = 96; op < 104; ++op)
        add_request(peer, static_cast<Op>(op), std::uint64_t{1}, std::uint64_t{0}, std::uint64_t{1},
                    protocol::make_ino(0, 5), protocol::kRootIno, std::uint64_t{0755},
                    std::uint32_t{1}, 'a');
    return {io, names, names_seed(), peer, locks_seed()};
}

}  // namespace orfa::fuzz
