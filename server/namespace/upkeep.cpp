// SPDX-License-Identifier: MIT
#include "server/namespace/upkeep.hpp"

#include "common/log.hpp"
#include "server/namespace/operations.hpp"

namespace orfa::server {

Upkeep::Upkeep(Core& core) : core_(core) {
    core_.names->on_deleted([this](std::uint64_t ino, const protocol::Layout& layout, bool spread) {
        on_deleted(ino, layout, spread);
    });
    if (const Status dropped = core_.names->drop_orphans(); !dropped.ok())
        ORFA_LOG(server, warn, "files without names stay behind: errno %d", dropped.err());
}

Upkeep::~Upkeep() {
    core_.names->on_deleted({});
}

void Upkeep::tick() {
    if (!finishing_ && core_.names->intents().next_idle(0) != 0) run_intents();
    if (!removing_ && more_removals_) run_removals();
}

bool Upkeep::idle() const {
    return !finishing_ && !removing_ && !more_removals_ && core_.names->intents().count() == 0;
}

// Tries each interrupted operation once, oldest first.
Detached Upkeep::run_intents() {
    finishing_ = true;
    Intents& intents = core_.names->intents();
    for (std::uint64_t number = intents.next_idle(0); number != 0;
         number = intents.next_idle(number + 1)) {
        const Status done = co_await carry_out(core_, number, false);
        if (done.ok())
            ORFA_LOG(server, info, "operation %llu on names is finished",
                     static_cast<unsigned long long>(number));
    }
    finishing_ = false;
}

}  // namespace orfa::server
