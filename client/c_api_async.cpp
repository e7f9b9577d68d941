// SPDX-License-Identifier: MIT
// orfa.h: asynchronous transfers and completion groups.
#include "client/c_api_util.hpp"
#include "client/core/file.hpp"
#include "client/core/group.hpp"
#include "client/core/transfer.hpp"

#include <chrono>
#include <memory>

using orfa::MutexLock;
using orfa::Status;
using orfa::client::Direction;
using orfa::client::File;
using orfa::client::Group;
using orfa::client::guarded;
using orfa::client::Transfer;
using orfa::client::unwrap;
using orfa::rpc::Mesh;

namespace {

Transfer& unwrap(orfa_op* op) {
    return *reinterpret_cast<Transfer*>(op);
}
Group& unwrap(orfa_group* group) {
    return *reinterpret_cast<Group*>(group);
}

orfa_op* start(orfa_file* file, Direction direction, const orfa_access* access, orfa_group* group,
               void* tag) {
    return guarded<orfa_op*>(nullptr, [&]() -> orfa_op* {
        File& f = unwrap(file);
        auto transfer = f.session().transfers().take();
        const Status started = transfer->start(f, direction, *access, true,
                                               group == nullptr ? nullptr : &unwrap(group), tag);
        if (started.ok()) return reinterpret_cast<orfa_op*>(transfer.release());
        f.session().transfers().give_back(std::move(transfer));
        errno = started.err();
        return nullptr;
    });
}

bool has_ended(Transfer& transfer) {
    const MutexLock lock(transfer.file().session().mesh().mutex());
    return transfer.done();
}

}  // namespace

extern "C" {

orfa_group* orfa_group_create(orfa_session* session) {
    return guarded<orfa_group*>(nullptr, [&] {
        return reinterpret_cast<orfa_group*>(new Group(orfa::client::unwrap(session)));
    });
}

int orfa_group_destroy(orfa_group* group) {
    Group& g = unwrap(group);
    {
        const MutexLock lock(g.session().mesh().mutex());
        if (g.members() > 0) {
            errno = EBUSY;
            return -1;
        }
    }
    delete &g;
    return 0;
}

orfa_op* orfa_start_readv(orfa_file* file, const orfa_access* access, orfa_group* group,
                          void* tag) {
    return start(file, Direction::kRead, access, group, tag);
}

orfa_op* orfa_start_writev(orfa_file* file, const orfa_access* access, orfa_group* group,
                           void* tag) {
    return start(file, Direction::kWrite, access, group, tag);
}

int orfa_op_test(orfa_op* op) {
    return guarded(-1, [&] {
        Transfer& transfer = unwrap(op);
        if (!has_ended(transfer)) transfer.file().session().mesh().poll();
        return has_ended(transfer) ? 1 : 0;
    });
}

void* orfa_op_tag(const orfa_op* op) {
    return reinterpret_cast<const Transfer*>(op)->tag();
}

ssize_t orfa_op_finish(orfa_op* op, int timeout_ms) {
    return guarded<ssize_t>(-1, [&]() -> ssize_t {
        Transfer& transfer = unwrap(op);
        orfa::client::Session& session = transfer.file().session();
        if (!session.mesh().wait([&] { return transfer.done(); },
                                 Mesh::deadline_after(timeout_ms))) {
            errno = EAGAIN;
            return -1;
        }
        if (transfer.group() != nullptr) {
            const MutexLock lock(session.mesh().mutex());
            transfer.group()->remove(transfer);
        }
        const auto result = transfer.finish();
        session.transfers().give_back(std::unique_ptr<Transfer>(&transfer));
        return orfa::client::to_c_value<ssize_t>(result);
    });
}

orfa_op* orfa_group_next(orfa_group* group, int timeout_ms) {
    return guarded<orfa_op*>(nullptr, [&]() -> orfa_op* {
        Group& g = unwrap(group);
        Mesh& mesh = g.session().mesh();
        Transfer* ended = nullptr;
        bool empty = false;
        const auto look = [&] {
            empty = g.members() == 0;
            if (ended == nullptr && g.has_ended()) ended = g.take_ended();
            return ended != nullptr || empty;
        };
        mesh.wait(look, Mesh::deadline_after(timeout_ms));
        if (ended == nullptr) errno = empty ? ENOENT : EAGAIN;
        return reinterpret_cast<orfa_op*>(ended);
    });
}

int orfa_group_wait_all(orfa_group* group, int timeout_ms) {
    return guarded(-1, [&] {
        Group& g = unwrap(group);
        if (g.session().mesh().wait([&] { return g.all_ended(); },
                                    Mesh::deadline_after(timeout_ms)))
            return 0;
        errno = EAGAIN;
        return -1;
    });
}

}  // extern "C"
