// SPDX-License-Identifier: MIT
// Options for the layout of new files, the same wherever files are made.
#pragma once

#include "client/orfa.h"

#include <CLI/CLI.hpp>
#include <string>

namespace orfa::cli {

struct LayoutOptions {
    std::string stripe_size;  // empty: the cluster's default
    int stripe_count = 0;     // 0: the cluster's default
    int first_server = -1;    // -1: the inode's own

    [[nodiscard]] bool given() const {
        return !stripe_size.empty() || stripe_count != 0 || first_server >= 0;
    }
};

void add_layout_options(CLI::App& command, LayoutOptions& options);
// False after saying what is wrong.
bool to_layout(const LayoutOptions& options, orfa_layout& layout);

// The mode bits new files must not get; orfa.h applies none itself.
mode_t current_umask();

}  // namespace orfa::cli
