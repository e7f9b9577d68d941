// SPDX-License-Identifier: MIT
// Bytes whose right place can be told: what benchmarks write, and how they check what they read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace orfa::benchmarks {

// How the bytes of a shared file belong to ranks: pieces of `piece` bytes are dealt to them in
// turn, and each rank's `block` bytes (its pieces in order: its stream) are moved in accesses of
// `transfer` bytes. One segment per rank is piece = block.
struct Geometry {
    std::uint64_t ranks = 1;
    std::uint64_t block = 0;     // bytes per rank; a multiple of piece and of transfer
    std::uint64_t piece = 0;     // contiguous bytes in the file
    std::uint64_t transfer = 0;  // bytes per access

    std::uint64_t file_size() const { return ranks * block; }
    std::uint64_t accesses() const { return block / transfer; }
    // Where byte `position` of the stream of `rank` is in the file.
    std::uint64_t file_offset(std::uint64_t rank, std::uint64_t position) const {
        return (position / piece * ranks + rank) * piece + position % piece;
    }
};

// The data of access k of a rank is a window of one random buffer; the window moves with k and the
// rank, so that a benchmark writes distinct data without filling memory between two writes, from a
// buffer as warm as a program's own. Data that is lost, old, shifted or in another access' place is
// found.
class PatternSource {
  public:
    // Accesses of at most `transfer` bytes; another seed, other bytes.
    PatternSource(std::uint64_t transfer, std::uint64_t seed)
        : words_((transfer + kSlack) / 8 + 1) {
        for (std::uint64_t& word : words_)
            word = next(seed);
    }

    // The data of access `access` of `rank`; valid as long as the source.
    const std::byte* window(std::uint64_t rank, std::uint64_t access) const {
        const std::uint64_t step = (access + rank * kRankStep) % (kSlack / kStep);
        return reinterpret_cast<const std::byte*>(words_.data()) + step * kStep;
    }

    // Bytes of `data`, read at `offset` of a file of this geometry, before the first wrong one.
    std::uint64_t right_bytes(const Geometry& geometry, std::uint64_t offset,
                              std::span<const std::byte> data) const {
        std::uint64_t done = 0;
        while (done < data.size()) {
            const std::uint64_t at = offset + done;
            const std::uint64_t piece = at / geometry.piece;
            const std::uint64_t within = at % geometry.piece;
            const std::uint64_t position = piece / geometry.ranks * geometry.piece + within;
            const std::uint64_t in_access = position % geometry.transfer;
            const std::uint64_t run = std::min(
                {geometry.piece - within, geometry.transfer - in_access, data.size() - done});
            const std::byte* wanted =
                window(piece % geometry.ranks, position / geometry.transfer) + in_access;
            const std::uint64_t same = common_prefix(data.data() + done, wanted, run);
            done += same;
            if (same < run) break;
        }
        return done;
    }

    // As right_bytes(), for the data of one access of `rank`.
    std::uint64_t right_bytes_of_access(std::uint64_t rank, std::uint64_t access,
                                        std::span<const std::byte> data) const {
        return common_prefix(data.data(), window(rank, access), data.size());
    }

  private:
    static constexpr std::uint64_t kStep = 64;        // bytes a window moves by
    static constexpr std::uint64_t kSlack = 1 << 20;  // bytes it can move in all
    static constexpr std::uint64_t kRankStep = 4099;  // prime: ranks' windows meet late

    // splitmix64
    static std::uint64_t next(std::uint64_t& state) {
        std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    static std::uint64_t common_prefix(const std::byte* a, const std::byte* b,
                                       std::uint64_t length) {
        if (std::memcmp(a, b, length) == 0) return length;
        return static_cast<std::uint64_t>(std::mismatch(a, a + length, b).first - a);
    }

    std::vector<std::uint64_t> words_;
};

}  // namespace orfa::benchmarks
