// SPDX-License-Identifier: MIT
#include "client/cli/describe.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <array>
#include <climits>
#include <ctime>

namespace orfa::cli {

const char* type_name(mode_t mode) {
    if (S_ISREG(mode)) return "file";
    if (S_ISDIR(mode)) return "directory";
    if (S_ISLNK(mode)) return "link";
    return "other";
}

std::string mode_text(mode_t mode) {
    std::string text = S_ISDIR(mode) ? "d" : S_ISLNK(mode) ? "l" : S_ISREG(mode) ? "-" : "?";
    for (int shift = 6; shift >= 0; shift -= 3) {
        const mode_t bits = mode >> shift;
        text += (bits & 4) != 0 ? 'r' : '-';
        text += (bits & 2) != 0 ? 'w' : '-';
        text += (bits & 1) != 0 ? 'x' : '-';
    }
    const auto special = [&](mode_t bit, std::size_t place, char with_x, char without_x) {
        if ((mode & bit) != 0) text[place] = text[place] == 'x' ? with_x : without_x;
    };
    special(S_ISUID, 3, 's', 'S');
    special(S_ISGID, 6, 's', 'S');
    special(S_ISVTX, 9, 't', 'T');
    return text;
}

std::string octal_mode(mode_t mode) {
    return fmt::format("{:04o}", mode & 07777U);
}

std::string time_text(const timespec& time, bool with_seconds) {
    tm parts{};
    localtime_r(&time.tv_sec, &parts);
    std::array<char, 64> text{};
    const std::size_t length = std::strftime(
        text.data(), text.size(), with_seconds ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &parts);
    return {text.data(), length};
}

std::string user_name(uid_t uid) {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr ? found->pw_name : std::to_string(uid);
}

std::string group_name(gid_t gid) {
    std::array<char, 16384> buffer{};
    group entry{};
    group* found = nullptr;
    getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr ? found->gr_name : std::to_string(gid);
}

nlohmann::ordered_json attributes_json(const struct stat& info) {
    return {{"type", type_name(info.st_mode)},
            {"size", info.st_size},
            {"mode", octal_mode(info.st_mode)},
            {"nlink", info.st_nlink},
            {"uid", info.st_uid},
            {"gid", info.st_gid},
            {"inode", info.st_ino},
            {"allocated", static_cast<std::uint64_t>(info.st_blocks) * 512},
            {"atime", info.st_atim.tv_sec},
            {"atime_ns", info.st_atim.tv_nsec},
            {"mtime", info.st_mtim.tv_sec},
            {"mtime_ns", info.st_mtim.tv_nsec},
            {"ctime", info.st_ctim.tv_sec},
            {"ctime_ns", info.st_ctim.tv_nsec}};
}

nlohmann::ordered_json layout_json(const orfa_layout& layout) {
    return {{"stripe_size", layout.stripe_size},
            {"stripe_count", layout.stripe_count},
            {"first_server", layout.first_server}};
}

std::string link_target(orfa_session* session, const std::string& path) {
    std::string target(PATH_MAX, '\0');
    const ssize_t length = orfa_readlink(session, path.c_str(), target.data(), target.size());
    target.resize(length > 0 ? std::min(static_cast<std::size_t>(length), target.size()) : 0);
    return target;
}

}  // namespace orfa::cli
