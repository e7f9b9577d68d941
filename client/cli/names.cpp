// SPDX-License-Identifier: MIT
// orfa rm, orfa mkdir, orfa mv
#include "client/cli/commands.hpp"
#include "client/cli/layout_options.hpp"
#include "client/cli/output.hpp"
#include "client/cli/remote.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::cli {
namespace {

// Removes a directory and all in it; goes on after a failure. False: something is left.
bool remove_tree(orfa_session* session, const std::string& path) {
    auto entries = read_folder(session, path);
    if (!entries.ok()) {
        fail_remote();
        return false;
    }
    bool all = true;
    for (const auto& entry : *entries) {
        const std::string inside = join(path, entry.name);
        if (S_ISDIR(entry.type)) {
            all = remove_tree(session, inside) && all;
        } else if (orfa_unlink(session, inside.c_str()) != 0) {
            fail_remote();
            all = false;
        }
    }
    if (!all) return false;
    if (orfa_rmdir(session, path.c_str()) == 0) return true;
    fail_remote();
    return false;
}

struct RmOptions {
    std::vector<std::string> paths;
    bool recursive = false;
    bool force = false;
};

int remove_one(orfa_session* session, const std::string& path, const RmOptions& options) {
    if (path == "/") return fail("orfa:/ itself can't be removed");
    struct stat info {};
    if (orfa_lstat(session, path.c_str(), &info) != 0) {
        return errno == ENOENT && options.force ? kExitOk : fail_remote();
    }
    if (!S_ISDIR(info.st_mode)) {
        return orfa_unlink(session, path.c_str()) == 0 ? kExitOk : fail_remote();
    }
    if (!options.recursive) return fail("{} is a directory; remove it with -r", shown(path));
    return remove_tree(session, path) ? kExitOk : kExitFailed;
}

int run_rm(const RmOptions& options) {
    const auto paths = only_remote_paths(options.paths);
    if (!paths) return kExitUsage;
    const Session session = connect_session();
    if (!session) return kExitFailed;
    int exit_code = kExitOk;
    for (const auto& path : *paths) {
        exit_code = std::max(exit_code, remove_one(session.get(), path, options));
    }
    return exit_code;
}

struct MkdirOptions {
    std::vector<std::string> paths;
    std::string mode = "777";
    bool parents = false;
};

int make_one(orfa_session* session, const std::string& path, mode_t mode, bool parents) {
    if (parents) {
        // Missing ones must at least let their maker make the next.
        constexpr mode_t kPassable = 0300;
        const mode_t parent_mode = (0777 & ~current_umask()) | kPassable;
        for (auto slash = path.find('/', 1); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            const std::string parent = path.substr(0, slash);
            if (orfa_mkdir(session, parent.c_str(), parent_mode) != 0 && errno != EEXIST) {
                return fail_remote();
            }
        }
    }
    if (orfa_mkdir(session, path.c_str(), mode) == 0) return kExitOk;
    struct stat info {};
    if (parents && errno == EEXIST) {
        if (orfa_stat(session, path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return kExitOk;
        return fail("{}: exists and is not a directory", shown(path));
    }
    return fail_remote();
}

int run_mkdir(const MkdirOptions& options) {
    const auto paths = only_remote_paths(options.paths);
    if (!paths) return kExitUsage;
    char* end = nullptr;
    const unsigned long bits = std::strtoul(options.mode.c_str(), &end, 8);
    constexpr unsigned long kMost = 07777;
    if (end == options.mode.c_str() || *end != '\0' || bits > kMost) {
        return misuse("--mode {}: not an octal mode such as 750", options.mode);
    }
    const Session session = connect_session();
    if (!session) return kExitFailed;
    const mode_t mode = static_cast<mode_t>(bits) & ~current_umask();
    int exit_code = kExitOk;
    for (const auto& path : *paths) {
        exit_code = std::max(exit_code, make_one(session.get(), path, mode, options.parents));
    }
    return exit_code;
}

int run_mv(const std::vector<std::string>& arguments) {
    auto paths = only_remote_paths(arguments);
    if (!paths) return misuse("to move between here and there: orfa cp, then rm");
    const Session session = connect_session();
    if (!session) return kExitFailed;
    const std::string target = paths->back();
    paths->pop_back();
    struct stat info {};
    const bool into = orfa_stat(session.get(), target.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
    if (!into && paths->size() > 1) return fail("{} is not a directory", shown(target));
    int exit_code = kExitOk;
    for (const auto& path : *paths) {
        const std::string to = into ? join(target, base_name(path)) : target;
        if (orfa_rename(session.get(), path.c_str(), to.c_str()) != 0) exit_code = fail_remote();
    }
    return exit_code;
}

}  // namespace

void add_rm(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<RmOptions>();
    CLI::App* command = app.add_subcommand("rm", "Remove files and, with -r, directories");
    command->add_option("PATH", options->paths, "orfa:/path")->required();
    command->add_flag("-r,--recursive", options->recursive, "Directories with all that is in them");
    command->add_flag("-f,--force", options->force, "What is not there is no error");
    command->footer("  orfa rm -r orfa:/old");
    command->callback([options, &exit_code] { exit_code = run_rm(*options); });
}

void add_mkdir(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<MkdirOptions>();
    CLI::App* command = app.add_subcommand("mkdir", "Make directories");
    command->add_option("PATH", options->paths, "orfa:/path")->required();
    command->add_flag("-p,--parents", options->parents,
                      "Missing parents as well; a directory that is there is no error");
    command->add_option("-m,--mode", options->mode, "Octal mode, before the umask")
        ->capture_default_str();
    command->footer("  orfa mkdir -p orfa:/runs/2026/07");
    command->callback([options, &exit_code] { exit_code = run_mkdir(*options); });
}

void add_mv(CLI::App& app, int& exit_code) {
    auto paths = std::make_shared<std::vector<std::string>>();
    CLI::App* command = app.add_subcommand("mv", "Rename files and directories, or move them");
    command->add_option("PATH", *paths, "What to move ..., and where to: a name or a directory")
        ->required()
        ->expected(2, -1);
    command->footer(
        "  orfa mv orfa:/a.dat orfa:/b.dat\n"
        "  orfa mv orfa:/a.dat orfa:/b.dat orfa:/archive");
    command->callback([paths, &exit_code] { exit_code = run_mv(*paths); });
}

}  // namespace orfa::cli
