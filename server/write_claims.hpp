// SPDX-License-Identifier: MIT
// What writes under way are the first to bring: bytes that count as content of their object already
// but whose memory still holds what some other object left there.
#pragma once

#include "server/object_store.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace orfa::server {

// No two claims overlap. For one thread. Each call looks at all claims: up to 256 for each MiB
// that is on its way, as no small piece is claimed.
class WriteClaims {
  public:
    using Write = ObjectStore::Write;

    // Bytes [offset, offset + length) of the write's object, at `memory`.
    void add(const Write& write, std::uint64_t offset, std::size_t length, std::byte* memory);
    // A write brought all of a range: what it or an earlier one claimed of it holds bytes now.
    // (What a later one claimed is memory that came into the object after this one's went out.)
    void fulfil(const Write& write, std::uint64_t offset, std::uint64_t length);
    // A write brought not all of a range: what it claimed there, and no other brought, is zeroed.
    void give_up(const Write& write, std::uint64_t offset, std::uint64_t length);
    // The memory no longer belongs to an object.
    void forget(const std::byte* memory, std::size_t length);

    [[nodiscard]] bool empty() const { return claims_.empty(); }
    // Whether any of the range is claimed by a write that is not exposed.
    [[nodiscard]] bool is_filling(const ObjectStore::Pin* object, std::uint64_t offset,
                                  std::uint64_t length) const;

    struct Stretch {
        std::size_t length;
        bool claimed;
    };
    // The longest start of this memory (length > 0) that is claimed as a whole, or not at all.
    [[nodiscard]] Stretch stretch(const std::byte* memory, std::size_t length) const;

  private:
    struct Claim {
        Write write;
        std::uint64_t offset;
        std::size_t length;
        std::byte* memory;

        [[nodiscard]] bool meets(const ObjectStore::Pin* object, std::uint64_t from,
                                 std::uint64_t bytes) const {
            return write.pin == object && offset < from + bytes && from < offset + length;
        }
        [[nodiscard]] bool lies_in(const std::byte* from, std::size_t bytes) const {
            return memory < from + bytes && from < memory + length;
        }
    };

    std::vector<Claim> claims_;
};

}  // namespace orfa::server
