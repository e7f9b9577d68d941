// SPDX-License-Identifier: MIT
// orfa stat, orfa layout
#include "client/cli/commands.hpp"
#include "client/cli/describe.hpp"
#include "client/cli/layout_options.hpp"
#include "client/cli/output.hpp"
#include "client/cli/remote.hpp"
#include "common/units.hpp"

#include <fcntl.h>

namespace orfa::cli {
namespace {

using nlohmann::ordered_json;

struct PathsOptions {
    std::vector<std::string> paths;
    bool json = false;
};

std::string layout_words(const orfa_layout& layout) {
    return fmt::format("{} on {} server{}, first {}", format_bytes(layout.stripe_size),
                       layout.stripe_count, layout.stripe_count == 1 ? "" : "s",
                       layout.first_server);
}

int stat_one(orfa_session* session, const std::string& path, ordered_json* json) {
    struct stat info {};
    if (orfa_lstat(session, path.c_str(), &info) != 0) return fail_remote();
    orfa_layout layout{};
    const bool file = S_ISREG(info.st_mode);
    if (file && orfa_layout_of(session, path.c_str(), &layout) != 0) return fail_remote();
    const std::string target = S_ISLNK(info.st_mode) ? link_target(session, path) : "";
    if (json != nullptr) {
        ordered_json object{{"path", "orfa:" + path}};
        object.update(attributes_json(info));
        if (file) object["layout"] = layout_json(layout);
        if (S_ISLNK(info.st_mode)) object["target"] = target;
        json->push_back(std::move(object));
        return kExitOk;
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    out("  Path: {}{}{}\n", shown(path), target.empty() ? "" : " -> ", printable(target));
    out("  Type: {}   Inode: {}   Links: {}\n", type_name(info.st_mode), info.st_ino,
        info.st_nlink);
    out("  Size: {} ({})\n", size, format_bytes(size));
    out("  Mode: {} ({})   Owner: {} ({})   Group: {} ({})\n", octal_mode(info.st_mode),
        mode_text(info.st_mode), info.st_uid, user_name(info.st_uid), info.st_gid,
        group_name(info.st_gid));
    if (file) out("Layout: stripes of {}\n", layout_words(layout));
    out("Access: {}\nModify: {}\nChange: {}\n", time_text(info.st_atim, true),
        time_text(info.st_mtim, true), time_text(info.st_ctim, true));
    return kExitOk;
}

int run_stat(const PathsOptions& options) {
    const auto paths = only_remote_paths(options.paths);
    if (!paths) return kExitUsage;
    const Session session = connect_session();
    if (!session) return kExitFailed;
    ordered_json json = ordered_json::array();
    int exit_code = kExitOk;
    for (const auto& path : *paths) {
        exit_code =
            std::max(exit_code, stat_one(session.get(), path, options.json ? &json : nullptr));
    }
    if (options.json) out_json(json);
    return exit_code;
}

struct LayoutCommandOptions {
    PathsOptions show;
    LayoutOptions wanted;
    bool create = false;
};

int layout_one(orfa_session* session, const std::string& path, const orfa_layout* create,
               ordered_json* json) {
    orfa_layout layout{};
    if (create != nullptr) {
        constexpr mode_t kMode = 0666;
        const File file(orfa_open(session, path.c_str(), O_WRONLY | O_CREAT | O_EXCL,
                                  kMode & ~current_umask(), create));
        if (!file || orfa_file_layout(file.get(), &layout) != 0) return fail_remote();
    } else if (orfa_layout_of(session, path.c_str(), &layout) != 0) {
        return fail_remote();
    }
    if (json != nullptr) {
        ordered_json object{{"path", "orfa:" + path}};
        object.update(layout_json(layout));
        json->push_back(std::move(object));
    } else {
        out("{}: stripes of {}\n", shown(path), layout_words(layout));
    }
    return kExitOk;
}

int run_layout(const LayoutCommandOptions& options) {
    const auto paths = only_remote_paths(options.show.paths);
    if (!paths) return kExitUsage;
    orfa_layout layout = ORFA_LAYOUT_DEFAULT;
    if (!to_layout(options.wanted, layout)) return kExitUsage;
    if (!options.create && options.wanted.given()) {
        return misuse("a file's layout is chosen when it is created; say --create for a new one");
    }
    const Session session = connect_session();
    if (!session) return kExitFailed;
    ordered_json json = ordered_json::array();
    int exit_code = kExitOk;
    for (const auto& path : *paths) {
        exit_code =
            std::max(exit_code, layout_one(session.get(), path, options.create ? &layout : nullptr,
                                           options.show.json ? &json : nullptr));
    }
    if (options.show.json) out_json(json);
    return exit_code;
}

}  // namespace

void add_stat(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<PathsOptions>();
    CLI::App* command = app.add_subcommand("stat", "Show all attributes of files and directories");
    command->add_option("PATH", options->paths, "orfa:/path")->required();
    command->add_flag("--json", options->json, "Print JSON: an array with one object a path");
    command->footer(
        "Links are shown themselves, not what they lead to.\n\n"
        "  orfa stat --json orfa:/data.h5 | jq '.[0].size'");
    command->callback([options, &exit_code] { exit_code = run_stat(*options); });
}

void add_layout(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<LayoutCommandOptions>();
    CLI::App* command =
        app.add_subcommand("layout", "Show how files are striped over servers, or create them so");
    command->add_option("PATH", options->show.paths, "orfa:/path")->required();
    command->add_flag("--create", options->create, "Create empty files with the given layout");
    add_layout_options(*command, options->wanted);
    command->add_flag("--json", options->show.json, "Print JSON: an array with one object a path");
    command->footer(
        "Stripe k of a file is on server (first + k mod count) mod the number of servers.\n\n"
        "  orfa layout orfa:/data.h5\n"
        "  orfa layout --create --stripe-size 4M --stripe-count 2 orfa:/new.dat");
    command->callback([options, &exit_code] { exit_code = run_layout(*options); });
}

}  // namespace orfa::cli
