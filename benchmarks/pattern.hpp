// SPDX-License-Identifier: MIT
// What benchmarks write: bytes whose right place can be told, and how they check what they read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "benchmarks/buffer.hpp"

namespace orfa::benchmarks {

// The right content of one file: each byte follows from its offset and a seed. Data that is lost,
// old, shifted or in another access' place is found.
//
// It repeats after a period that is no multiple of any common block, so that the content of any
// range lies ready as a window of one table: a benchmark writes it without filling memory first,
// from a buffer as warm as a program's own. What begins at a page of the file does so in the table.
class Pattern {
  public:
    static constexpr std::uint64_t kPeriod = 17 << 12;  // bytes; a prime number of pages

    // Windows of at most `longest` bytes; another seed, other bytes; `inverted`: each bit turned.
    Pattern(std::uint64_t seed, std::uint64_t longest, bool inverted = false)
        : table_(kPeriod + longest) {
        for (std::uint64_t at = 0; at < kPeriod; at += 8) {
            const std::uint64_t word = next(seed) ^ (inverted ? ~std::uint64_t{0} : 0);
            std::memcpy(table_.data() + at, &word, 8);
        }
        for (std::uint64_t at = kPeriod; at < table_.size();) {
            const std::uint64_t run = std::min(kPeriod, table_.size() - at);
            std::memcpy(table_.data() + at, table_.data(), run);
            at += run;
        }
    }

    // The content from `offset` on, `longest` bytes; valid as long as the pattern.
    const std::byte* at(std::uint64_t offset) const { return table_.data() + offset % kPeriod; }

    void fill(std::uint64_t offset, std::span<std::byte> out) const {
        for_each_window(offset, out.size(), [&](std::uint64_t done, std::uint64_t length) {
            std::memcpy(out.data() + done, at(offset + done), length);
            return true;
        });
    }

    // Bytes of `data`, found at `offset`, before the first wrong one.
    std::uint64_t right_bytes(std::uint64_t offset, std::span<const std::byte> data) const {
        std::uint64_t right = 0;
        for_each_window(offset, data.size(), [&](std::uint64_t done, std::uint64_t length) {
            const std::byte* wanted = at(offset + done);
            const std::byte* found = data.data() + done;
            const bool same = std::memcmp(found, wanted, length) == 0;
            const auto prefix =
                same ? length
                     : static_cast<std::uint64_t>(
                           std::mismatch(found, found + length, wanted).first - found);
            right = done + prefix;
            return same;
        });
        return right;
    }

  private:
    // Calls `use(done, length)` window by window until it returns false.
    template <typename Use>
    void for_each_window(std::uint64_t offset, std::uint64_t total, Use use) const {
        for (std::uint64_t done = 0; done < total;) {
            const std::uint64_t room = table_.size() - (offset + done) % kPeriod;
            const std::uint64_t length = std::min(room, total - done);
            if (!use(done, length)) return;
            done += length;
        }
    }

    // splitmix64
    static std::uint64_t next(std::uint64_t& state) {
        std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    Buffer table_;
};

}  // namespace orfa::benchmarks
