// SPDX-License-Identifier: MIT
// What writes under way are the first to bring: bytes that count as content of their object already
// but whose memory still holds what some other object left there.
#pragma once

#include "server/object_store.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>

namespace orfa::server {

// No two claims overlap. For one thread. All calls find their claims by place: thousands of small
// ones in a request cost no more each than a few.
class WriteClaims {
  public:
    using Write = ObjectStore::Write;
    using Pin = ObjectStore::Pin;

    // Bytes [offset, offset + length) of the write's object, at `memory`.
    void add(const Write& write, std::uint64_t offset, std::uint64_t length, std::byte* memory);
    // A write brought all of a range: what it or an earlier one claimed of it holds bytes now.
    // (What a later one claimed is memory that came into the object after this one's went out.)
    void fulfil(const Write& write, std::uint64_t offset, std::uint64_t length);
    // A write brought not all of a range: what it claimed there, and no other brought, is zeroed.
    void give_up(const Write& write, std::uint64_t offset, std::uint64_t length);
    // The range's memory no longer belongs to the object; claims lie in it or outside.
    void forget(const Pin* object, std::uint64_t offset, std::uint64_t length);

    // Whether any of the range is claimed by a write that is not exposed.
    [[nodiscard]] bool is_filling(const Pin* object, std::uint64_t offset,
                                  std::uint64_t length) const;

    struct Stretch {
        std::uint64_t length;
        bool claimed;
    };
    // The longest start of the range (length > 0) that is claimed as a whole, or not at all.
    [[nodiscard]] Stretch stretch(const Pin* object, std::uint64_t offset,
                                  std::uint64_t length) const;

  private:
    struct Place {
        std::uintptr_t object;
        std::uint64_t offset;
        auto operator<=>(const Place&) const = default;
    };
    struct Claim {
        Write write;
        std::uint64_t end;  // in the object
        std::byte* memory;
    };
    using Claims = std::pmr::map<Place, Claim>;

    static Place place_of(const Pin* object, std::uint64_t offset) {
        return {reinterpret_cast<std::uintptr_t>(object), offset};
    }
    // The first claim on the object, or a later one, that ends behind `offset`.
    [[nodiscard]] Claims::const_iterator first(const Pin* object, std::uint64_t offset) const;

    std::pmr::unsynchronized_pool_resource nodes_;
    Claims claims_{&nodes_};
};

}  // namespace orfa::server
