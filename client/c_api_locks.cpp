// SPDX-License-Identifier: MIT
// orfa.h: byte-range locks and counters.
#include "client/c_api_util.hpp"
#include "client/core/file.hpp"
#include "client/core/file_locks.hpp"

#include <cstring>

using orfa::client::CounterId;
using orfa::client::guarded;
using orfa::client::to_c;
using orfa::client::unwrap;
using orfa::protocol::CounterAction;
using orfa::protocol::LockMode;

namespace {

int count(orfa_file* file, const void* id, CounterAction action, int64_t value, int64_t* before) {
    return guarded(-1, [&] {
        CounterId name;
        static_assert(sizeof(name) == ORFA_COUNTER_ID_SIZE);
        std::memcpy(name.data(), id, sizeof(name));
        const auto result = unwrap(file).locks().counter(name, action, value);
        if (!result.ok()) return orfa::client::fail_with(result.status());
        if (before != nullptr) *before = *result;
        return 0;
    });
}

}  // namespace

extern "C" {

int orfa_lock(orfa_file* file, uint64_t offset, uint64_t length, int exclusive, int timeout_ms) {
    return guarded(-1, [&] {
        const auto mode = exclusive != 0 ? LockMode::kExclusive : LockMode::kShared;
        return to_c(unwrap(file).locks().lock({offset, length}, mode, timeout_ms));
    });
}

int orfa_unlock(orfa_file* file, uint64_t offset, uint64_t length) {
    return guarded(-1, [&] { return to_c(unwrap(file).locks().unlock({offset, length})); });
}

int orfa_counter_add(orfa_file* file, const void* id, int64_t delta, int64_t* before) {
    return count(file, id, CounterAction::kAdd, delta, before);
}

int orfa_counter_set(orfa_file* file, const void* id, int64_t value, int64_t* before) {
    return count(file, id, CounterAction::kSet, value, before);
}

int orfa_counter_get(orfa_file* file, const void* id, int64_t* value) {
    return count(file, id, CounterAction::kGet, 0, value);
}

int orfa_counter_drop(orfa_file* file, const void* id) {
    return count(file, id, CounterAction::kDrop, 0, nullptr);
}

}  // extern "C"
