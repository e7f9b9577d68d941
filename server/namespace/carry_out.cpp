// SPDX-License-Identifier: MIT
// The steps of intents. intents.hpp says which, in what order and why.
#include "common/log.hpp"
#include "server/namespace/handlers.hpp"
#include "server/namespace/operations.hpp"
#include "server/namespace/peer_calls.hpp"

namespace orfa::server {

using namespace protocol;  // NOLINT(google-build-using-namespace): the messages, throughout

namespace {

// How an attempt at an intent ended. kEnded: the last write erased it.
enum class End : std::uint8_t { kEnded, kRefused, kLater };
struct Outcome {
    End end;
    Status status;
};

Outcome ended() {
    return {End::kEnded, Status()};
}

// What a step that failed means for its intent. A server that can't even be reached has done
// nothing of an operation that just began.
Outcome stopped(Status status, bool first) {
    if (first && (status.err() == ECONNREFUSED || status.err() == EHOSTUNREACH))
        return {End::kRefused, status};
    return {is_outcome_unknown(status) ? End::kLater : End::kRefused, status};
}

// The last write of an operation.
Outcome commit_end(Namespace& names, Changes& changes, std::uint64_t number) {
    names.erase_intent(changes, number);
    const Status written = names.commit(changes);
    return written.ok() ? ended() : Outcome{End::kLater, written};
}

Spot spot_of(const Intent& intent) {
    return {intent.fields.directory, intent.name};
}

EntryRecord entry_of(const Intent& intent) {
    return {intent.fields.ino, intent.fields.type, 0};
}

Task<Outcome> do_make_directory(Core& core, std::uint64_t number, const Intent& intent,
                                bool first) {
    Namespace& names = *core.names;
    const IntentFields& fields = intent.fields;
    const PeerMakeDirectory step{fields.ino,   fields.directory, fields.mode & 07777,
                                 fields.uid,   fields.gid,       0,
                                 fields.layout};
    const Status made = co_await make_directory_at_home(core, step);
    if (!made.ok()) co_return stopped(made, first);
    const auto parent = names.directory(fields.directory);
    if (!parent.ok()) {
        const Status undone =
            co_await remove_directory_at_home(core, fields.ino, DirectoryRemoval::kRemove);
        co_return is_outcome_unknown(undone) ? Outcome{End::kLater, undone}
                                             : Outcome{End::kRefused, parent.status()};
    }
    Changes& changes = names.changes();
    put_new_entry(changes, names, spot_of(intent), *parent, entry_of(intent));
    co_return commit_end(names, changes, number);
}

Task<Outcome> do_remove_directory(Core& core, std::uint64_t number, const Intent& intent,
                                  bool first) {
    Namespace& names = *core.names;
    const Status removed =
        co_await remove_directory_at_home(core, intent.fields.ino, DirectoryRemoval::kRemove);
    if (!removed.ok() && removed.err() != ENOENT) co_return stopped(removed, first);
    const auto parent = names.directory(intent.fields.directory);
    if (!parent.ok()) co_return stopped(parent.status(), false);
    Changes& changes = names.changes();
    put_entry_gone(changes, names, spot_of(intent), *parent, entry_of(intent));
    co_return commit_end(names, changes, number);
}

Task<Outcome> do_unlink(Core& core, std::uint64_t number, const Intent& intent) {
    Namespace& names = *core.names;
    const PeerAdjustLinks step{names.step_of(number, 1), intent.fields.ino, 0, -1, 0};
    const auto adjusted = co_await adjust_links_at_home(core, step);
    if (!adjusted.ok() && adjusted.status().err() != ENOENT)
        co_return stopped(adjusted.status(), false);
    co_return commit_end(names, names.changes(), number);
}

Task<Outcome> do_link(Core& core, std::uint64_t number, const Intent& intent, bool first) {
    Namespace& names = *core.names;
    const PeerAdjustLinks step{names.step_of(number, 1), intent.fields.ino, 0, 1, 0};
    const auto adjusted = co_await adjust_links_at_home(core, step);
    if (!adjusted.ok()) co_return stopped(adjusted.status(), first);
    Changes& changes = names.changes();
    const auto parent = names.directory(intent.fields.directory);
    if (!parent.ok()) {
        // The directory went away meanwhile: the count goes down again, as an operation of its own.
        Intent undo = intent;
        undo.fields.kind = IntentKind::kUnlink;
        const std::uint64_t next = names.put_intent(changes, std::move(undo));
        const Outcome outcome = commit_end(names, changes, number);
        if (outcome.end == End::kEnded)
            names.pause_intent(next);
        else
            names.forget_intent(next);
        co_return Outcome{outcome.end, parent.status()};
    }
    put_new_entry(changes, names, spot_of(intent), *parent,
                  {intent.fields.ino, (*adjusted).mode & S_IFMT, 0});
    co_return commit_end(names, changes, number);
}

Move move_of(const Intent& intent) {
    const IntentFields& fields = intent.fields;
    return {spot_of(intent),
            {fields.to_directory, intent.to_name},
            entry_of(intent),
            {fields.replaces, fields.replaces_type, 0}};
}

// A rename that can't be: what was sealed for it opens again.
Task<Outcome> refuse_rename(Core& core, const Intent& intent, Status why) {
    if (intent.fields.replaces != 0 && S_ISDIR(intent.fields.replaces_type)) {
        const Status unsealed = co_await remove_directory_at_home(core, intent.fields.replaces,
                                                                  DirectoryRemoval::kUnseal);
        if (is_outcome_unknown(unsealed)) co_return Outcome{End::kLater, unsealed};
    }
    co_return Outcome{End::kRefused, why};
}

// Steps 1 to 3.
Task<Outcome> do_rename(Core& core, std::uint64_t number, const Intent& intent, bool first) {
    Namespace& names = *core.names;
    const IntentFields& fields = intent.fields;
    if (fields.replaces != 0 && S_ISDIR(fields.replaces_type)) {
        const Status sealed =
            co_await remove_directory_at_home(core, fields.replaces, DirectoryRemoval::kSeal);
        if (!sealed.ok()) co_return stopped(sealed, first);
    }
    if (!names.is_home(fields.to_directory)) {
        const PeerInsertEntry step{names.step_of(number, 2), fields.to_directory, fields.ino,
                                   fields.replaces,          fields.type,         0};
        const Status inserted = co_await insert_entry_at_home(core, step, intent.to_name);
        if (!inserted.ok()) {
            if (stopped(inserted, first).end == End::kLater)
                co_return Outcome{End::kLater, inserted};
            co_return co_await refuse_rename(core, intent, inserted);
        }
    } else {
        auto there = names.entry(fields.to_directory, intent.to_name);
        if ((there.ok() ? there->ino : 0) != fields.replaces)
            co_return co_await refuse_rename(core, intent, error(EAGAIN));
    }
    Changes& changes = names.changes();
    if (const Status put = put_move(changes, names, move_of(intent)); !put.ok())
        co_return Outcome{End::kLater, put};
    names.put_moved(changes, number, intent);
    const Status written = names.commit(changes);
    if (!written.ok()) co_return Outcome{End::kLater, written};
    names.note_moved(number);
    co_return ended();
}

// Step 4. Refusals can't be: what is to be dropped or told may only be gone.
Task<Outcome> finish_rename(Core& core, std::uint64_t number, const Intent& intent) {
    Namespace& names = *core.names;
    const IntentFields& fields = intent.fields;
    Status status;
    if (fields.replaces != 0 && S_ISDIR(fields.replaces_type)) {
        status =
            co_await remove_directory_at_home(core, fields.replaces, DirectoryRemoval::kRemove);
    } else if (fields.replaces != 0) {
        const PeerAdjustLinks step{names.step_of(number, 3), fields.replaces, 0, -1, 0};
        const auto adjusted = co_await adjust_links_at_home(core, step);
        status = adjusted.status();
    }
    if (is_outcome_unknown(status)) co_return Outcome{End::kLater, status};
    if (S_ISDIR(fields.type) && fields.directory != fields.to_directory) {
        const PeerAdjustLinks step{names.step_of(number, 4), fields.ino, fields.to_directory, 0, 0};
        const auto adjusted = co_await adjust_links_at_home(core, step);
        status = adjusted.status();
    }
    if (is_outcome_unknown(status)) co_return Outcome{End::kLater, status};
    co_return commit_end(names, names.changes(), number);
}

Task<Outcome> attempt(Core& core, std::uint64_t number, const Intent& intent, bool first) {
    switch (intent.fields.kind) {
        case IntentKind::kMakeDirectory:
            co_return co_await do_make_directory(core, number, intent, first);
        case IntentKind::kRemoveDirectory:
            co_return co_await do_remove_directory(core, number, intent, first);
        case IntentKind::kUnlink:
            co_return co_await do_unlink(core, number, intent);
        case IntentKind::kLink:
            co_return co_await do_link(core, number, intent, first);
        case IntentKind::kRename:
            break;
    }
    if (intent.fields.moved == 0) {
        const Outcome moved = co_await do_rename(core, number, intent, first);
        if (moved.end != End::kEnded) co_return moved;
    }
    co_return co_await finish_rename(core, number, intent);
}

}  // namespace

Task<Status> carry_out(Core& core, std::uint64_t number, bool first) {
    Namespace& names = *core.names;
    Intents::State* state = names.intents().find(number);
    if (state == nullptr) co_return error(ENOENT);
    state->running = true;
    const Intent intent = state->intent;
    const Outcome outcome = co_await attempt(core, number, intent, first);
    switch (outcome.end) {
        case End::kEnded:
            names.forget_intent(number);
            break;
        case End::kRefused: {
            Changes& changes = names.changes();
            const Outcome erased = commit_end(names, changes, number);
            if (erased.end == End::kEnded) {
                names.forget_intent(number);
                break;
            }
            [[fallthrough]];
        }
        case End::kLater:
            ORFA_LOG(server, warn, "'%s' of directory %llx is to be finished later: errno %d",
                     intent.name.c_str(), static_cast<unsigned long long>(intent.fields.directory),
                     outcome.status.err());
            names.pause_intent(number);
            // From its third step on a rename has happened.
            state = names.intents().find(number);
            if (state != nullptr && state->intent.fields.moved != 0) co_return Status();
            break;
    }
    co_return outcome.status;
}

Task<Status> begin(Core& core, std::uint64_t number, Changes& changes) {
    if (const Status written = core.names->commit(changes); !written.ok()) {
        core.names->forget_intent(number);
        co_return written;
    }
    co_return co_await carry_out(core, number, true);
}

}  // namespace orfa::server
