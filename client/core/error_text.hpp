// SPDX-License-Identifier: MIT
// What the last failed call of this thread has to say: which path or server, and why. The place
// that detects a failure writes it; callers may put words in front of it.
#pragma once

#include "common/status.hpp"
#include "fabric/fabric.hpp"

#include <cstdint>
#include <string>

namespace orfa::client {

// Replaces this thread's text by the formatted one (cut at 511 bytes) and returns `status`.
[[gnu::format(printf, 2, 3)]] Status fail(Status status, const char* format, ...);

// fail() with the words "<what> '<path>': <reason> (server 2, host:7010)". `path` may be null, and
// `address` null when no server is to blame.
Status fail_at(Status status, const char* what, const char* path, std::uint32_t server,
               const fabric::Address* address);

// An errno in words: strerror()'s, where those fit.
std::string describe(Status status);

// This thread's text; "" before its first failure. Valid until the thread's next failure.
const char* last_error_text();

}  // namespace orfa::client
