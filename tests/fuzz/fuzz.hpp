// SPDX-License-Identifier: MIT
// A fuzz target is one file that defines fuzz_one() and seeds(). With clang and ORFA_FUZZ=ON it is
// linked with libFuzzer (fuzz_main.cpp); in every build also with a driver that mutates the seeds
// some thousand times, always the same way (replay_main.cpp), and run by ctest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace orfa::fuzz {

using Bytes = std::vector<std::byte>;

// One input. Must not crash, hang or leak, whatever the bytes are.
void fuzz_one(std::span<const std::byte> input);

// Sound inputs to start from.
std::vector<Bytes> seeds();

// Adds the bytes of values to an input.
template <typename... T>
void append(Bytes& bytes, const T&... values) {
    [[maybe_unused]] const auto add = [&bytes](const auto& value) {
        static_assert(std::is_trivially_copyable_v<std::remove_cvref_t<decltype(value)>>);
        const auto raw = std::as_bytes(std::span(&value, 1));
        bytes.insert(bytes.end(), raw.begin(), raw.end());
    };
    (add(values), ...);
}

inline Bytes text(const char* words) {
    const auto raw = std::as_bytes(std::span(words, std::strlen(words)));
    return {raw.begin(), raw.end()};
}

// Takes an input apart. Zeros when there is no more.
class Input {
  public:
    explicit Input(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <typename T>
    T take() {
        T value{};
        const auto n = rest_.size() < sizeof(T) ? rest_.size() : sizeof(T);
        if (n > 0) std::memcpy(&value, rest_.data(), n);
        rest_ = rest_.subspan(n);
        return value;
    }
    std::span<const std::byte> take_bytes(std::size_t count) {
        const auto bytes = rest_.first(count < rest_.size() ? count : rest_.size());
        rest_ = rest_.subspan(bytes.size());
        return bytes;
    }
    [[nodiscard]] std::span<const std::byte> rest() const { return rest_; }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

  private:
    std::span<const std::byte> rest_;
};

}  // namespace orfa::fuzz
