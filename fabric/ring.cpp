// SPDX-License-Identifier: MIT
#include "fabric/ring.hpp"

#include <cerrno>
#include <cstring>

namespace orfa::fabric {
namespace {

constexpr std::size_t kHeader = sizeof(std::uint64_t);

constexpr std::uint64_t pack(std::size_t length, RecordKind kind) {
    return static_cast<std::uint64_t>(kind) << 32 | length;
}

}  // namespace

std::size_t RingWriter::needed(std::size_t length) const {
    const std::size_t bytes = record_bytes(length);
    return bytes <= to_end() ? bytes : bytes + to_end();
}

Result<bool> RingWriter::has_room(std::size_t length) {
    const std::size_t bytes = needed(length);
    if (written_ - freed_seen_ + bytes <= memory_.size()) return true;
    const std::uint64_t freed = positions_->freed.load(std::memory_order_seq_cst);
    // It may only have grown, and not beyond what was written.
    if (freed - freed_seen_ > written_ - freed_seen_ || freed % kHeader != 0)
        return Status::from_errno(EPROTO);
    freed_seen_ = freed;
    return written_ - freed_seen_ + bytes <= memory_.size();
}

void RingWriter::put_header(std::size_t length, RecordKind kind) {
    const std::uint64_t header = pack(length, kind);
    std::memcpy(memory_.data() + (written_ & (memory_.size() - 1)), &header, kHeader);
}

Result<bool> RingWriter::write(RecordKind kind, std::span<const std::byte> head,
                               std::span<const std::byte> tail) {
    const std::size_t length = head.size() + tail.size();
    if (record_bytes(length) > memory_.size() / 2) return Status::from_errno(EMSGSIZE);
    Result<bool> room = has_room(length);
    if (!room.ok() || !*room) return room;
    if (record_bytes(length) > to_end()) {
        const std::size_t skipped = to_end();
        put_header(skipped - kHeader, RecordKind::kSkip);
        written_ += skipped;
    }
    put_header(length, kind);
    std::byte* at = memory_.data() + (written_ & (memory_.size() - 1)) + kHeader;
    if (!head.empty()) std::memcpy(at, head.data(), head.size());
    if (!tail.empty()) std::memcpy(at + head.size(), tail.data(), tail.size());
    written_ += record_bytes(length);
    // Sequentially consistent: the caller looks next whether the reader sleeps.
    positions_->written.store(written_, std::memory_order_seq_cst);
    return true;
}

Result<std::optional<Record>> RingReader::next() {
    const std::size_t size = memory_.size();
    // Early enough that a writer of full-sized records doesn't wait for a whole ring.
    if (read_ - published_ >= size / 4) give_room();
    while (true) {
        if (written_seen_ == read_) {
            const std::uint64_t written = positions_->written.load(std::memory_order_acquire);
            if (written == read_) return std::optional<Record>();
            if (written - read_ > size || written - published_ > size || written % kHeader != 0)
                return Status::from_errno(EPROTO);
            written_seen_ = written;
        }
        const std::size_t available = written_seen_ - read_;  // at least a header
        const std::size_t at = read_ & (size - 1);
        std::uint64_t header = 0;
        {
            // Read once: the writer might change it after the checks.
            auto& word = *reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(&memory_[at]));
            header = std::atomic_ref<std::uint64_t>(word).load(std::memory_order_relaxed);
        }
        const std::size_t length = header & 0xffffffffU;
        const auto kind = static_cast<RecordKind>(header >> 32);
        const std::size_t bytes = record_bytes(length);
        if (bytes > available || bytes > size - at) return Status::from_errno(EPROTO);
        if (kind == RecordKind::kSkip) {
            if (bytes != size - at) return Status::from_errno(EPROTO);
            read_ += bytes;
            continue;
        }
        if (length > max_length_) return Status::from_errno(EPROTO);
        read_ += bytes;
        return std::optional<Record>(Record{kind, memory_.subspan(at + kHeader, length)});
    }
}

void RingReader::give_room() {
    if (published_ == read_) return;
    published_ = read_;
    // Sequentially consistent: the caller looks next whether the writer waits for room.
    positions_->freed.store(read_, std::memory_order_seq_cst);
}

bool RingReader::publish() {
    give_room();
    const bool any = told_ != published_;
    told_ = published_;
    return any;
}

}  // namespace orfa::fabric
