// SPDX-License-Identifier: MIT
#include "server/write_claims.hpp"

#include <algorithm>
#include <cstring>

namespace orfa::server {

void WriteClaims::add(const Write& write, std::uint64_t offset, std::size_t length,
                      std::byte* memory) {
    if (length > 0) claims_.push_back({write, offset, length, memory});
}

void WriteClaims::fulfil(const Write& write, std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t end = offset + length;
    for (std::size_t i = 0; i < claims_.size();) {
        const Claim claim = claims_[i];
        if (claim.write.id > write.id || !claim.meets(write.pin, offset, length)) {
            ++i;
            continue;
        }
        claims_[i] = claims_.back();
        claims_.pop_back();
        // What lies before and behind is left, at the end of the list: it does not meet the range.
        if (claim.offset < offset)
            add(claim.write, claim.offset, offset - claim.offset, claim.memory);
        if (const std::uint64_t claimed_to = claim.offset + claim.length; claimed_to > end)
            add(claim.write, end, claimed_to - end, claim.memory + (end - claim.offset));
    }
}

void WriteClaims::give_up(const Write& write, std::uint64_t offset, std::uint64_t length) {
    std::erase_if(claims_, [&](const Claim& claim) {
        if (claim.write.id != write.id || !claim.meets(write.pin, offset, length)) return false;
        std::memset(claim.memory, 0, claim.length);
        return true;
    });
}

void WriteClaims::forget(const std::byte* memory, std::size_t length) {
    std::erase_if(claims_, [&](const Claim& claim) { return claim.lies_in(memory, length); });
}

bool WriteClaims::is_filling(const ObjectStore::Pin* object, std::uint64_t offset,
                             std::uint64_t length) const {
    return std::any_of(claims_.begin(), claims_.end(), [&](const Claim& claim) {
        return !claim.write.exposed && claim.meets(object, offset, length);
    });
}

WriteClaims::Stretch WriteClaims::stretch(const std::byte* memory, std::size_t length) const {
    for (const Claim& claim : claims_) {
        if (!claim.lies_in(memory, length)) continue;
        if (claim.memory <= memory)
            return {
                std::min(length, static_cast<std::size_t>(claim.memory + claim.length - memory)),
                true};
        length = static_cast<std::size_t>(claim.memory - memory);
    }
    return {length, false};
}

}  // namespace orfa::server
