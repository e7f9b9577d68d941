// SPDX-License-Identifier: MIT
#include "server/namespace/intents.hpp"

#include "protocol/codec.hpp"
#include "server/namespace/records.hpp"

#include <cerrno>

namespace orfa::server {

std::string Intent::encode() const {
    std::string bytes(sizeof(fields) + 2 * sizeof(std::uint32_t) + name.size() + to_name.size(),
                      '\0');
    protocol::Writer writer(std::as_writable_bytes(std::span(bytes)));
    writer.put(fields);
    writer.put_string(name);
    writer.put_string(to_name);
    return bytes;
}

Result<Intent> Intent::decode(std::string_view bytes) {
    protocol::Reader reader(std::as_bytes(std::span(bytes)));
    Intent intent;
    std::string_view name;
    std::string_view to_name;
    if (!reader.get(intent.fields) || !reader.get_string(name, protocol::kMaxName) ||
        !reader.get_string(to_name, protocol::kMaxName) || !reader.finished())
        return Status::from_errno(EIO);
    intent.name = name;
    intent.to_name = to_name;
    return intent;
}

std::uint64_t Intents::next_idle(std::uint64_t from) const {
    for (auto at = open_.lower_bound(from); at != open_.end(); ++at)
        if (!at->second.running) return at->first;
    return 0;
}

}  // namespace orfa::server
