// SPDX-License-Identifier: MIT
// A range of bytes of the file.
#pragma once

#include <cstdint>

namespace orfa::collective {

// From `start` up to `end`; empty where they are the same.
struct Range {
    std::uint64_t start = 0;
    std::uint64_t end = 0;

    // Whether any byte belongs to both.
    [[nodiscard]] bool meets(const Range& other) const {
        return start < other.end && other.start < end;
    }
    friend bool operator==(const Range&, const Range&) = default;
};

}  // namespace orfa::collective
