// SPDX-License-Identifier: MIT
#include "client/core/locations.hpp"

#include "protocol/mapped_store.hpp"

#include <algorithm>
#include <numeric>

namespace orfa::client {
namespace {

// Misses of a region before its first question, when they are writes.
constexpr std::uint32_t kWritersPatience = 4;
constexpr std::uint32_t kOverwritersPatience = 16;  // a region has no more of the largest
constexpr std::uint32_t kMostPatience = 1024;
constexpr std::uint64_t kFirstRoom = 2;  // blocks
constexpr std::uint64_t kMostRoom = protocol::kMaxRoom;

}  // namespace

Locations::Region* Locations::find_region(std::uint32_t column, std::uint64_t region) {
    const std::uint64_t key = key_of(column, region);
    if (key == last_key_) return last_;
    const auto found = regions_.find(key);
    if (found == regions_.end()) return nullptr;
    last_key_ = key;
    last_ = found->second.get();
    return last_;
}

Locations::Region& Locations::region_at(std::uint32_t column, std::uint64_t region) {
    if (Region* there = find_region(column, region)) return *there;
    if (regions_.size() >= kMostRegions) {
        regions_.clear();
        last_key_ = ~std::uint64_t{0};
    }
    auto& made = regions_[key_of(column, region)];
    made = std::make_unique<Region>();
    return *made;
}

const protocol::BlockLocation* Locations::find(std::uint32_t column, std::uint64_t block) {
    const Region* region = find_region(column, block / kRegionBlocks);
    return region == nullptr ? nullptr : &region->blocks[block % kRegionBlocks];
}

bool Locations::is_worth_asking(std::uint32_t column, const Miss& miss, Purpose purpose) {
    Region& region = region_at(column, miss.region());
    std::uint32_t patience = region.patience;
    const bool fills = room_filled() > 0 && fills_room();
    if (purpose == Purpose::kFill && !region.asked && !fills) patience = kWritersPatience;
    if (purpose == Purpose::kOverwrite && !region.asked) patience = kOverwritersPatience;
    return region.misses++ >= patience;
}

std::uint64_t Locations::room_filled() const {
    return std::accumulate(room_filled_.begin(), room_filled_.end(), std::uint64_t{0});
}

Locations::Room Locations::room_wanted(std::uint32_t column, const Miss& miss,
                                       std::uint64_t needed) const {
    const std::uint64_t filled = column < room_filled_.size() ? room_filled_[column] : 0;
    std::uint64_t fresh = 0;
    if (fills_room())
        fresh = std::clamp(filled / protocol::kStoreBlockBytes, kFirstRoom, kMostRoom);
    const std::uint64_t left = kRegionBlocks - miss.block % kRegionBlocks;
    if (fresh > 0 && needed == 0) needed = 1;  // the miss itself
    return {static_cast<std::uint32_t>(std::min({needed, left, kMostRoom})),
            static_cast<std::uint32_t>(fresh)};
}

void Locations::filled(std::uint32_t column, std::uint64_t block, std::uint32_t to,
                       std::uint64_t bytes) {
    if (room_filled_.size() <= column) room_filled_.resize(column + 1);
    room_filled_[column] += bytes;
    Region* region = find_region(column, block / kRegionBlocks);
    if (region == nullptr) return;
    auto& where = region->blocks[block % kRegionBlocks];
    where.to = std::max(where.to, to);
}

void Locations::learn(std::uint32_t column, const Miss& miss, std::uint32_t made,
                      std::span<const protocol::BlockLocation, kRegionBlocks> locations) {
    Region& region = region_at(column, miss.region());
    region.asked = true;
    std::copy(locations.begin(), locations.end(), region.blocks.begin());
    const protocol::BlockLocation& wanted = locations[miss.block % kRegionBlocks];
    const bool helps = wanted.from <= miss.from && miss.to <= wanted.room;
    room_made_ += made * protocol::kStoreBlockBytes;
    region.misses = 0;
    region.patience = helps ? 0 : std::min(4 * region.patience + kWritersPatience, kMostPatience);
}

}  // namespace orfa::client
