// SPDX-License-Identifier: MIT
#include "client/core/error_text.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace orfa::client {
namespace {

// No constructor: this library is loaded into other people's processes.
thread_local char text[512];

}  // namespace

Status fail(Status status, const char* format, ...) {
    // The arguments may point into the old text.
    char fresh[sizeof(text)];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(fresh, sizeof(fresh), format, arguments);
    va_end(arguments);
    std::memcpy(text, fresh, sizeof(text));
    return status;
}

std::string describe(Status status) {
    switch (status.err()) {
        case ECONNREFUSED:
            return "the server can't be reached";
        case ECONNRESET:
            return "the server died or closed the connection";
        case ETIMEDOUT:
            return "the server does not answer";
        case EPROTO:
            return "the server and this client don't understand each other";
        case ESTALE:
            return "the server was started anew and has lost what it held: connect again";
        default:
            break;
    }
    // GNU's strerror_r gives its own text or fills the buffer.
    char buffer[96];
    return ::strerror_r(status.err(), buffer, sizeof(buffer));
}

Status fail_at(Status status, const char* what, const char* path, std::uint32_t server,
               const fabric::Address* address) {
    char where[160] = "";
    if (address != nullptr)
        std::snprintf(where, sizeof(where), " (server %u, %s:%u)", server, address->host.c_str(),
                      static_cast<unsigned>(address->port));
    if (path == nullptr) return fail(status, "%s: %s%s", what, describe(status).c_str(), where);
    return fail(status, "%s '%s': %s%s", what, path, describe(status).c_str(), where);
}

const char* last_error_text() {
    return text;
}

}  // namespace orfa::client
