// SPDX-License-Identifier: MIT
// Namespace: intents and the marks of steps, as they are kept.
#include "common/log.hpp"
#include "server/namespace/namespace.hpp"

#include <cerrno>

namespace orfa::server {
namespace {

// Calls act(directory, name) for each name at this server whose state the intent leaves open.
template <typename Act>
void for_each_doubtful(const Intent& intent, std::uint32_t server, Act act) {
    const IntentFields& fields = intent.fields;
    if (fields.kind == IntentKind::kUnlink || fields.moved != 0) return;
    act(fields.directory, intent.name);
    if (fields.kind == IntentKind::kRename && protocol::home_of(fields.to_directory) == server)
        act(fields.to_directory, intent.to_name);
}

}  // namespace

Status Namespace::load_intents() {
    Status damaged;
    ORFA_TRY(kv_->scan("T", "U", [&](std::string_view key, std::string_view value) {
        auto intent = Intent::decode(value);
        if (!intent.ok() || key.size() != 1 + sizeof(std::uint64_t)) {
            damaged = Status::from_errno(EIO);
            return false;
        }
        std::uint64_t number = 0;
        std::memcpy(&number, key.data() + 1, sizeof(number));
        mark_doubtful(*intent);
        intents_.add(__builtin_bswap64(number), std::move(*intent), false);
        return true;
    }));
    if (intents_.count() != 0)
        ORFA_LOG(server, info, "%zu operations on names are to be finished", intents_.count());
    return damaged;
}

std::uint64_t Namespace::put_intent(Changes& changes, Intent intent) {
    const std::uint64_t number = new_operation(changes);
    changes.batch().put(Key('T').number(number), intent.encode());
    intents_.add(number, std::move(intent), true);
    return number;
}

void Namespace::mark_doubtful(const Intent& intent) {
    for_each_doubtful(intent, identity_.index, [this](std::uint64_t directory, const auto& name) {
        locks_.set_doubtful(directory, name);
    });
}

void Namespace::clear_doubtful(const Intent& intent) {
    for_each_doubtful(intent, identity_.index, [this](std::uint64_t directory, const auto& name) {
        locks_.clear_doubtful(directory, name);
    });
}

void Namespace::put_moved(Changes& changes, std::uint64_t number, Intent intent) {
    intent.fields.moved = 1;
    changes.batch().put(Key('T').number(number), intent.encode());
}

void Namespace::note_moved(std::uint64_t number) {
    Intents::State* state = intents_.find(number);
    if (state == nullptr) return;
    clear_doubtful(state->intent);
    state->intent.fields.moved = 1;
}

void Namespace::erase_intent(Changes& changes, std::uint64_t number) {
    changes.batch().erase(Key('T').number(number));
}

void Namespace::pause_intent(std::uint64_t number) {
    Intents::State* state = intents_.find(number);
    if (state == nullptr) return;
    state->running = false;
    mark_doubtful(state->intent);
}

void Namespace::forget_intent(std::uint64_t number) {
    const Intents::State* state = intents_.find(number);
    if (state == nullptr) return;
    clear_doubtful(state->intent);
    intents_.remove(number);
}

void Namespace::forget_steps(std::uint32_t server, std::uint64_t settled_below) {
    std::uint64_t& settled = settled_[server];
    if (settled_below <= settled) return;
    Changes& gone = changes();
    const Status scanned = kv_->scan(Key('A').number(server).number(settled),
                                     Key('A').number(server).number(settled_below),
                                     [&gone](std::string_view key, std::string_view) {
                                         gone.batch().erase(key);
                                         return true;
                                     });
    if (scanned.ok() && commit(gone).ok()) settled = settled_below;
}

}  // namespace orfa::server
