// SPDX-License-Identifier: MIT
#include "server/corrupting_store.hpp"

#include "common/log.hpp"
#include "common/units.hpp"

#include <cerrno>
#include <cstdlib>

namespace orfa::server {

void CorruptingStore::finish_write(const Write& write, std::uint64_t offset, std::uint64_t length,
                                   bool moved) {
    store_.finish_write(write, offset, length, moved);
    if (!moved || offset_ < offset || offset_ - offset >= length) return;
    std::vector<fabric::LocalSegment> byte;
    if (!store_.prepare_read(write.pin, offset_, 1, byte).ok() || byte.empty()) return;
    *byte.front().data ^= std::byte{1};
}

Result<std::optional<std::uint64_t>> corruption_asked_for() {
    const char* text = std::getenv("ORFA_TEST_CORRUPT");
    if (text == nullptr) return std::optional<std::uint64_t>();
    const auto offset = parse_size(text);
    if (!offset.ok()) return offset.status();
    ORFA_LOG(server, warn, "ORFA_TEST_CORRUPT: byte %s of every object is made wrong", text);
    return std::optional<std::uint64_t>(*offset);
}

}  // namespace orfa::server
