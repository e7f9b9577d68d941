// SPDX-License-Identifier: MIT
#include "server/write_claims.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace orfa::server {

void WriteClaims::add(const Write& write, std::uint64_t offset, std::uint64_t length,
                      std::byte* memory) {
    if (length == 0) return;
    claims_.insert_or_assign(place_of(write.pin, offset), Claim{write, offset + length, memory});
}

WriteClaims::Claims::const_iterator WriteClaims::first(const Pin* object,
                                                       std::uint64_t offset) const {
    const Place place = place_of(object, offset);
    auto found = claims_.upper_bound(place);
    if (found == claims_.begin()) return found;
    const auto before = std::prev(found);
    return before->first.object == place.object && before->second.end > offset ? before : found;
}

void WriteClaims::fulfil(const Write& write, std::uint64_t offset, std::uint64_t length) {
    const Place last = place_of(write.pin, offset + length);
    for (auto found = first(write.pin, offset); found != claims_.end() && found->first < last;) {
        const auto [place, claim] = *found;
        if (claim.write.id > write.id) {
            ++found;
            continue;
        }
        found = claims_.erase(found);
        if (place.offset < offset)
            add(claim.write, place.offset, offset - place.offset, claim.memory);
        if (claim.end > last.offset)
            add(claim.write, last.offset, claim.end - last.offset,
                claim.memory + (last.offset - place.offset));
    }
}

void WriteClaims::give_up(const Write& write, std::uint64_t offset, std::uint64_t length) {
    const Place last = place_of(write.pin, offset + length);
    for (auto found = first(write.pin, offset); found != claims_.end() && found->first < last;) {
        const auto [place, claim] = *found;
        if (claim.write.id != write.id) {
            ++found;
            continue;
        }
        std::memset(claim.memory, 0, claim.end - place.offset);
        found = claims_.erase(found);
    }
}

void WriteClaims::forget(const Pin* object, std::uint64_t offset, std::uint64_t length) {
    claims_.erase(first(object, offset), claims_.lower_bound(place_of(object, offset + length)));
}

bool WriteClaims::is_filling(const Pin* object, std::uint64_t offset, std::uint64_t length) const {
    return std::any_of(first(object, offset),
                       claims_.lower_bound(place_of(object, offset + length)),
                       [](const auto& claim) { return !claim.second.write.exposed; });
}

WriteClaims::Stretch WriteClaims::stretch(const Pin* object, std::uint64_t offset,
                                          std::uint64_t length) const {
    const auto found = first(object, offset);
    if (found == claims_.end() || found->first >= place_of(object, offset + length))
        return {length, false};
    if (found->first.offset > offset) return {found->first.offset - offset, false};
    return {std::min(length, found->second.end - offset), true};
}

}  // namespace orfa::server
