// SPDX-License-Identifier: MIT
#include "client/cli/layout_options.hpp"

#include "client/cli/output.hpp"
#include "common/units.hpp"

#include <sys/stat.h>

namespace orfa::cli {

void add_layout_options(CLI::App& command, LayoutOptions& options) {
    constexpr int kMostServers = 1 << 20;
    command.add_option("--stripe-size", options.stripe_size,
                       "Of new files: bytes of a stripe, a multiple of 4K, for example 4M");
    command
        .add_option("--stripe-count", options.stripe_count, "Of new files: servers used; -1: all")
        ->check(CLI::Range(-1, kMostServers));
    command
        .add_option("--first-server", options.first_server,
                    "Of new files: number of the server that holds the first stripe")
        ->check(CLI::Range(0, kMostServers));
}

bool to_layout(const LayoutOptions& options, orfa_layout& layout) {
    layout = {0, options.stripe_count, options.first_server};
    if (options.stripe_size.empty()) return true;
    auto size = parse_size(options.stripe_size);
    constexpr std::uint64_t kMultiple = 4096;
    if (!size.ok() || *size == 0 || *size % kMultiple != 0) {
        note("--stripe-size {}: not a multiple of 4K", options.stripe_size);
        return false;
    }
    layout.stripe_size = *size;
    return true;
}

mode_t current_umask() {
    const mode_t mask = umask(0);
    umask(mask);
    return mask;
}

}  // namespace orfa::cli
