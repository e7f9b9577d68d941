// SPDX-License-Identifier: MIT
// Switches in the environment.
#pragma once

#include <cstdlib>
#include <cstring>

namespace orfa {

// Whether the variable, which switches something off by "0", does not.
inline bool is_wanted(const char* variable) {
    const char* value = std::getenv(variable);
    return value == nullptr || std::strcmp(value, "0") != 0;
}

}  // namespace orfa
