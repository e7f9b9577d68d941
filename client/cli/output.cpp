// SPDX-License-Identifier: MIT
#include "client/cli/output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace orfa::cli {

void out_text(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void error_text(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

void out_json(const nlohmann::ordered_json& value) {
    out_text(value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

std::string printable(std::string_view name) {
    std::string text;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            text += fmt::format("\\x{:02x}", byte);
        } else {
            text += c;
        }
    }
    return text;
}

std::string reason(int error) {
    return std::strerror(error);
}

int finish_output(int exit_code) {
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
    return fail("standard output: {}", errno != 0 ? reason(errno) : "write failed");
}

}  // namespace orfa::cli
