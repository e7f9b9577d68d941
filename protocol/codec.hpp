// SPDX-License-Identifier: MIT
// Reading and building the variable parts of messages. Nothing here trusts a length: a Reader that
// has run past the end stays failed, a Writer that has run out of room stays overflowed.
#pragma once

#include "protocol/messages.hpp"

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace orfa::protocol {

// Strings and byte strings cross the wire as a uint32 length and the bytes.
inline constexpr std::size_t kMaxString = 65536;

// Borrows the bytes it reads; what get_string() gives points into them.
class Reader {
  public:
    explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

    // Copies the next sizeof(T) bytes into `out`. False (and failed for good) when they are not
    // there.
    template <Wire T>
    bool get(T& out) {
        const auto* from = take(sizeof(T));
        if (from == nullptr) return false;
        std::memcpy(&out, from, sizeof(T));
        return true;
    }

    // The next `count` values, appended to `out`.
    template <Wire T>
    bool get_array(std::size_t count, std::vector<T>& out) {
        if (count > rest_.size() / sizeof(T)) return fail();
        const auto* from = take(count * sizeof(T));
        if (from == nullptr) return false;
        if (count == 0) return true;
        const std::size_t before = out.size();
        out.resize(before + count);
        std::memcpy(out.data() + before, from, count * sizeof(T));
        return true;
    }

    bool get_string(std::string_view& out, std::size_t max_bytes = kMaxString) {
        std::uint32_t length = 0;
        if (!get(length) || length > max_bytes) return fail();
        const auto* from = take(length);
        if (from == nullptr) return false;
        out = {reinterpret_cast<const char*>(from), length};
        return true;
    }

    // What has not been read yet.
    [[nodiscard]] std::span<const std::byte> rest() const { return rest_; }
    [[nodiscard]] bool failed() const { return failed_; }
    // Everything was read, and nothing was missing.
    [[nodiscard]] bool finished() const { return !failed_ && rest_.empty(); }

  private:
    const std::byte* take(std::size_t count) {
        if (failed_ || count > rest_.size()) {
            failed_ = true;
            return nullptr;
        }
        const auto* from = rest_.data();
        rest_ = rest_.subspan(count);
        return from;
    }
    bool fail() {
        failed_ = true;
        return false;
    }

    std::span<const std::byte> rest_;
    bool failed_ = false;
};

// Fills a borrowed buffer from its start.
class Writer {
  public:
    explicit Writer(std::span<std::byte> buffer) : buffer_(buffer) {}

    template <Wire T>
    bool put(const T& value) {
        return put_bytes(std::as_bytes(std::span(&value, 1)));
    }
    template <Wire T>
    bool put_array(std::span<const T> values) {
        return put_bytes(std::as_bytes(values));
    }
    bool put_string(std::string_view text) {
        return put(static_cast<std::uint32_t>(text.size())) &&
               put_bytes(std::as_bytes(std::span(text)));
    }
    bool put_bytes(std::span<const std::byte> bytes) {
        if (overflowed_ || bytes.size() > room()) {
            overflowed_ = true;
            return false;
        }
        if (!bytes.empty()) std::memcpy(buffer_.data() + used_, bytes.data(), bytes.size());
        used_ += bytes.size();
        return true;
    }
    // `count` bytes to be filled in place by the caller; empty when there is no room.
    std::span<std::byte> reserve(std::size_t count) {
        if (overflowed_ || count > room()) {
            overflowed_ = true;
            return {};
        }
        used_ += count;
        return buffer_.subspan(used_ - count, count);
    }

    [[nodiscard]] std::size_t room() const { return buffer_.size() - used_; }
    [[nodiscard]] std::size_t size() const { return used_; }
    [[nodiscard]] bool overflowed() const { return overflowed_; }
    [[nodiscard]] std::span<const std::byte> written() const { return buffer_.first(used_); }
    // Back to `size` bytes written (at most size()), and no longer overflowed.
    void rewind(std::size_t size) {
        used_ = size;
        overflowed_ = false;
    }

  private:
    std::span<std::byte> buffer_;
    std::size_t used_ = 0;
    bool overflowed_ = false;
};

}  // namespace orfa::protocol
