// SPDX-License-Identifier: MIT
#include "client/cli/copy_data.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace orfa::cli {
namespace {

// Reads until the buffer is full or the input ends.
Result<std::size_t> read_fully(int fd, char* data, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
        const ssize_t length = read(fd, data + done, size - done);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return Status::from_errno(errno);
        if (length == 0) break;
        done += static_cast<std::size_t>(length);
    }
    return done;
}

Status write_fully(int fd, const char* data, std::size_t size) {
    while (size > 0) {
        const ssize_t length = write(fd, data, size);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return Status::from_errno(errno);
        data += length;
        size -= static_cast<std::size_t>(length);
    }
    return {};
}

Status errno_status() {
    return Status::from_errno(errno != 0 ? errno : EIO);
}

}  // namespace

Copier::Slot& Copier::slot(std::uint64_t chunk) {
    Slot& found = slots_[chunk % kDepth];
    if (!found.data) found.data = std::make_unique_for_overwrite<char[]>(kChunk);
    return found;
}

Status Copier::start_read(orfa_file* file, Slot& slot) {
    const orfa_segment memory{slot.data.get(), slot.length};
    const orfa_extent range{slot.offset, slot.length};
    const struct orfa_access access { &memory, 1, &range, 1, nullptr, 0 };
    slot.op = orfa_start_readv(file, &access, nullptr, nullptr);
    return slot.op != nullptr ? Status() : errno_status();
}

Status Copier::start_write(orfa_file* file, Slot& slot) {
    const orfa_segment memory{slot.data.get(), slot.length};
    const orfa_extent range{slot.offset, slot.length};
    const struct orfa_access access { &memory, 1, &range, 1, nullptr, 0 };
    slot.op = orfa_start_writev(file, &access, nullptr, nullptr);
    return slot.op != nullptr ? Status() : errno_status();
}

Result<std::size_t> Copier::finish(Slot& slot) {
    const ssize_t moved = orfa_op_finish(std::exchange(slot.op, nullptr), -1);
    if (moved < 0) return errno_status();
    return static_cast<std::size_t>(moved);
}

Status Copier::finish_writes() {
    for (auto& slot : slots_) {
        if (slot.op == nullptr) continue;
        auto moved = finish(slot);
        if (!moved.ok()) return moved.status();
        progress_.moved(*moved);
    }
    return {};
}

void Copier::abandon() {
    for (auto& slot : slots_) {
        if (slot.op != nullptr) orfa_op_finish(std::exchange(slot.op, nullptr), -1);
    }
}

CopyResult Copier::done(Status status, bool remote) {
    CopyResult result{status, remote, {}};
    if (!status.ok() && remote) result.why = orfa_error();  // before another call changes it
    abandon();
    return result;
}

CopyResult Copier::send(int from, orfa_file* to) {
    std::uint64_t offset = 0;
    for (std::uint64_t chunk = 0;; ++chunk) {
        Slot& next = slot(chunk);
        if (next.op != nullptr) {
            auto written = finish(next);
            if (!written.ok()) return done(written.status(), true);
            progress_.moved(*written);
        }
        auto length = read_fully(from, next.data.get(), kChunk);
        if (!length.ok()) return done(length.status(), false);
        if (*length == 0) break;
        next.offset = offset;
        next.length = *length;
        offset += *length;
        if (Status status = start_write(to, next); !status.ok()) return done(status, true);
        if (*length < kChunk) break;
    }
    return done(finish_writes(), true);
}

CopyResult Copier::fetch(orfa_file* from, int to) {
    const std::int64_t size = orfa_size(from);
    if (size < 0) return done(errno_status(), true);
    const auto end = static_cast<std::uint64_t>(size);
    std::uint64_t asked = 0;    // bytes
    std::uint64_t started = 0;  // chunks
    for (std::uint64_t chunk = 0; chunk * kChunk < end; ++chunk) {
        for (; asked < end && started < chunk + kDepth; ++started) {
            Slot& next = slot(started);
            next.offset = asked;
            next.length = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, end - asked));
            asked += next.length;
            if (Status status = start_read(from, next); !status.ok()) return done(status, true);
        }
        Slot& oldest = slot(chunk);
        auto length = finish(oldest);
        if (!length.ok()) return done(length.status(), true);
        if (Status status = write_fully(to, oldest.data.get(), *length); !status.ok()) {
            return done(status, false);
        }
        progress_.moved(*length);
        if (*length < oldest.length) break;  // it became shorter meanwhile
    }
    return done({}, true);
}

CopyResult Copier::copy(orfa_file* from, orfa_file* to) {
    const std::int64_t size = orfa_size(from);
    if (size < 0) return done(errno_status(), true);
    const auto end = static_cast<std::uint64_t>(size);
    constexpr std::uint64_t kReads = kDepth / 2;  // the other half writes
    std::uint64_t asked = 0;
    std::uint64_t started = 0;
    for (std::uint64_t chunk = 0; chunk * kChunk < end; ++chunk) {
        for (; asked < end && started < chunk + kReads; ++started) {
            Slot& next = slot(started);
            if (next.op != nullptr) {  // the write of kDepth chunks ago
                auto written = finish(next);
                if (!written.ok()) return done(written.status(), true);
                progress_.moved(*written);
            }
            next.offset = asked;
            next.length = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, end - asked));
            asked += next.length;
            if (Status status = start_read(from, next); !status.ok()) return done(status, true);
        }
        Slot& oldest = slot(chunk);
        auto length = finish(oldest);
        if (!length.ok()) return done(length.status(), true);
        const bool shorter = *length < oldest.length;
        oldest.length = *length;
        if (*length > 0) {
            if (Status status = start_write(to, oldest); !status.ok()) return done(status, true);
        }
        if (!shorter) continue;
        for (std::uint64_t later = chunk + 1; later < started; ++later) {
            if (slot(later).op != nullptr) [[maybe_unused]]
                const auto ignored = finish(slot(later));
        }
        break;
    }
    return done(finish_writes(), true);
}

}  // namespace orfa::cli
