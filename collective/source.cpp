// SPDX-License-Identifier: MIT
#include "collective/source.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::collective {
namespace {

constexpr std::uint64_t kNoBound = ~std::uint64_t{0};

// Takes pieces of `run`, of whose first `within` bytes are gone already: whole ones as long as they
// end within `room` bytes of the current place, or a part of one, at most `bytes` in all.
Run take_from(Run& run, std::uint64_t& within, std::uint64_t room, std::uint64_t bytes) {
    Run taken{run.start + within, std::min({run.length - within, room, bytes}), 0, 1};
    if (taken.length < run.length) {
        within += taken.length;
        if (within < run.length) return taken;
        within = 0;
    } else if (run.count > 1) {
        taken.stride = run.stride;
        taken.count = std::min(run.count, bytes / run.length);
        if (room < kNoBound)
            taken.count = std::min(taken.count, (room - run.length) / run.stride + 1);
    }
    run.start += taken.count * run.stride;
    run.count -= taken.count;
    return taken;
}

}  // namespace

Status Source::start() {
    return next_in_file_(file_);
}

Run Source::take(std::uint64_t room) {
    return take_from(file_, in_file_, room, kNoBound);
}

Status Source::take_memory(std::uint64_t bytes, Runs& memory) {
    while (bytes > 0) {
        if (memory_.count == 0) {
            ORFA_TRY(next_in_memory_(memory_));
            if (memory_.count == 0) return Status::from_errno(EINVAL);
        }
        const Run taken = take_from(memory_, in_memory_, kNoBound, bytes);
        memory.append(taken);
        bytes -= taken.length * taken.count;
    }
    return {};
}

Status Source::deal(const Window& window, std::span<Parcel> parcels) {
    std::uint64_t least = window.begin();  // nothing before it may come
    while (offset() < window.end()) {
        const std::uint64_t at = offset();
        if (at < least) return Status::from_errno(EINVAL);
        Run taken = take(window.left_in_unit(at));
        least = at + (taken.count - 1) * taken.stride + taken.length;
        Parcel& parcel = parcels[window.aggregator_of(at)];
        taken.start = window.place_of(at);
        parcel.places.append(taken);
        ORFA_TRY(take_memory(taken.length * taken.count, parcel.memory));
        if (file_.count == 0) ORFA_TRY(next_in_file_(file_));
    }
    return {};
}

}  // namespace orfa::collective
