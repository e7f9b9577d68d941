// SPDX-License-Identifier: MIT
#include "server/namespace/memory_kv.hpp"

#include <cerrno>

namespace orfa::server {

Status MemoryKv::get(std::string_view key, std::string& value) {
    auto found = values_.find(key);
    if (found == values_.end()) return Status::from_errno(ENOENT);
    value.assign(found->second);
    return {};
}

Status MemoryKv::write(const KvBatch& batch) {
    batch.for_each([this](std::string_view key, std::string_view value, bool erase) {
        auto place = values_.lower_bound(key);
        const bool there = place != values_.end() && place->first == key;
        if (erase) {
            if (there) values_.erase(place);
        } else if (there) {
            place->second.assign(value);
        } else {
            values_.emplace_hint(place, key, value);
        }
    });
    return {};
}

Status MemoryKv::scan(std::string_view first, std::string_view end, const Visitor& visit) {
    for (auto place = values_.lower_bound(first); place != values_.end() && place->first < end;
         ++place) {
        if (!visit(place->first, place->second)) break;
    }
    return {};
}

}  // namespace orfa::server
