// SPDX-License-Identifier: MIT
// What the command prints: results on standard output, words for people on standard error.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace orfa::cli {

// Exit codes of every command.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// Writes as it is; what can't be written is reported by finish_output().
void out_text(std::string_view text);
void error_text(std::string_view text);

template <typename... T>
void out(fmt::format_string<T...> format, T&&... values) {
    out_text(fmt::format(format, std::forward<T>(values)...));
}

// A line of its own on standard error: "orfa: ...".
template <typename... T>
void note(fmt::format_string<T...> format, T&&... values) {
    error_text("orfa: " + fmt::format(format, std::forward<T>(values)...) + "\n");
}

// note() and the exit code of an operation that failed, or of a command used wrongly.
template <typename... T>
int fail(fmt::format_string<T...> format, T&&... values) {
    note(format, std::forward<T>(values)...);
    return kExitFailed;
}
template <typename... T>
int misuse(fmt::format_string<T...> format, T&&... values) {
    note(format, std::forward<T>(values)...);
    return kExitUsage;
}

// Indented, one trailing newline; bytes that are not UTF-8 become U+FFFD.
void out_json(const nlohmann::ordered_json& value);

// A name with control characters as \xNN, so that no file name can drive a terminal.
std::string printable(std::string_view name);

// The text of an errno.
std::string reason(int error);

// Flushes; kExitFailed with a note when standard output could not be written, else `exit_code`.
int finish_output(int exit_code);

}  // namespace orfa::cli
