// SPDX-License-Identifier: MIT
// How fast one server's namespace is by itself: requests through the real handlers, no transport.
//   names_rates [files] [rocksdb directory]
#include "server/namespace/rocks_kv.hpp"
#include "tests/unit/namespace/test_client.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

using namespace orfa;          // NOLINT(google-build-using-namespace): a small program
using namespace orfa::server;  // NOLINT(google-build-using-namespace): a small program

namespace {

struct Bench {
    Core core;
    TestStore store;
    Capabilities capabilities{1};
    std::unique_ptr<Namespace> names;
    OpTable table{};
    Session session;
    Request request;

    explicit Bench(std::unique_ptr<KvStore> kv) {
        core.store = &store;
        core.capabilities = &capabilities;
        names = std::make_unique<Namespace>(std::move(kv), core.identity);
        core.names = names.get();
        if (!names->load().ok()) std::abort();
        add_name_handlers(table);
        session.credentials = {0, 0, {}};
        request.session = &session;
        request.reply_buffer.resize(16384);
    }
    template <protocol::Wire T>
    void run(protocol::Op op, const T& head, const std::string* name) {
        request.body.resize(sizeof(T) + (name != nullptr ? 4 + name->size() : 0));
        protocol::Writer writer(request.body);
        writer.put(head);
        if (name != nullptr) writer.put_string(*name);
        request.reply = protocol::Writer(request.reply_buffer);
        const auto drive = [](Task<Status> task) -> Running {
            const Status status = co_await task;
            if (!status.ok()) std::abort();
        };
        const Running running = drive(table[static_cast<std::size_t>(op)].handler(core, request));
        if (!running.done()) std::abort();
    }
    template <protocol::Wire T>
    T reply() const {
        T value;
        protocol::Reader reader(request.reply.written());
        protocol::PathReply path;
        if (!reader.get(path) || !reader.get(value)) std::abort();
        return value;
    }
};

// In processor time, so that a busy machine does not count.
double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <typename Body>
void measure(const char* what, int count, Body body) {
    const double begin = cpu_seconds();
    for (int i = 0; i < count; ++i)
        body(i);
    const double seconds = cpu_seconds() - begin;
    fmt::print("{:8} {:9.0f} a second, {:.2f} us each\n", what, count / seconds,
               seconds / count * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
    const int files = argc > 1 ? std::atoi(argv[1]) : 200000;
    std::unique_ptr<KvStore> kv = std::make_unique<MemoryKv>();
    if (argc > 2) {
        auto rocks = RocksKv::open(argv[2], {});
        if (!rocks.ok()) return 1;
        kv = std::move(*rocks);
    }
    Bench bench(std::move(kv));
    std::vector<std::string> names;
    for (int i = 0; i < files; ++i)
        names.push_back(fmt::format("file.{:07}", i));
    using protocol::Op;
    measure("create", files, [&](int i) {
        bench.run(Op::kOpen,
                  protocol::OpenRequest{1,
                                        protocol::kOpenWrite | protocol::kOpenCreate,
                                        0644,
                                        {0, 0, protocol::kAnyServer}},
                  &names[static_cast<std::size_t>(i)]);
        const auto ino = bench.reply<protocol::OpenReply>().attributes.ino;
        bench.run(Op::kClose, protocol::InodeRequest{ino}, nullptr);
    });
    measure("stat", files, [&](int i) {
        bench.run(Op::kWalk, protocol::WalkRequest{1, 1, 0}, &names[static_cast<std::size_t>(i)]);
    });
    measure("unlink", files, [&](int i) {
        bench.run(Op::kUnlink, protocol::RemoveRequest{1}, &names[static_cast<std::size_t>(i)]);
    });
    return 0;
}
